"""The first code cell of each notebook: fetch the repository once when alone, do nothing inside a clone."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "day2").glob("*.ipynb"))
ADDRESS = "https://github.com/jwuphysics/AstroHackWeek2022"
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
# Runs the cell as a notebook does (IPython: "!" and "%" work too) as often as asked; says where it ended.
DRIVER = """
import os, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for _ in range(int(sys.argv[2])):
    shell.run_cell(open(sys.argv[1], encoding="utf-8").read()).raise_error()
print("ended in", os.getcwd())
"""

pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """Make a bare repository, standing for the one on GitHub, of the working tree's day2/ and data/mock/."""
    work = tmp_path_factory.mktemp("github") / "work"
    shutil.copytree(ROOT / "day2", work / "day2", ignore=LEFT_OUT)
    shutil.copytree(ROOT / "data" / "mock", work / "data" / "mock", ignore=LEFT_OUT)
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q", "-b", "main"], ["add", "-A", "-f"], ["commit", "-q", "-m", "all"]):
        subprocess.run([*git, *command], cwd=work, check=True)
    subprocess.run(["git", "clone", "-q", "--bare", work, work.parent / "bare"], check=True)
    return work.parent / "bare"


@pytest.fixture
def start(tmp_path, bare):
    """Return a function that runs the first code cell in a folder: (where it ended, git calls, output)."""
    tools, log, pip_log = tmp_path / "tools", tmp_path / "calls.log", tmp_path / "pip.log"
    tools.mkdir()
    (tools / "git").write_text(f'#!/bin/sh\necho "git $*" >> "{log}"\nexec "{shutil.which("git")}" "$@"\n')
    (tools / "git").chmod(0o755)

    def run(notebook, folder, times=1, remote=None):
        cells = nbformat.read(notebook, as_version=4).cells
        code = tmp_path / "cell.py"
        code.write_text(next(cell.source for cell in cells if cell.cell_type == "code"), encoding="utf-8")
        log.write_text("")
        env = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "PYTHONPATH"))}
        env |= {
            "PATH": f"{tools}{os.pathsep}{env['PATH']}",
            "IPYTHONDIR": str(tmp_path / "ipython"),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{remote or bare.as_uri()}.insteadOf",
            "GIT_CONFIG_VALUE_0": ADDRESS,
            "GIT_TERMINAL_PROMPT": "0",
            "PIP_LOG": str(pip_log),
            "PIP_NO_INDEX": "1",
        }  # pip writes its log however it is started
        done = subprocess.run(
            [sys.executable, "-c", DRIVER, code, str(times)],
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
        )
        where = [line[9:] for line in done.stdout.splitlines() if line.startswith("ended in ")]
        calls = log.read_text().splitlines()
        assert not pip_log.exists(), f"the first cell installs something: {pip_log.read_text()[:500]}"
        return Path(where[0]) if where else None, calls, done.stdout + done.stderr

    return run


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.name)
def notebook(request):
    return request.param


@pytest.fixture
def alone(tmp_path):
    folder = tmp_path / "alone"
    folder.mkdir()
    return folder.resolve()


def test_there_are_notebooks():
    assert len(NOTEBOOKS) == 2


def test_alone_it_clones_once_and_installs_nothing(start, notebook, alone):
    where, calls, output = start(notebook, alone, times=2)
    assert where == alone / "AstroHackWeek2022" / "day2", output
    assert len(calls) == 1 and calls[0].startswith("git clone") and ADDRESS in calls[0], calls
    assert ADDRESS in output, "the reader is told what is fetched"
    where, calls, output = start(notebook, alone)  # a new kernel beside the clone
    assert where == alone / "AstroHackWeek2022" / "day2" and calls == [], output


@pytest.mark.parametrize("inside", [".", "day2"])
def test_inside_a_clone_it_fetches_nothing(start, notebook, alone, bare, inside):
    subprocess.run(["git", "clone", "-q", bare, alone / "copy"], check=True)
    where, calls, output = start(notebook, alone / "copy" / inside, times=2)
    assert where == alone / "copy" / "day2" and calls == [], output


def test_without_a_network_it_says_so(start, notebook, alone, tmp_path):
    where, calls, output = start(notebook, alone, remote=(tmp_path / "nowhere").as_uri())
    assert where is None and len(calls) == 1, calls
    assert "Could not fetch" in output and "StopIteration" not in output, output[-500:]
