"""What is missing is said in one line before anything runs; what works is silent."""

import importlib
import subprocess
import sys
from contextlib import nullcontext

import data_made as made
import pytest

from xgass import DataError, preflight

module = importlib.import_module("xgass.preflight")
GOOD = {"fastai": "2.8.8", "fastcore": "2.2.12", "plum-dispatch": "2.9.0"}
COLAB = {"COLAB_RELEASE_TAG": "x"}
CASES = [  # absent packages, versions, settings; what is said of part 1, of part 2
    ("distributed", {"fastai": "2.8.7", "fastcore": "1.14.5"}, {}, "", ""),
    ("torch fastai", {}, {}, "", 'torch is not.*fastai is.*%pip install "torch" "fastai"` in a'),
    ("astropy PIL", {}, {}, *['astropy is not.*pillow is not.*install "astropy" "pillow"` in a cell'] * 2),
    ("astropy dask", {}, COLAB, *["astropy is not.*dask is not.*version Latest$"] * 2),
    ("", {"fastai": "2.8.7", "fastcore": "2.0.5"}, COLAB, "", "train.*version Latest$"),
    ("", {"fastai": "2.8.7", "fastcore": "2.2.5"}, {}, "", 'cannot train.*%pip install "fastai>=2.8.8"`'),
    ("", {"plum-dispatch": "2.10.0"}, {}, "", "fastai cannot be imported with plum-dispatch 2.10.0"),
    ("", {"python": (3, 10, 2)}, {}, *["Python 3.11 or newer is needed, this is 3.10.*choose a kernel"] * 2),
]


@pytest.mark.parametrize(("absent", "found", "settings", "part1", "part2"), CASES)
def test_what_is_missing_is_said_in_one_line(absent, found, settings, part1, part2, monkeypatch):
    monkeypatch.delenv("COLAB_RELEASE_TAG", raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(module, "find_spec", lambda name: None if name in absent.split() else name)
    monkeypatch.setattr(module, "version", lambda name: {**GOOD, **found}[name])
    monkeypatch.setattr(module.sys, "version_info", found.get("python", (3, 13, 0)))
    for part, said in [(1, part1), (2, part2)]:
        with (
            pytest.raises(DataError, match=f"^part {part} cannot .*{said}[^\n]*$") if said else nullcontext()
        ):
            preflight(part)


def test_a_python_with_nothing_installed_names_all_of_it(tmp_path):
    """Also with PYTHONSAFEPATH and a HOME that cannot be read."""
    env = {"PYTHONPATH": str(made.ROOT / "day2"), "PYTHONSAFEPATH": "1", "HOME": str(tmp_path / "nowhere")}
    command = [sys.executable, "-S", "-c", "import xgass; xgass.preflight(2)"]
    run = subprocess.run(command, env=env, capture_output=True, text=True)
    last = run.stderr.splitlines()[-1]
    assert all(f"{name} is not installed" in last for name in ("pandas", "astropy", "scikit-learn", "torch"))
