"""The tools that run and save notebooks, on small ones; the handout and the site, on the real ones."""

import os
import re
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from notebooks import FENCE, KERNELSPEC, ROOT

COLAB = "https://colab.research.google.com/github/jwuphysics/AstroHackWeek2022/blob/main/{}.ipynb"
FIGURE = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"


def save(path, *cells):
    nbformat.write(new_notebook(cells=list(cells), metadata={"kernelspec": KERNELSPEC}), path)
    return path


def tool(*arguments, **env):
    command = [sys.executable, ROOT / "tools" / "notebooks.py", *map(str, arguments)]
    return subprocess.run(command, text=True, capture_output=True, timeout=300, env={**os.environ, **env})


def test_run_tells_the_truth(tmp_path):
    """The seconds, which cell failed and why; a copy of what ran, and nothing of an earlier run in it."""
    old = {"outputs": [new_output("stream", text="Using the real xGASS catalogue: 9 galaxies\n")]}
    sources = ["print('Using the SIMULATED sample')", FIGURE, "1 / 0", "print('after')"]
    cells = [new_code_cell(source, **old) for source in sources]
    path = save(tmp_path / "bad.ipynb", new_markdown_cell("# Trees"), *cells)
    done = tool("run", path, "--out", tmp_path / "build")
    *table, universe = [line for line in done.stdout.splitlines() if line]
    assert [line.rsplit(maxsplit=1)[0] for line in table] == ["bad.ipynb", "Trees", "total"]
    assert done.returncode == 1 and universe == "Using the SIMULATED sample"
    assert "bad.ipynb failed in cell 4, section 'Trees'" in done.stderr
    assert "ZeroDivisionError: division by zero" in done.stderr and "Traceback" not in done.stderr
    cells = nbformat.read(tmp_path / "build" / "bad.ipynb", as_version=4).cells
    assert "image/png" in cells[2].outputs[0].data and not cells[4].outputs
    assert "data:image/png" in (tmp_path / "build" / "bad.html").read_text("utf-8")


@pytest.mark.parametrize(("name", "code", "fault"), [
    ("unfit", "import warnings\nwarnings.warn('old')", "cell 1, stderr"),
    ("unfit", "import os\nprint('/home/me/x.csv')", "cell 1, path of this machine: /home/me/x.csv"),
    ("01-unfit", "1", "it is shown on the real catalogue, which is not here. `make data` fetches it"),
])  # fmt: skip
def test_refresh_refuses(tmp_path, name, code, fault):
    path = save(tmp_path / f"{name}.ipynb", new_code_cell(code))
    before = path.read_bytes()
    done = tool("refresh", path, XGASS_DATA=str(tmp_path))
    assert done.returncode == 1 and f"{name}.ipynb is not saved" in done.stderr and fault in done.stderr
    assert path.read_bytes() == before


def test_refresh_saves_the_same_file_twice(tmp_path):
    """With words for a figure, and what made it."""
    figure = new_code_cell(FIGURE, metadata={"mystnb": {"image": {"alt": "A rising line"}}})
    universe = new_code_cell("import os\nprint('Using the', os.environ['XGASS_SOURCE'])")
    path = save(tmp_path / "fit.ipynb", universe, figure)
    assert tool("refresh", path, TUTORIAL_FAST="1").returncode == 0
    first = path.read_bytes()
    assert tool("refresh", path).returncode == 0 and path.read_bytes() == first
    nb = nbformat.read(path, as_version=4)
    assert nb.metadata.tutorial.universe == "Using the mock"
    assert set(nb.metadata.tutorial.versions) == {"Python", "matplotlib"}
    assert nb.cells[1].outputs[-1].metadata["image/png"].alt == "A rising line"


def test_the_handout_holds_no_solution_and_the_answers_hold_all(tmp_path):
    assert tool("handout", "--out", tmp_path).returncode == 0
    for path in (ROOT / "day2").glob("*.ipynb"):
        versions = [path, tmp_path / "handout" / path.name, tmp_path / "handout" / "answers" / path.name]
        notebooks = [nbformat.read(version, as_version=4) for version in versions]
        text, room, answers = ["\n".join(cell.source for cell in nb.cells) for nb in notebooks]
        assert [code for code in FENCE.findall(text) if code in room or answers.count(code) != 2] == []
        assert room.count("<summary>Hint</summary>") > 5 and "# your answer" not in answers


def test_site(site):
    """The texts lead to each other: the build is strict. A notebook says what it shows."""
    first = (site / "index.html").read_text("utf-8")
    for name in ("day2/01-intro-machine-learning", "day2/02-deep-learning"):
        page, colab = (site / f"{name}.html").read_text("utf-8"), COLAB.format(name)
        assert set(re.findall(r"https://colab\.[^/]+/github/[^\"]+", page)) == {colab}
        assert re.search(r"<em>Using the .+</em>\nMade with Python 3\..+numpy \d", page)
        assert colab in first and f'href="{name}.html"' in first and "badge.svg" not in first + page
