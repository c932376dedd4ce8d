"""Every test of the data starts with an empty ``data/xgass``, the simulated sample, and no network."""

import data_made as made
import pytest

from xgass import catalog, pictures, practice


@pytest.fixture(scope="session")
def df():
    return made.as_real()


@pytest.fixture(scope="session")
def fits(df):
    return made.as_table(df, "fits")


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    """The folder ``data`` of this test."""
    made.put(tmp_path / "data" / "mock", (made.MOCK / "catalog.csv").read_bytes(), "catalog.csv")
    (tmp_path / "data" / "mock" / "images").symlink_to(made.MOCK / "images")
    monkeypatch.setattr(catalog, "DATA", tmp_path / "data")
    monkeypatch.setattr(practice, "DATA", tmp_path / "data")
    monkeypatch.setattr(practice, "ADDRESS", f"{made.NOBODY}/practice.zip")
    monkeypatch.setattr(catalog, "CATALOG", {f"{made.NOBODY}/{made.FITS}": None})
    monkeypatch.setattr(pictures, "SERVICES", {"nobody": made.NOBODY})
    return tmp_path / "data"
