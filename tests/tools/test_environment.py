"""tools/environment.sh: what it repairs, and what it names in one line."""

import os
import subprocess
import sys
import venv

import pytest

from cells import ROOT

SCRIPT = ROOT / "tools" / "environment.sh"
# A pip that installs nothing.
PIP = "import sys\nprint('pip', *sys.argv[1:])\n"


@pytest.fixture
def place(tmp_path):
    """Return a folder like the root of the repository."""
    (tmp_path / "pyproject.toml").write_text("[dependency-groups]\nlearner = []\n")
    return tmp_path


def make(place, python=sys.executable, folder=".venv", path=os.environ["PATH"]):
    """Run the script; return (exit status, its output)."""
    env = {**os.environ, "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PATH": path}
    command = ["sh", str(SCRIPT), str(python), folder, "learner"]
    done = subprocess.run(command, cwd=place, env=env, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def stub_pip(folder):
    """Put an environment into a folder whose pip installs nothing."""
    venv.create(folder)
    [packages] = folder.glob("lib/python*/site-packages")
    (packages / "pip").mkdir()
    (packages / "pip" / "__init__.py").touch()
    (packages / "pip" / "__main__.py").write_text(PIP)


def test_a_list_is_installed_once_after_pip_itself(place):
    stub_pip(place / ".venv")
    status, said = make(place)
    assert status == 0 and "pip install --upgrade pip" in said.splitlines()[1]
    assert said.splitlines()[2] == "pip install --group learner"
    assert make(place) == (0, "")
    (place / "pyproject.toml").write_text("[dependency-groups]\nlearner = ['numpy']\n")
    assert "pip install --group learner" in make(place)[1]


@pytest.mark.parametrize("fault", ["python gone", "half made", "link"])
def test_what_is_repaired(place, fault):
    """As after an upgrade of the system, an interruption, on a scratch disk."""
    (place / "elsewhere").mkdir()
    if fault == "link":
        (place / ".venv").symlink_to(place / "elsewhere")
    else:
        venv.create(place / ".venv", symlinks=True)
        if fault == "python gone":
            (place / ".venv/bin/python").unlink()
    status, said = make(place)  # without an index it ends when pip is asked to upgrade itself
    works = subprocess.run([place / ".venv/bin/python", "-c", "import pip"]).returncode == 0
    assert works and "Traceback" not in said, said
    assert (place / ".venv").is_symlink() is (fault == "link")


def test_what_is_not_ours_is_left_alone(place):
    (place / ".venv").mkdir()
    (place / ".venv/thesis.tex").touch()
    status, said = make(place)
    assert status == 1 and said.count("\n") == 1 and "make VENV=" in said
    assert (place / ".venv/thesis.tex").exists()


def test_a_link_to_nothing_is_named(place):
    (place / ".venv").symlink_to(place / "gone")
    status, said = make(place)
    assert status == 1 and said.count("\n") == 1 and "is a link to a folder that is not there" in said


@pytest.mark.parametrize(("answers", "hint"), [
    ("*version_info*) exit 1", "make PYTHON=python3.12"),
    ("*ensurepip*) exit 1", "sudo apt install python3-venv"),
])  # fmt: skip
def test_a_python_that_cannot(place, answers, hint):
    fake = place / "python"
    fake.write_text(f'#!/bin/sh\ncase "$*" in\n{answers};;\nesac\n')
    fake.chmod(0o755)
    status, said = make(place, fake)
    assert status == 1 and hint in said and said.count("\n") == 1
