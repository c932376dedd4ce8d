"""What GitHub reads: workflows that are valid, pinned and modest, the issue form, the weekly report."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORM = GITHUB / "ISSUE_TEMPLATE" / "problem.yml"
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+")


def steps(workflow):
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def faults(text):
    """Return what is unsafe or missing in a workflow: pins, permissions, secrets, time limits."""
    workflow = yaml.safe_load(text)
    triggers = workflow[True]  # YAML 1.1 reads the word `on` as true
    used = [line.split("uses:")[1].strip() for line in text.splitlines() if "uses:" in line]
    jobs = workflow["jobs"]
    more = {name: job["permissions"] for name, job in jobs.items() if "permissions" in job}
    checkouts = [step for step in steps(workflow) if "checkout@" in step.get("uses", "")]
    complaints = {
        "not pinned to a commit, with its version": [use for use in used if not PINNED.fullmatch(use)],
        "no action at all": not used,
        "may more than read": workflow.get("permissions") != {"contents": "read"},
        "a job may write": more and more != {"issue": {"issues": "write"}},
        "an action beside the right to write": "uses" in str([jobs[name]["steps"] for name in more]),
        "runs a stranger's change with rights": {"pull_request_target", "workflow_run"} & set(triggers),
        "reads a secret": "secrets" in text,
        "token outside the reporting job": "github.token" in text.split("\n  issue:\n")[0],
        "keeps the token of the checkout": [step for step in checkouts
                                            if step.get("with", {}).get("persist-credentials") is not False],
        # Whoever chooses a value that is pasted into a script (a branch, a title) chooses the command.
        "pastes a value into a script": [s["run"] for s in steps(workflow) if "${{" in s.get("run", "")],
        "no time limit": [name for name, job in jobs.items() if "timeout-minutes" not in job],
    }
    return {what: value for what, value in complaints.items() if value}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_is_pinned_and_modest(path):
    assert faults(path.read_text(encoding="utf-8")) == {}


@pytest.mark.parametrize(("old", "new", "complaint"), [
    ("checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd  # v6.0.2", "checkout@v6", "not pinned"),
    ("  # v6.0.2", "", "not pinned"),
    ("uses:", "run:", "no action at all"),
    ("contents: read", "contents: write", "may more"),
    ("permissions:\n  contents: read\n", "", "may more"),
    ("    timeout-minutes: 120\n", "    timeout-minutes: 120\n    permissions: write-all\n", "may write"),
    ("issues: write", "contents: write", "may write"),
    ("      - run: |", "      - uses: a/b@v1\n      - run: |", "beside the right"),
    ("workflow_dispatch:", "pull_request_target:", "stranger"),
    ("${{ github.token }}", "${{ secrets.GITHUB_TOKEN }}", "secret"),
    ("XGASS_SOURCE: xgass", "GH_TOKEN: ${{ github.token }}", "outside the reporting"),
    ("persist-credentials: false", "persist-credentials: true", "keeps the token"),
    ("with:\n          persist-credentials: false", "env: {}", "keeps the token"),
    ("make run PYTHON=python", "make run ${{ github.event.head_commit.message }}", "pastes"),
    ("make run PYTHON=python", "|\n          make ${{\n          github.head_ref }}", "pastes"),
    ("    timeout-minutes: 5\n", "", "no time limit"),
])  # fmt: skip
def test_each_fault_is_seen(old, new, complaint):
    text = (GITHUB / "workflows" / "weekly.yml").read_text(encoding="utf-8")
    assert old in text
    assert any(complaint in what for what in faults(text.replace(old, new)))


SCHEMAS = {"github-workflows": WORKFLOWS, "github-issue-forms": [FORM],
           "github-issue-config": [FORM.with_name("config.yml")],
           "citation-file-format": [ROOT / "CITATION.cff"]}


def validate(schema, *paths):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", *paths]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_files_are_valid(schema, tmp_path):
    done = validate(schema, *SCHEMAS[schema])
    assert done.returncode == 0, done.stdout
    (tmp_path / "broken.yml").write_text("nobody: knows\n")
    assert validate(schema, tmp_path / "broken.yml").returncode == 1


def test_the_issue_form_asks_for_what_is_needed_to_help():
    fields = {field["id"]: field for field in yaml.safe_load(FORM.read_text(encoding="utf-8"))["body"]}
    assert {"notebook", "section", "machine", "universe", "happened"} <= set(fields)
    assert "Google Colab" in fields["machine"]["attributes"]["options"]
    assert len(fields["notebook"]["attributes"]["options"]) == len(list((ROOT / "day2").glob("*.ipynb"))) + 1


def test_every_make_target_of_a_workflow_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.search(r"^\.PHONY: (.*)$", makefile, flags=re.M).group(1).split()
    called = [name for path in WORKFLOWS for name in re.findall(r"run: make ([\w-]+)", path.read_text())]
    assert called and set(called) <= set(targets)


# --- the weekly report, with a gh that only notes what it is asked ---

GH = """#!/bin/sh
if [ "$2" = list ]; then
  while [ "$1" != --jq ]; do shift; done
  exec jq -r "$2" "$ISSUES"
fi
printf '%s\\n' "$@" > "$CALLED"
"""


@pytest.mark.skipif(not shutil.which("jq") or not shutil.which("bash"), reason="jq or bash is not installed")
@pytest.mark.parametrize(("titles", "expected"), [
    ([], ["issue", "create", "--title", "The weekly check fails"]),
    (["Not The weekly check fails"], ["issue", "create", "--title", "The weekly check fails"]),
    (["Something else", "The weekly check fails"], ["issue", "comment", "2"]),
    (["The weekly check fails"] * 2, ["issue", "comment", "1"]),
])  # fmt: skip
def test_one_issue_for_all_weeks(titles, expected, tmp_path):
    job = yaml.safe_load((GITHUB / "workflows" / "weekly.yml").read_text(encoding="utf-8"))["jobs"]["issue"]
    (tmp_path / "gh").write_text(GH)
    (tmp_path / "gh").chmod(0o755)
    issues = [{"number": number, "title": title} for number, title in enumerate(titles, 1)]
    (tmp_path / "issues").write_text(json.dumps(issues))
    results = {name: {"result": result, "outputs": {}} for name, result in
               [("newest", "failure"), ("real", "success"), ("colab", "cancelled")]}
    env = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "TITLE": job["env"]["TITLE"],
           "ISSUES": str(tmp_path / "issues"), "CALLED": str(tmp_path / "called"), "RUN": "https://example.org/1",
           "RESULTS": json.dumps(results, indent=2)}
    subprocess.run(["bash", "-e", "-c", job["steps"][0]["run"]], env=env, check=True, timeout=60)
    called = (tmp_path / "called").read_text().splitlines()
    assert called[: len(expected)] == expected
    assert called[-1] == "Not passed: newest, colab. See [the log of this run](https://example.org/1)."
    assert set(job["needs"]) == set(results)
