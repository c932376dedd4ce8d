"""What every test starts from: no setting of the shell that runs it, and the real catalogue if there is one.

XGASS_DATA names the folder of the real catalogue. It is taken out of the environment, so that no test meets
real data unasked; who wants them asks for the fixture `real_catalogue`.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

for name in ("XGASS_DATA", "XGASS_SOURCE", "TUTORIAL_FAST"):
    if value := os.environ.pop(name, ""):
        os.environ[f"TESTS_{name}"] = value  # a worker of xdist starts from this environment
# before torch: threads that wait must not take the other's core
os.environ |= {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000"}


@pytest.fixture(scope="session")
def real_catalogue():
    """Return the path of the real catalogue in the folder that XGASS_DATA names."""
    folder = os.environ.get("TESTS_XGASS_DATA")
    if not folder:
        pytest.skip("no real catalogue: XGASS_DATA names no folder")
    return Path(folder).resolve() / "xGASS_representative_sample.fits"


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """Return the folder of the site, built as `make site` builds it."""
    root, out = Path(__file__).resolve().parents[1], tmp_path_factory.mktemp("site")
    command = [sys.executable, *"-m sphinx -q -W --keep-going -c docs -d".split(), out / "doctrees"]
    command += [".", out / "site"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return out / "site"
