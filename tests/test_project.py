"""The frame of the project: lists of packages, what its texts name, what GitHub reads."""

import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml

import lists
from cells import ROOT, read_all
from notebooks import MACHINE_PATH

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
TARGETS = re.search(r"(?m)^\.PHONY: (.*)$", (ROOT / "Makefile").read_text("utf-8"))[1].split()
TEXTS = [*ROOT.glob("*.md"), *(p for top in ("day2", "data", "docs") for p in (ROOT / top).rglob("*.md"))]
SPELLED = [
    *(str(p) for p in ROOT.glob("*.md")),
    "Makefile",
    "tools",
    "tests",
    "docs",
    "day2",
    "data",
    ".github",
]
# What a job may write, by its name; all others read.
MAY_WRITE = {"issue": {"issues"}, "deploy": {"pages", "id-token"}, "publish": {"contents"}}


def test_lists_of_packages_are_current():
    """`python tools/lists.py` writes them from pyproject.toml."""
    assert (ROOT / "requirements.txt").read_text("utf-8") == lists.requirements()
    assert (ROOT / "environment.yml").read_text("utf-8") == lists.environment()


def make(*arguments):
    """Return what make prints in a shell that exports VENV and PYTHON for something else."""
    env = {"PATH": os.environ["PATH"], "VENV": "/opt/other", "PYTHON": "python2"}
    return subprocess.check_output(["make", *arguments], cwd=ROOT, env=env, text=True)


def test_commands():
    """A learner installs nothing that only tests need; `make help` and the texts name what there is."""
    shown = make("-n", "run", "lab", "data")
    assert " learner" in shown and not re.search(r"\bdev\b|/opt/other|python2", shown)
    assert re.findall(r"(?m)^make ([\w-]+)", make("help")) == TARGETS
    in_text = {path: set(re.findall(r"[`\n]make ([a-z-]+)", path.read_text("utf-8"))) for path in TEXTS}
    assert set().union(*in_text.values()) == set(TARGETS)
    assert in_text[ROOT / "CONTRIBUTING.md"] | {"help"} == set(TARGETS)


@pytest.mark.skipif(not (ROOT / ".git").exists() or not shutil.which("git"), reason="not a git clone")
def test_nothing_private_is_committed():
    """No real data, whose license is not established; no path of a machine; `shared/` only where CI looks."""
    command = ["git", "ls-files", "-co", "--exclude-standard"]
    listed = subprocess.check_output(command, cwd=ROOT, text=True).splitlines()
    data = (".fits", ".pth", ".pt", ".pkl", ".zip")
    assert [path for path in listed if path.startswith("data/xgass/") or path.endswith(data)] == []
    texts = {path: (ROOT / path).read_text("utf-8", "ignore") for path in listed if (ROOT / path).is_file()}
    assert [p for p in texts if p.endswith((".md", ".cff", ".yml")) and MACHINE_PATH.search(texts[p])] == []
    folder = "shared" + "/xgass"  # in two pieces: this file must not be found
    assert [path for path in texts if folder in texts[path]] == [".ci/run"]


def test_spelling_is_american():
    """Of texts and code; of the notebooks what is written, for a picture in base64 spells anything."""
    sources = [cell.source for nb in read_all().values() for cell in nb.cells]
    command = [sys.executable, "-m", "codespell_lib"]  # pyproject.toml has its settings
    for places, text in [(SPELLED, None), (["-"], "\n".join(sources))]:
        done = subprocess.run([*command, *places], cwd=ROOT, input=text, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr


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
