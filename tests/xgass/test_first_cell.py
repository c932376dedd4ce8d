"""The first code cell: it finds the files, fetches them, or says in one line why not; then all runs."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from cells import ROOT
from kernels import live

NAME = "AstroHackWeek2022"
ADDRESS = f"https://github.com/jwuphysics/{NAME}/archive/refs/heads/main.zip"
# Runs the cell twice in one process, as a learner may, without the pauses between its tries.
DRIVER = """
import os, sys, time
time.sleep = lambda seconds: None
exec(sys.argv[2])
code = compile(open(sys.argv[1], encoding="utf-8").read(), "cell", "exec")
for _ in range(2):
    exec(code, {})
print("threads", os.environ["OMP_WAIT_POLICY"], "in", os.getcwd())
"""
FULL_DISK = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))"


def notebook(part):
    return nbformat.read(next((ROOT / "day2").glob(f"0{part}-*.ipynb")), as_version=4)


def first_cell(part):
    return next(cell.source for cell in notebook(part).cells if cell.cell_type == "code")


def put_copy(place, what="day2/xgass"):
    """Put into a folder what the cell looks for, or more."""
    leave = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    shutil.copytree(ROOT / what, place / what, ignore=leave)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Return the bytes of a ZIP like that of GitHub, with everything in one folder NAME-main."""
    folder = tmp_path_factory.mktemp("github")
    put_copy(folder / f"{NAME}-main")
    return Path(shutil.make_archive(folder / "main", "zip", folder, f"{NAME}-main")).read_bytes()


@pytest.fixture
def folder(tmp_path):
    """Return an empty folder with blanks in its name."""
    (tmp_path / "My Drive" / "Astro Hack").mkdir(parents=True)
    return tmp_path / "My Drive" / "Astro Hack"


@pytest.fixture
def run(tmp_path, httpserver):
    """Return a function that runs the cell in a folder and returns where it ended, or else its one line."""

    def start(folder, fault="", address=None):
        cell = first_cell(1)
        assert ADDRESS in cell
        cell = cell.replace(ADDRESS, address or httpserver.url_for("/main.zip"))
        (tmp_path / "cell.py").write_text(cell, encoding="utf-8")
        env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "OMP_"))}
        env |= {"PYTHONSAFEPATH": "1", "no_proxy": "*"}
        command = [sys.executable, "-c", DRIVER, tmp_path / "cell.py", fault]
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120)
        if done.returncode:
            return done.stderr.splitlines()[-1]
        return Path(re.search(r"(?m)^threads PASSIVE in (.*)$", done.stdout)[1])

    return start


def test_both_notebooks_start_alike():
    cells = [first_cell(part).replace(f"preflight({part})", "preflight(PART)") for part in (1, 2)]
    assert cells[0] == cells[1] and "preflight(PART)" in cells[0]


@pytest.mark.parametrize(
    ("copy", "start"),
    [(".", "."), (".", "day2"), (NAME, "."), (f"{NAME}-main/{NAME}-main", ".")],  # within it, or beside it
)
def test_a_copy_nearby_is_taken_as_it_is(folder, run, httpserver, copy, start):
    put_copy(folder / copy)
    (folder / start).mkdir(parents=True, exist_ok=True)
    assert run(folder / start) == (folder / copy / "day2").resolve()
    assert httpserver.log == []


def test_alone_it_fetches_once_and_asks_a_busy_github_again(folder, run, httpserver, archive):
    for _ in range(2):
        httpserver.expect_oneshot_request("/main.zip").respond_with_data("busy", status=429)
    httpserver.expect_request("/main.zip").respond_with_data(archive)
    for _ in range(2):
        assert run(folder) == folder / NAME / "day2"
    assert len(httpserver.log) == 3 and [path.name for path in folder.iterdir()] == [NAME]


@pytest.mark.parametrize("inside", [None, "thesis.tex", "day2/xgass/catalog.py"])
def test_another_thing_of_that_name_is_named_and_left_alone(folder, run, httpserver, archive, inside):
    """A file, a folder with something else, half a copy."""
    httpserver.expect_request("/main.zip").respond_with_data(archive)
    thing = folder / NAME / inside if inside else folder / NAME
    thing.parent.mkdir(parents=True, exist_ok=True)
    thing.write_text("mine")
    message = rf"RuntimeError: .*Astro Hack: rename the {NAME} that is in the way. Run this"
    assert re.match(message, run(folder))
    assert thing.read_text() == "mine" and [path.name for path in folder.iterdir()] == [NAME]


@pytest.mark.parametrize(
    ("answer", "status", "fault", "cause"),
    [
        ("", 429, "", "HTTP Error 429: TOO MANY REQUESTS"),
        ("<html>Sign in to the Wi-Fi</html>", 200, "", "File is not a zip file"),
        ("all", 200, FULL_DISK, "File too large"),
        ("no server", 0, "", "Connection refused"),
    ],
)
def test_a_failure_is_one_line_with_its_cause(folder, run, httpserver, archive, answer, status, fault, cause):
    data = archive if answer == "all" else answer
    httpserver.expect_request("/main.zip").respond_with_data(data, status=status)
    message = run(folder, fault, "http://127.0.0.1:9/main.zip" if answer == "no server" else None)
    assert message.startswith("RuntimeError: ") and "Astro Hack: " in message and cause in message
    assert "Run this cell again, or unpack http" in message
    assert list(folder.iterdir()) == []


@pytest.mark.full
@pytest.mark.parametrize("part", [1, 2])
def test_a_notebook_runs_in_any_folder(part, folder):
    """One with blanks in its name, without a HOME, and with PYTHONSAFEPATH."""
    put_copy(folder, "day2")
    shutil.copytree(ROOT / "data" / "mock", folder / "data" / "mock")
    env = {"HOME": "/proc/nowhere", "PYTHONSAFEPATH": "1", "XGASS_SOURCE": "mock", "TUTORIAL_FAST": "1"}
    with live(notebook(part), f"part {part}", folder / "day2", **env) as (_, failure):
        assert failure == ""
