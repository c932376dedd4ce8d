"""The frame of the project: lists of packages, what its texts name, make on a machine, what GitHub reads."""

import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from packaging.requirements import Requirement

import environment
from notebooks import MACHINE_PATH, ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
TARGETS = re.search(r"(?m)^\.PHONY: (.*)$", (ROOT / "Makefile").read_text("utf-8"))[1].split()
TEXTS = [*ROOT.glob("*.md"), *(p for top in ("day2", "data", "docs") for p in (ROOT / top).rglob("*.md"))]
# What a job may write, by its name; all others read.
MAY_WRITE = {"issue": {"issues"}, "deploy": {"pages", "id-token"}, "release": {"contents"}}


def packages(name):
    """Return {package: floor} of a requirements file, what it includes left out."""
    lines = [line.split("#")[0].strip() for line in (ROOT / name).read_text("utf-8").splitlines()]
    return {(r := Requirement(line)).name: r.specifier for line in lines if line and not line.startswith("-")}


def test_lists_of_packages_agree():
    """environment.yml may add caps, for what conda-forge would else pair wrongly, but lacks nothing."""
    listed = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))["dependencies"]
    listed = [line for entry in listed for line in (entry["pip"] if isinstance(entry, dict) else [entry])]
    conda = {(r := Requirement(line)).name: r.specifier for line in listed}
    pip = packages("requirements.txt")
    differ = {name for name in pip if pip[name] != conda[{"torch": "pytorch"}.get(name, name)]}
    assert differ == {"fastai"}, "2.8.7 is conda-forge's newest, and runs with the fastcore that is named"
    assert [name for name, floor in pip.items() if not re.fullmatch(r">=[\d.]+", str(floor))] == []
    assert not set(pip) & set(packages("requirements-dev.txt"))


def make(*arguments):
    """Return what make prints in a shell that exports VENV and PYTHON for something else."""
    env = {"PATH": os.environ["PATH"], "VENV": "/opt/other", "PYTHON": "python2"}
    return subprocess.check_output(["make", *arguments], cwd=ROOT, env=env, text=True)


def test_commands():
    """A learner installs nothing that only tests need; `make help` and the texts name what there is."""
    shown = make("-n", "run", "lab", "data")
    assert "requirements.txt" in shown and not re.search("requirements-dev|/opt/other|python2", shown)
    assert re.findall(r"(?m)^make ([\w-]+)", make("help")) == TARGETS
    in_text = {path: set(re.findall(r"[`\n]make ([a-z-]+)", path.read_text("utf-8"))) for path in TEXTS}
    assert set().union(*in_text.values()) == set(TARGETS) == in_text[ROOT / "CONTRIBUTING.md"] | {"help"}


@pytest.mark.skipif(not (ROOT / ".git").exists() or not shutil.which("git"), reason="not a git clone")
def test_nothing_private_is_committed():
    """No real data, whose licence is not established; no path of a machine; `shared/` only where CI looks."""
    listed = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True)
    listed, data = listed.splitlines(), (".fits", ".pth", ".pt", ".pkl", ".zip")
    assert [path for path in listed if path.startswith("data/xgass/") or path.endswith(data)] == []
    texts = {path: (ROOT / path).read_text("utf-8", "ignore") for path in listed if (ROOT / path).is_file()}
    assert [p for p in texts if p.endswith((".md", ".cff", ".yml")) and MACHINE_PATH.search(texts[p])] == []
    assert [path for path in texts if "shared" + "/xgass" in texts[path]] == [".ci/run"]


@pytest.mark.parametrize("ours", [True, False], ids=["ours", "a stranger's"])
def test_an_environment_that_does_not_work(tmp_path, ours):
    """What `make` has made is made anew; what somebody else has made is named and left alone."""
    (tmp_path / "none.txt").touch()
    command = [sys.executable, ROOT / "tools/environment.py", tmp_path / "venv", tmp_path / "none.txt"]
    subprocess.run(command, check=True, timeout=120)
    for gone in ["bin/python"] if ours else ["bin/python", "installed-none.txt"]:
        (tmp_path / "venv" / gone).unlink()  # the first as after an upgrade of the system
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode == 0) is ours is (environment.fault(tmp_path / "venv") == "")
    assert ("making it anew" in done.stdout) is ours is ("make VENV=" not in done.stderr)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_are_pinned_and_modest(path):
    text = path.read_text("utf-8")
    workflow = yaml.safe_load(text)
    assert not re.search(r"uses: (?![\w./-]+@[0-9a-f]{40}  # v\d+(\.\d+)*\n)", text), "pinned by its hash"
    assert workflow["permissions"] == {"contents": "read"} and "secrets" not in text
    assert not {"pull_request_target", "workflow_run"} & set(workflow[True])  # YAML reads `on` as true
    for name, job in workflow["jobs"].items():
        writes = {right for right, what in job.get("permissions", {}).items() if what == "write"}
        assert writes <= MAY_WRITE.get(name, set()) and "timeout-minutes" in job, name
        commands = [step.get("run", "") for step in job["steps"]]
        assert not any("${{" in command for command in commands), "whoever chooses the value could command"


@pytest.mark.parametrize(("schema", "pattern"), [
    ("github-workflows", ".github/workflows/*.yml"), ("dependabot", ".github/dependabot.yml"),
    ("github-issue-forms", ".github/ISSUE_TEMPLATE/problem.yml"), ("citation-file-format", "CITATION.cff"),
    ("github-issue-config", ".github/ISSUE_TEMPLATE/config.yml"),
])  # fmt: skip
def test_files_are_valid(schema, pattern):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    done = subprocess.run([*command, *ROOT.glob(pattern)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
