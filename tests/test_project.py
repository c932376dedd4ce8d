"""The frame of the project: lists of packages, make on somebody's machine, workflows, licences."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import environment

ROOT = Path(__file__).resolve().parents[1]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
TARGETS = re.search(r"(?m)^\.PHONY: (.*)$", (ROOT / "Makefile").read_text("utf-8"))[1].split()
CONDA_NAMES = {"torch": "pytorch"}


def packages(name):
    """Return {package: requirement} of a requirements file, what it includes left out."""
    lines = [line.split("#")[0].strip() for line in (ROOT / name).read_text("utf-8").splitlines()]
    return {(r := Requirement(line)).name: r for line in lines if line and not line.startswith("-")}


def test_conda_gets_what_pip_gets():
    """environment.yml may add caps, for what conda-forge would else pair wrongly, but lacks nothing."""
    listed = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))["dependencies"]
    listed = [line for entry in listed for line in (entry["pip"] if isinstance(entry, dict) else [entry])]
    conda = {(r := Requirement(line)).name: r for line in listed}
    pip = packages("requirements.txt").values()
    theirs = {r.name: conda.get(CONDA_NAMES.get(r.name, r.name)) for r in pip}
    assert [name for name, r in theirs.items() if r is None] == []
    differ = {r.name for r in pip if r.specifier != theirs[r.name].specifier}
    assert differ == {"fastai"}, "2.8.7 is conda-forge's newest, and runs with the fastcore that is named"
    floors = {r.name: r.specifier for r in pip}
    assert [name for name, r in floors.items() if not re.fullmatch(r">=[\d.]+", str(r))] == [], "floors only"


def test_a_learner_installs_nothing_that_only_tests_need():
    learner, developer = packages("requirements.txt"), packages("requirements-dev.txt")
    assert not set(learner) & set(developer)
    assert "-r requirements.txt" in (ROOT / "requirements-dev.txt").read_text("utf-8").splitlines()
    done = make("-n", "run", "lab", "data")
    assert "requirements.txt" in done.stdout and "requirements-dev.txt" not in done.stdout


# --- make on somebody's machine ---


def make(*arguments, **env):
    """Run make as a user's shell does, not as a child of the make that runs the tests."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", *arguments]
    return subprocess.run(command, cwd=ROOT, env=clean | env, capture_output=True, text=True, timeout=60)


def test_make_help_lists_every_target():
    assert re.findall(r"(?m)^make ([\w-]+)", make("help").stdout) == TARGETS


def test_an_exported_venv_or_python_changes_nothing():
    """Shells and other tools export such names; only what is given to make itself counts."""
    done = make("-n", "run", VENV="/opt/other", PYTHON="python2")
    assert "/opt/other" not in done.stdout and "python2" not in done.stdout


@pytest.mark.skipif(os.getuid() != 0, reason="only root meets this")
def test_lab_tells_root_what_to_do():
    done = make("lab")
    assert done.returncode and done.stdout.count("\n") == 1 and "make lab LAB=--allow-root" in done.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An environment as `make run` makes it, but for the packages."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "none.txt").touch()
    assert install(folder / "venv", folder / "none.txt").returncode == 0
    return folder


def install(folder, *lists, **env):
    command = [sys.executable, ROOT / "tools" / "environment.py", folder, *lists]
    return subprocess.run(command, env=os.environ | env, capture_output=True, text=True, timeout=120)


def python_gone(folder):
    (folder / "bin/python").unlink()


def without_pip(folder):
    shutil.rmtree(next(folder.glob("lib/*/site-packages/pip")))


def of_python_3_10(folder):
    python_gone(folder)
    (folder / "bin/python").write_text("#!/bin/sh\necho 'its Python is older than 3.11' >&2; exit 1\n")
    (folder / "bin/python").chmod(0o755)


def copied(folder):
    pass  # its scripts name the place where it was made


@pytest.mark.parametrize("ours", [True, False], ids=["ours", "a stranger's"])
@pytest.mark.parametrize("spoil", [python_gone, without_pip, of_python_3_10, copied])
def test_an_environment_that_does_not_work(made, tmp_path, spoil, ours):
    """What `make` has made is made anew; what somebody else has made is named and left alone."""
    folder = tmp_path / "venv"
    shutil.copytree(made / "venv", folder, symlinks=True)
    for stamp in folder.glob("installed-*"):
        stamp.unlink() if not ours else stamp.write_text(f"{folder if spoil is not copied else made} x")
    spoil(folder)
    done = install(folder, made / "none.txt", PIP_USER="1", PIP_TARGET=str(tmp_path / "elsewhere"))
    if ours or spoil is copied:
        assert done.returncode == 0 and environment.fault(folder) == "", done.stderr
        assert ("making it anew" in done.stdout) is ours
    else:
        assert done.returncode == 1 and not done.stdout
        assert "venv does not work (" in done.stderr and "make VENV=" in done.stderr
        assert len(done.stderr.splitlines()) == 1 and "Traceback" not in done.stderr


def test_nothing_is_made_by_an_old_python(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 13))
    with pytest.raises(SystemExit, match="Python 3.11 or newer is needed"):
        environment.main(str(tmp_path / "venv"))
    assert not (tmp_path / "venv").exists()


# --- what GitHub reads ---


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_are_pinned_and_modest(path):
    text = path.read_text("utf-8")
    workflow = yaml.safe_load(text)
    jobs = workflow["jobs"]
    steps = [step for job in jobs.values() for step in job["steps"]]
    used = re.findall(r"uses: *(.*)", text)
    assert [u for u in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", u)] == []
    assert workflow["permissions"] == {"contents": "read"}
    assert {name for name, job in jobs.items() if "permissions" in job} <= {"issue"}, "may write"
    assert "uses" not in str(jobs.get("issue")), "no stranger's action beside the right to write"
    assert not {"pull_request_target", "workflow_run"} & set(workflow[True])  # YAML reads `on` as true
    assert "secrets" not in text
    for step in steps:
        assert "${{" not in step.get("run", ""), "whoever chooses the value chooses the command"
        checkout = "checkout@" in step.get("uses", "")
        assert not checkout or step["with"]["persist-credentials"] is False
    assert [name for name, job in jobs.items() if "timeout-minutes" not in job] == []
    called = re.findall(r"\bmake ([\w-]+)(?: PYTHON=python| *$)", text, flags=re.M)
    assert called and set(called) <= set(TARGETS)


@pytest.mark.parametrize(("schema", "paths"), [
    ("github-workflows", WORKFLOWS),
    ("dependabot", [GITHUB / "dependabot.yml"]),
    ("github-issue-forms", [GITHUB / "ISSUE_TEMPLATE" / "problem.yml"]),
    ("citation-file-format", [ROOT / "CITATION.cff"]),
])  # fmt: skip
def test_files_are_valid(schema, paths):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", *paths]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(not (ROOT / ".git").exists() or not shutil.which("git"), reason="not a git clone")
def test_nothing_of_the_real_data_is_committed():
    """The licence to pass on the real catalogue is not established: only the simulated sample is kept."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True,
                            text=True, check=True).stdout.splitlines()  # fmt: skip
    suffixes = (".fits", ".pth", ".pt", ".pkl")
    assert [p for p in listed if p.startswith("data/xgass/") or p.endswith(suffixes)] == []
