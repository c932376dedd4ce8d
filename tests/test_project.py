"""The frame of the project: lists of packages, settings, licences."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
# What Colab has: 2026-08 (Python 3.13), and the pinned 2026.07 runtime (Python 3.12) where it differs.
COLAB = {
    "numpy": ["2.1.3", "2.0.2"], "scipy": ["1.16.3"], "matplotlib": ["3.10.0"], "pandas": ["2.2.3", "2.2.2"],
    "scikit-learn": ["1.6.1"], "torch": ["2.11.0"], "torchvision": ["0.26.0"], "fastai": ["2.8.8", "2.8.7"],
    "ipywidgets": ["7.7.1"], "astropy": ["7.2.2"], "pooch": ["1.9.0"], "tqdm": ["4.67.3"],
    "pillow": ["11.3.0"], "dask": ["2026.1.1"], "distributed": ["2026.1.1"], "accelerate": ["1.14.0"],
    "pyarrow": ["18.1.0"],  # of 2025; Colab has had one for years
}
# What runs and checks the notebooks on a computer of one's own; pooch itself brings requests.
NOT_ON_COLAB = {"jupyter", "nbval", "psutil", "pytest", "pytest-xdist", "hypothesis", "ruff", "requests",
                "check-jsonschema", "playwright"}
CONDA_NAMES = {"torch": "pytorch", "playwright": "playwright-python"}


def pip_list(text):
    """Return {package: specifier} of a requirements file."""
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    requirements = [Requirement(line) for line in lines if line]
    return {requirement.name: str(requirement.specifier) for requirement in requirements}


def conda_list(text):
    """Return {package: specifier} of an environment file, without Python itself."""
    requirements = [Requirement(line) for line in yaml.safe_load(text)["dependencies"]]
    return {r.name: str(r.specifier) for r in requirements if r.name != "python"}


def too_new_for_colab(requirements):
    """Return the packages whose floor Colab does not meet: there `pip install` would break the kernel."""
    return [name for name, specifier in requirements.items() for version in COLAB.get(name, [])
            if Version(version) not in Requirement(name + specifier).specifier]


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def test_both_lists_of_packages_are_the_same():
    pip = {CONDA_NAMES.get(name, name): floor for name, floor in pip_list(read("requirements.txt")).items()}
    assert conda_list(read("environment.yml")) == pip
    assert all(re.fullmatch(r">=[0-9.]+", floor) for floor in pip.values()), "floors only: no pins, no caps"


def test_colab_needs_nothing_new():
    requirements = pip_list(read("requirements.txt"))
    assert too_new_for_colab(requirements) == []
    assert set(requirements) == set(COLAB) | NOT_ON_COLAB, "a package that Colab may not have"
    assert too_new_for_colab({**requirements, "numpy": ">=2.1"}) == ["numpy"], "the check can fail"


def test_the_twin_of_colab_has_its_versions():
    pins = pip_list(read("tests/colab/constraints.txt"))
    assert {name: f"=={versions[0]}" for name, versions in COLAB.items()}.items() <= pins.items()
    parts = [set(pip_list(read(f"tests/colab/requirements-part{n}.txt"))) for n in (1, 2)]
    assert set(COLAB) <= parts[0] | parts[1] and set(pins) <= parts[0] | parts[1]
    assert {"torch", "torchvision", "fastai"} <= parts[1] and not parts[0] & parts[1]


def test_each_package_has_its_reason():
    lines = [line for line in read("requirements.txt").splitlines() if line and not line.startswith("#")]
    assert [line for line in lines if not re.search(r"  # \w", line)] == []


def make(*arguments):
    """Run make as a user's shell does, not as a child of the make that runs the tests."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", *arguments], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)


def test_make_help_lists_every_target():
    targets = re.search(r"^\.PHONY: (.*)$", read("Makefile"), flags=re.M).group(1).split()
    assert re.findall(r"^make ([\w-]+)", make("help").stdout, flags=re.M) == targets
    assert {"run", "test", "lab", "data", "mock", "refresh", "bench"} <= set(targets)


def test_make_refuses_an_old_python(tmp_path):
    old = tmp_path / "python3.10"
    old.write_text("#!/bin/sh\nexit 1\n")  # what 3.10 answers when asked whether it is 3.11
    old.chmod(0o755)
    done = make("run", f"PYTHON={old}", f"VENV={tmp_path / 'venv'}")
    assert done.returncode != 0 and "Python 3.11 or newer is needed" in done.stdout
    assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize(("present", "expected"), [(True, "--nbval --nbval-san"), (False, "--nbval-lax")])
def test_make_test_compares_part_1_only_with_the_real_catalogue(tmp_path, present, expected):
    """Saved outputs come from the real catalogue: without it nothing could be compared with them."""
    done = make("-n", "test", f"VENV={tmp_path}", f"REAL={tmp_path if present else ''}")
    line = next(line for line in done.stdout.splitlines() if "01-" in line)
    assert expected in line and f"XGASS_SOURCE={'xgass' if present else 'mock'}" in line
    assert ("SIMULATED" in done.stdout) is not present


def test_ci_script_is_sound():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "set -euo pipefail" in script.read_text(encoding="utf-8")
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0


def test_citation_and_licence():
    citation = yaml.safe_load(read("CITATION.cff"))
    assert {"cff-version", "title", "message", "authors", "license"} <= set(citation)
    assert citation["license"] == "MIT" and read("LICENSE").startswith("MIT License")
    assert [reference.get("doi") for reference in citation["references"]][0] == "10.3847/1538-4357/abacbb"


@pytest.mark.skipif(not (ROOT / ".git").exists() or not shutil.which("git"), reason="not a git clone")
def test_nothing_of_the_real_data_is_committed():
    """The licence to pass on the real catalogue is not established: only the simulated sample is kept."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True,
                            text=True, check=True).stdout.splitlines()
    real = [path for path in listed if path.startswith("data/xgass/") or "representative_sample" in path
            or path.endswith((".fits", ".pth", ".pkl"))]
    assert real == []
