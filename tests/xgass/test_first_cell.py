"""The first code cell: it finds the files, fetches them, or says in one line why not; then all runs."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cells import ROOT, read
from kernels import live

COPY = "AstroHackWeek2022-main"
ADDRESS = "https://github.com/jwuphysics/AstroHackWeek2022/archive/main.tar.gz"
# Runs the cell twice in one process, as a learner may.
DRIVER = """
import os, sys
exec(sys.argv[2])
code = compile(open(sys.argv[1], encoding="utf-8").read(), "cell", "exec")
for _ in range(2):
    exec(code, {})
print("ended in", os.getcwd())
"""
FULL_DISK = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))"


def first_cell(part):
    return next(cell.source for cell in read(part).cells if cell.cell_type == "code")


def put_copy(folder, what="day2/xgass"):
    """Put into a folder what the cell looks for, or more."""
    leave = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    shutil.copytree(ROOT / what, folder / what, ignore=leave)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Return the bytes of an archive like that of GitHub, with everything in one folder."""
    folder = tmp_path_factory.mktemp("github")
    put_copy(folder / COPY)
    return Path(shutil.make_archive(folder / "main", "gztar", folder, COPY)).read_bytes()


@pytest.fixture
def folder(tmp_path):
    """Return an empty folder with blanks in its name."""
    (tmp_path / "My Drive" / "Astro Hack").mkdir(parents=True)
    return tmp_path / "My Drive" / "Astro Hack"


@pytest.fixture
def run(tmp_path, httpserver):
    """Return a function that runs the cell in a folder and returns where it ended, or else its last line."""

    def start(folder, fault="", address=None):
        cell = first_cell(1)
        assert ADDRESS in cell
        cell = cell.replace(ADDRESS, address or httpserver.url_for("/main.tar.gz")).replace(
            "--retry 5", "--retry 2"
        )
        (tmp_path / "cell.py").write_text(cell, encoding="utf-8")
        env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        env |= {"PYTHONSAFEPATH": "1", "no_proxy": "*"}
        command = [sys.executable, "-c", DRIVER, tmp_path / "cell.py", fault]
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120)
        if done.returncode:
            return done.stderr.splitlines()[-1]
        return Path(re.search(r"(?m)^ended in (.*)$", done.stdout)[1])

    return start


def test_both_notebooks_start_alike_in_ten_lines():
    cells = [first_cell(part).replace(f"preflight({part})", "preflight(PART)") for part in (1, 2)]
    assert cells[0] == cells[1] and cells[0].endswith("preflight(PART)")
    title, *lines = [line for line in cells[0].splitlines() if line]
    assert title.startswith("# @title") and len(lines) <= 10


@pytest.mark.parametrize(("copy", "start"), [(".", "."), (".", "day2"), (COPY, ".")])
def test_a_copy_is_taken_as_it_is(folder, run, httpserver, copy, start):
    put_copy(folder / copy)
    assert run(folder / start) == folder / copy / "day2"
    assert httpserver.log == []


def test_the_order_of_copies_is_fixed(folder, run):
    put_copy(folder / COPY)
    put_copy(folder)
    assert run(folder) == folder / "day2"


def test_alone_it_fetches_once_and_asks_a_busy_github_again(folder, run, httpserver, archive):
    httpserver.expect_oneshot_request("/main.tar.gz").respond_with_data("busy", status=429)
    httpserver.expect_request("/main.tar.gz").respond_with_data(archive)
    for _ in range(2):
        assert run(folder) == folder / COPY / "day2"
    assert len(httpserver.log) == 2


def test_another_thing_of_that_name_is_named_and_left_alone(folder, run, httpserver, archive):
    httpserver.expect_request("/main.tar.gz").respond_with_data(archive)
    (folder / COPY).mkdir()
    (folder / COPY / "thesis.tex").write_text("mine")
    message = run(folder)
    assert message.startswith("AssertionError: mv: ") and COPY in message
    assert [path.name for path in (folder / COPY).iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    ("answer", "status", "fault", "cause"),
    [
        ("", 429, "", "returned error: 429"),
        ("<html>Sign in to the Wi-Fi</html>", 200, "", "not in gzip format|Unrecognized archive"),
        ("half", 200, "", "unexpected end of file|truncated"),
        ("all", 200, FULL_DISK, "Cannot write|Write error|File too large|File size limit"),
        ("no server", 0, "", "Failed to connect|Could not connect|Couldn't connect"),
    ],
)
def test_a_failure_is_one_line_with_its_cause(folder, run, httpserver, archive, answer, status, fault, cause):
    data = {"all": archive, "half": archive[: len(archive) // 2]}.get(answer, answer)
    httpserver.expect_request("/main.tar.gz").respond_with_data(data, status=status)
    nowhere = "http://127.0.0.1:9/main.tar.gz" if answer == "no server" else None
    for _ in range(2):  # what the first try leaves is not taken for a copy by the second
        message = run(folder, fault, nowhere)
        assert re.match(f"AssertionError: .*({cause})", message), message
        assert "Try again online, or unpack GitHub's ZIP here." in message
    assert not (folder / COPY).exists()


@pytest.mark.full
@pytest.mark.parametrize("part", [1, 2])
def test_a_notebook_runs_in_any_folder(part, folder):
    """One with blanks in its name, without a HOME, and with PYTHONSAFEPATH."""
    put_copy(folder, "day2")
    shutil.copytree(ROOT / "data" / "mock", folder / "data" / "mock")
    env = {"HOME": "/proc/nowhere", "PYTHONSAFEPATH": "1", "XGASS_SOURCE": "mock", "TUTORIAL_FAST": "1"}
    with live(read(part), f"part {part}", folder / "day2", **env) as (_, failure):
        assert failure == ""
