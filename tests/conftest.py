"""What every test starts from: no setting of the shell that runs it, and real data if there are some.

XGASS_DATA and PRACTICE_DATA name real data, in any spelling that the package accepts. They are taken out of
the environment, so that no test meets real data unasked; who wants them asks for `real_catalog` or
`real_practice`.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from astropy.table import Table

from xgass import load_catalog

NAMED = {}
for name in ("XGASS_DATA", "PRACTICE_DATA", "XGASS_SOURCE", "PRACTICE_SOURCE", "TUTORIAL_FAST"):
    value = os.environ.pop(name, "").strip() or os.environ.get(f"TESTS_{name}", "")
    if value:
        os.environ[f"TESTS_{name}"] = value  # a worker of xdist starts from this environment
    NAMED[name] = value


def named_folder(name):
    """Return the absolute path of the real data that a variable names; skip the test without it."""
    if not NAMED[name]:
        pytest.skip(f"no real data: {name} names no folder")
    return Path(NAMED[name]).expanduser().absolute()


@pytest.fixture(scope="session")
def real_place():
    """Return the folder or file that XGASS_DATA names."""
    return named_folder("XGASS_DATA")


@pytest.fixture(scope="session")
def real_catalog(real_place, tmp_path_factory):
    """Return the path of the real catalog, as the package reads it, alone in a folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XGASS_DATA", str(real_place))
        catalog = load_catalog("xgass")
    path = tmp_path_factory.mktemp("real") / "xGASS_representative_sample.fits"
    Table.from_pandas(catalog.reset_index()).write(path)
    return path


@pytest.fixture(scope="session")
def real_practice():
    """Return the folder of real pictures that PRACTICE_DATA names."""
    return named_folder("PRACTICE_DATA")


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """Return the folder of the site, built as `make site` builds it."""
    root, out = Path(__file__).resolve().parents[1], tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-W",
        "--keep-going",
        "-c",
        "docs",
        "-d",
        out / "doctrees",
    ]
    command += [".", out / "site"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return out / "site"
