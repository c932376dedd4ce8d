"""Both notebooks in a folder with blanks, without a HOME, and with PYTHONSAFEPATH."""

import os
import shutil
from pathlib import Path

import nbformat
import pytest

from notebooks import ROOT, live

pytestmark = pytest.mark.full
NOTEBOOKS = sorted((ROOT / "day2").glob("0*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name[:2])
def test_a_notebook_runs_elsewhere(path, tmp_path):
    there = tmp_path / "My Drive" / "Astro Hack"
    leave = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    shutil.copytree(ROOT / "day2", there / "day2", ignore=leave)
    shutil.copytree(ROOT / "data" / "mock", there / "data" / "mock")
    env = {"HOME": "/proc/nowhere", "PYTHONSAFEPATH": "1", "XGASS_SOURCE": "mock", "TUTORIAL_FAST": "1"}
    with live(nbformat.read(path, as_version=4), path.name, there / "day2", **env) as (_, failure):
        assert failure == ""
    assert not (Path(os.sep) / "proc" / "nowhere").exists()
