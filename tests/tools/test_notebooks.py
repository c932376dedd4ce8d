"""The tool that runs and saves notebooks, on small ones; the handout, on the real ones."""

import os
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from cells import KERNELSPEC, ROOT, SOLUTION

LOAD = f"""\
import sys
sys.path.insert(0, {str(ROOT / "day2")!r})
from xgass import load_catalog
_ = load_catalog()
"""
ABSOLUTE = "import os\nprint(os.path.isabs(os.environ['PRACTICE_DATA']))"
FIGURE = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"


def save(path, *cells):
    nbformat.write(new_notebook(cells=list(cells), metadata={"kernelspec": KERNELSPEC}), path)
    return path


def tool(*arguments, **env):
    command = [sys.executable, ROOT / "tools" / "notebooks.py", *map(str, arguments)]
    return subprocess.run(command, text=True, capture_output=True, timeout=300, env={**os.environ, **env})


def test_run_tells_the_truth(tmp_path):
    """The seconds, which cell failed and why; a copy of what ran, and nothing of an earlier run in it."""
    old = {"outputs": [new_output("stream", text="Using the real xGASS catalog: 9 galaxies\n")]}
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
    ("01-unfit", LOAD, "DataError: XGASS_DATA cannot be used"),
])  # fmt: skip
def test_refresh_refuses(tmp_path, name, code, fault):
    path = save(tmp_path / f"{name}.ipynb", new_code_cell(code))
    before = path.read_bytes()
    done = tool("refresh", path, XGASS_DATA=str(tmp_path))
    assert done.returncode == 1 and f"{name}.ipynb is not saved" in done.stderr and fault in done.stderr
    assert path.read_bytes() == before


@pytest.mark.parametrize("spelling", ["{}/xGASS_representative_sample.fits", " ~/{home}/"])
def test_refresh_takes_what_the_package_takes(tmp_path, real_catalog, spelling):
    path = save(tmp_path / "01-fit.ipynb", new_code_cell(LOAD))
    named = spelling.format(real_catalog.parent, home=real_catalog.parent.name)
    done = tool("refresh", path, XGASS_DATA=named, HOME=str(real_catalog.parent.parent))
    assert done.returncode == 0, done.stderr
    assert "real xGASS" in nbformat.read(path, as_version=4).metadata.tutorial.universe


def test_refresh_passes_the_practice_pictures_on(tmp_path):
    """Relative to where the command was given, as for any program."""
    path = save(tmp_path / "02-fit.ipynb", new_code_cell(ABSOLUTE))
    assert tool("refresh", path, PRACTICE_DATA="data/mock").returncode == 0
    assert nbformat.read(path, as_version=4).cells[0].outputs[0].text == "True\n"


def test_refresh_keeps_folds_and_their_marks(tmp_path):
    marks = {"jupyter": {"source_hidden": True}, "cellView": "form", "tags": ["hide-input"]}
    path = save(tmp_path / "fit.ipynb", new_code_cell("# @title Draw\n1", metadata=marks))
    assert tool("refresh", path).returncode == 0
    assert nbformat.read(path, as_version=4).cells[0].metadata == marks


def test_a_page_of_a_notebook_that_colab_saved(tmp_path):
    """It names widgets without their state; printed, no line of code is cut."""
    path = save(tmp_path / "colab.ipynb", new_code_cell("1"))
    nb = nbformat.read(path, as_version=4)
    nb.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"abc": {"model_name": "Slider"}}}
    nbformat.write(nb, path)
    done = tool("run", path, "--out", tmp_path / "build")
    assert done.returncode == 0, done.stderr
    assert "@media print { pre" in (tmp_path / "build" / "colab.html").read_text("utf-8")


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


@pytest.fixture(scope="module")
def handouts(tmp_path_factory):
    """Return the folder of both sets, as `make handout` writes it."""
    out = tmp_path_factory.mktemp("build")
    assert tool("handout", "--out", out).returncode == 0
    return out / "handout"


def test_the_handout_holds_no_solution_and_the_answers_hold_all(handouts):
    for path in (ROOT / "day2").glob("*.ipynb"):
        versions = [path, handouts / "room" / path.name, handouts / "answers" / path.name]
        notebooks = [nbformat.read(version, as_version=4) for version in versions]
        text, room, answers = ["\n".join(cell.source for cell in nb.cells) for nb in notebooks]
        codes = SOLUTION.findall(text)
        assert [code for code in codes if code in room] == []
        assert [code for code in codes if answers.count(code) != 2] == [], "in the fold and as the answer"
        assert room.count("<summary>Hint</summary>") >= 5 and "# your answer" not in answers
        assert all(version.with_suffix(".html").exists() for version in versions[1:])


def test_a_handout_runs_where_it_is_written(handouts):
    """Without this repository: what it needs lies beside it."""
    code = "from xgass import load_catalog\nimport exercises, scale, matplotlib.pyplot as plt\n"
    code += "plt.style.use('tutorial.mplstyle')\n_ = load_catalog('mock', images=True)"
    done = subprocess.run([sys.executable, "-c", code], cwd=handouts / "room", capture_output=True, text=True)
    assert done.returncode == 0 and "SIMULATED" in done.stdout, done.stderr
