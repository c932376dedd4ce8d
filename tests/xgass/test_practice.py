"""The 500 practice pictures: whole or not at all, checked, and simulated ones where they cannot be had."""

import errno
import io
import os
import shutil
import socket
import time
import zipfile
from pathlib import Path
from unittest.mock import Mock

import data_made as made
import numpy as np
import pandas as pd
import pytest
from data_made import http, jpeg, serve

from xgass import DataError, __main__, load_catalog, load_practice, practice


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A folder like the published one, with pictures and labels made here."""
    folder = tmp_path_factory.mktemp("practice")
    first = 1237648704043942146
    for part, count in practice.COUNTS.items():
        ids = [str(first + i) for i in range(count)]
        first += count
        made.put(folder / part, jpeg(128), *[f"{galaxy}.jpg" for galaxy in ids])
        table = pd.DataFrame({"objID": ids, "oh_p50": np.linspace(8.2, 9.2, count)})
        made.put(folder / "catalogs", table.to_csv(index=False), f"{part}.csv")
    return folder


@pytest.fixture
def folder(published, tmp_path):
    """A copy that a test may spoil."""
    return shutil.copytree(published, tmp_path / "mine")


def zipped(folder):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path in sorted(folder.rglob("*.*")):
            archive.write(path, f"convnet-demo-x/{path.relative_to(folder)}")
        archive.writestr("convnet-demo-x/README.md", "not wanted")
        archive.writestr("convnet-demo-x/train/../../../out.jpg", "not wanted")
    return out.getvalue()


@pytest.fixture
def server(folder, monkeypatch):
    """Serve the archive, made of the folder as it is when the fixture starts; `paths` has the requests."""
    answer = [http(zipped(folder))]
    with serve(lambda path: answer) as server:
        monkeypatch.setattr(practice, "ADDRESS", f"{server.url}/x.zip")
        yield server


def test_one_request_brings_all_of_it(folder, data, monkeypatch, capsys):
    with serve(lambda path: [http(zipped(folder))]) as server:
        monkeypatch.setattr(practice, "ADDRESS", f"{server.url}/x.zip")
        table = load_practice()
        pd.testing.assert_frame_equal(load_practice(), table)
        assert len(server.paths) == 1
        next((data / "practice" / "train").iterdir()).write_bytes(b"spoiled")
        pd.testing.assert_frame_equal(load_practice(), table)
        assert len(server.paths) == 2
    assert table.attrs == {"source": "sdss", "label": "12 + log10(O/H)"}
    assert len(table) == 500 and table["test"].sum() == 100 and table.index.name == "id"
    assert capsys.readouterr().out.count("Using 500 real pictures") == 3
    assert sorted(path.name for path in data.iterdir()) == ["mock", "practice"]
    assert sorted(path.name for path in (data / "practice").iterdir()) == ["catalogs", "test", "train"]


@pytest.mark.parametrize("kind", ["a folder", "a link"])
def test_a_repair_takes_nothing_else_that_a_learner_keeps_there(kind, server, folder, data, tmp_path):
    here = folder.rename(tmp_path / "scratch" if kind == "a link" else data / "practice")
    if kind == "a link":
        (data / "practice").symlink_to(here)
    made.put(here, "mine", "notes.txt")
    made.put(here / "catalogs", "mine", "my-sample.csv")
    next((here / "train").iterdir()).write_bytes(b"spoiled")
    assert load_practice().attrs["source"] == "sdss"
    assert load_practice().attrs["source"] == "sdss" and len(server.paths) == 1
    assert (here / "notes.txt").read_text() == (here / "catalogs" / "my-sample.csv").read_text() == "mine"
    assert (data / "practice").is_symlink() == (kind == "a link")
    assert not [path for path in [*data.rglob("*"), *here.rglob("*")] if path.name.endswith(".tmp")]


def test_a_link_to_a_scratch_disk_that_was_emptied_is_filled(server, data, tmp_path):
    (data / "practice").symlink_to(tmp_path / "scratch" / "practice")
    assert load_practice().attrs["source"] == "sdss"
    assert sorted(os.listdir(tmp_path / "scratch" / "practice")) == ["catalogs", "test", "train"]


@pytest.mark.parametrize("kind", ["a picture", "a table"])
def test_a_disk_that_cannot_be_read_is_named_and_nothing_is_replaced(
    kind, server, folder, data, monkeypatch, capsys
):
    shutil.move(folder, data / "practice")
    before = {path: path.stat().st_mtime_ns for path in (data / "practice").rglob("*")}
    with monkeypatch.context() as patch:
        read = Path.read_bytes
        suffix = {"a picture": ".jpg", "a table": ".csv"}[kind]

        def fails(path):
            if path.suffix == suffix and "practice" in path.parts:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return read(path)

        patch.setattr(Path, "read_bytes", fails)
        with pytest.raises(DataError, match=r"(jpg|csv) cannot be read: Input/output error. Run this again"):
            practice.get_practice()
        assert load_practice().attrs["source"] == "mock"
        assert "Input/output error. Run this again" in capsys.readouterr().out
    assert server.paths == []
    assert before == {path: path.stat().st_mtime_ns for path in (data / "practice").rglob("*")}
    assert load_practice().attrs["source"] == "sdss"


@pytest.mark.parametrize("there", [False, True])
def test_a_disk_that_fills_up_is_named_and_the_next_time_goes_on(there, server, data, monkeypatch, capsys):
    if there:
        made.put(data / "practice", "mine", "notes.txt")
    before = sorted(data.rglob("*"))
    full = OSError(errno.ENOSPC, "no space")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", Mock(side_effect=full))
        assert load_practice().attrs["source"] == "mock"
    assert "data/practice cannot be written: no space" in capsys.readouterr().out
    assert sorted(data.rglob("*")) == before
    assert load_practice().attrs["source"] == "sdss"
    assert (data / "practice" / "notes.txt").exists() is there


def test_a_simulated_sample_that_is_spoiled_names_the_way_out(data):
    made.put(data / "mock", "spoiled", "catalog.csv")
    with pytest.raises(DataError, match="data/mock cannot be used: catalog.csv: .*git checkout"):
        load_practice()


def test_make_data_gets_them_too(folder, data, df, fits, monkeypatch, capsys):
    made.put_pictures(made.put(data / "xgass", fits), df["GASS"])
    assert __main__.main() == 1, "nobody answers"
    assert "What has arrived is kept" in capsys.readouterr().err
    with serve(lambda path: [http(zipped(folder))]) as server:
        monkeypatch.setattr(practice, "ADDRESS", f"{server.url}/x.zip")
        assert __main__.main() == 0
    assert "500 practice pictures" in capsys.readouterr().out
    assert len(list((data / "practice" / "test").iterdir())) == 100


BAD = {  # the answer of the server, and what is said
    "cut": (lambda raw: [http(raw)[:-500]], "cut off|no network connection"),
    "half": (lambda raw: [http(raw[: len(raw) // 2])], "no whole zip"),
    "a web page": (lambda raw: [http(b"<html>")], "no whole zip"),
    "busy": (lambda raw: [http(status=429)], "HTTP 429"),
    "endless": (lambda raw: [b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 1_000_000] * 30], "larger than 20 MB"),
    "hanging": (lambda raw: [None], "no answer in time"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_download_leaves_nothing_and_simulated_galaxies_step_in(
    kind, folder, data, monkeypatch, capsys
):
    answer, said = BAD[kind]
    monkeypatch.setattr(practice, "SECONDS", 1.0)
    with serve(lambda path: answer(zipped(folder))) as server:
        monkeypatch.setattr(practice, "ADDRESS", f"{server.url}/x.zip")
        table = load_practice()
    assert table.attrs["source"] == "mock" and len(table) == 500 and table["test"].sum() == 100
    line = capsys.readouterr().out
    assert "SIMULATED" in line and any(word in line for word in said.split("|"))
    assert [path.name for path in data.iterdir()] == ["mock"]


SPOILED = {  # what is done to the folder, and what is said
    "a picture is missing": (lambda f: next((f / "test").iterdir()).unlink(), "no such file"),
    "a picture is cut": (
        lambda f: next((f / "train").iterdir()).write_bytes(jpeg(128)[:500]),
        "JPEG|cut off",
    ),
    "another size": (lambda f: next((f / "train").iterdir()).write_bytes(jpeg(64)), "64 x 64 px"),
    "no table": (lambda f: (f / "catalogs" / "test.csv").unlink(), "catalogs/test.csv: No such file"),
    "other columns": (lambda f: (f / "catalogs" / "test.csv").write_text("a,b\n1,2\n"), "the columns are"),
    "few galaxies": (lambda f: (f / "catalogs" / "test.csv").write_text("objID,oh_p50\n1,9\n"), "1 galaxies"),
    "twice": (lambda f: shutil.copytree(f / "train", f / "test", dirs_exist_ok=True) and twice(f), "twice"),
    "not an abundance": (lambda f: scaled(f), "cannot be, in row 1"),
}


def twice(folder):
    train = pd.read_csv(folder / "catalogs" / "train.csv", dtype=str)
    train.head(100).to_csv(folder / "catalogs" / "test.csv", index=False)


def scaled(folder):
    path = folder / "catalogs" / "train.csv"
    table = pd.read_csv(path, dtype={"objID": str})
    table.assign(oh_p50=table["oh_p50"] - 12).to_csv(path, index=False)


@pytest.mark.parametrize("kind", SPOILED)
def test_a_named_folder_that_does_not_serve_is_an_error(kind, folder, monkeypatch):
    spoil, said = SPOILED[kind]
    spoil(folder)
    monkeypatch.setenv("PRACTICE_DATA", str(folder))
    with pytest.raises(DataError, match=f"PRACTICE_DATA cannot be used: .*({said}).*unset PRACTICE_DATA"):
        load_practice()


def test_the_fast_mode_takes_the_same_140(folder, monkeypatch, capsys):
    monkeypatch.setenv("TUTORIAL_FAST", "1")
    monkeypatch.setenv("PRACTICE_SOURCE", "mock")
    table = load_practice()
    assert "140 SIMULATED pictures" in capsys.readouterr().out and table["test"].sum() == 40
    monkeypatch.setenv("PRACTICE_DATA", str(folder))
    real = load_practice()
    assert len(real) == 140 and real["test"].sum() == 40 and real.attrs["source"] == "sdss"


def test_the_published_pictures_are_read(real_practice, monkeypatch):
    monkeypatch.setenv("PRACTICE_DATA", str(real_practice))
    table = load_practice()
    assert abs(table["label"].mean() - 8.90) < 0.01 and table["label"].between(8.13, 9.31).all()


def test_offline_there_are_data_in_less_than_ten_seconds(monkeypatch):
    def blocked(*arguments, **named):
        raise OSError("the network is blocked")

    monkeypatch.setattr(socket, "getaddrinfo", blocked)
    monkeypatch.setattr(socket.socket, "connect", blocked)
    begun = time.monotonic()
    assert load_catalog(images=True).attrs["source"] == "mock"
    assert load_practice().attrs["source"] == "mock"
    assert time.monotonic() - begun < 10
