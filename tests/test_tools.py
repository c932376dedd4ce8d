"""The tools that run and save notebooks, on small ones; the handout and the site, on the real ones."""

import base64
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


def test_run_leaves_copy_page_and_times(tmp_path):
    """With a HOME that cannot be written, and a `python3` kernel of the user's own that must not win."""
    kernel = tmp_path / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text('{"argv": ["false"], "display_name": "broken", "language": "python"}')
    (tmp_path / "home").touch()  # no folder: not even root can write there
    path = save(
        tmp_path / "good.ipynb",
        new_markdown_cell("# Waiting\n\n```\n# no heading\n```"),
        new_code_cell("print('Using the SIMULATED sample: 3 galaxies')"),
        new_markdown_cell("# Next"),
        new_code_cell(FIGURE),
    )
    env = {"JUPYTER_PATH": str(tmp_path / "jupyter"), "JUPYTER_PREFER_ENV_PATH": "0"}
    done = tool("run", path, "--out", tmp_path / "build", HOME=str(tmp_path / "home" / "me"), **env)
    assert done.returncode == 0, done.stderr
    *table, universe = [line for line in done.stdout.splitlines() if line]
    assert [line.rsplit(maxsplit=1)[0] for line in table] == ["good.ipynb", "Waiting", "Next", "total"]
    assert universe == "Using the SIMULATED sample: 3 galaxies"
    assert "image/png" in (tmp_path / "build" / "good.ipynb").read_text(encoding="utf-8")
    page = (tmp_path / "build" / "good.html").read_text(encoding="utf-8")
    assert "<title>good</title>" in page and "data:image/png" in page


def test_a_failed_run_tells_the_truth(tmp_path):
    """Which cell failed and why; and nothing of an earlier run is taken for one of this."""
    old = {"outputs": [new_output("stream", text="Using the real xGASS catalogue: 9 galaxies\n")]}
    path = save(
        tmp_path / "bad.ipynb",
        new_markdown_cell("# Trees"),
        new_code_cell("print('before')", execution_count=7, **old),
        new_code_cell("def f(x):\n    return 1 / x\n\nf(0)", execution_count=8),
        new_code_cell("print('after')", execution_count=9, **old),
    )
    done = tool("run", path, "--out", tmp_path / "build")
    message = done.stderr.strip()
    assert done.returncode == 1 and "Using" not in done.stdout
    assert "bad.ipynb failed in cell 3, section 'Trees'" in message
    assert "f(0)" in message and "ZeroDivisionError: division by zero" in message
    assert len(message.splitlines()) <= 6 and "Traceback" not in message
    cells = nbformat.read(tmp_path / "build" / "bad.ipynb", as_version=4).cells
    assert cells[1].outputs[0].text == "before\n" and not cells[3].outputs, "the partial copy is kept"


@pytest.mark.parametrize(("name", "code", "fault"), [
    ("unfit", "import warnings\nwarnings.warn('old')", "cell 1, stderr"),
    ("unfit", "import os\nprint('/home/me/x.csv')", "cell 1, path of this machine: /home/me/x.csv"),
    ("unfit", "1 / 0", "ZeroDivisionError"),
    ("01-unfit", "1", "it is shown on the real catalogue, which is not here. `make data` fetches it"),
])  # fmt: skip
def test_refresh_refuses(tmp_path, name, code, fault):
    path = save(tmp_path / f"{name}.ipynb", new_code_cell(code))
    before = path.read_bytes()
    done = tool("refresh", path, XGASS_DATA=str(tmp_path))
    assert done.returncode == 1 and f"{name}.ipynb is not saved" in done.stderr and fault in done.stderr
    assert path.read_bytes() == before


def test_refresh_saves_the_same_file_twice(tmp_path):
    """With words for a figure, its size on the screen, and what made it."""
    figure = new_code_cell(FIGURE, metadata={"mystnb": {"image": {"alt": "A rising line"}}})
    slider = new_code_cell("from ipywidgets import IntSlider\nIntSlider()")
    universe = new_code_cell("import os\nprint('Using the', os.environ['XGASS_SOURCE'])")
    path = save(tmp_path / "fit.ipynb", universe, slider, figure)
    assert tool("refresh", path, TUTORIAL_FAST="1").returncode == 0
    first = path.read_bytes()
    assert tool("refresh", path).returncode == 0 and path.read_bytes() == first
    nb = nbformat.read(path, as_version=4)
    assert nb.metadata.tutorial.universe == "Using the mock" and nb.cells[1].outputs == []
    assert set(nb.metadata.tutorial.versions) == {"Python", "ipywidgets", "matplotlib"}
    data, shown = (nb.cells[2].outputs[-1][what]["image/png"] for what in ("data", "metadata"))
    assert shown.alt == "A rising line"
    assert 2 * shown.width == int.from_bytes(base64.b64decode(data)[16:20], "big"), "width of the PNG"


def test_the_handout_holds_no_solution_and_the_answers_hold_all(tmp_path):
    assert tool("handout", "--out", tmp_path).returncode == 0
    for path in (ROOT / "day2").glob("*.ipynb"):
        versions = [path, tmp_path / "handout" / path.name, tmp_path / "handout" / "answers" / path.name]
        notebooks = [nbformat.read(version, as_version=4) for version in versions]
        text, room, answers = ["\n".join(cell.source for cell in nb.cells) for nb in notebooks]
        solutions = FENCE.findall(text)
        assert len(solutions) == text.count("# your answer") == room.count("<summary>Hint</summary>") > 5
        assert [code for code in solutions if code in room or answers.count(code) != 2] == []
        assert "# your answer" not in answers
        assert not any(cell.get("outputs") for nb in notebooks[1:] for cell in nb.cells)


def test_site(site):
    """The texts lead to each other: the build is strict. A notebook says what it shows."""
    first = (site / "index.html").read_text("utf-8")
    for name in ("day2/01-intro-machine-learning", "day2/02-deep-learning"):
        page, colab = (site / f"{name}.html").read_text("utf-8"), COLAB.format(name)
        assert set(re.findall(r"https://colab\.[^/]+/github/[^\"]+", page)) == {colab}
        assert re.search(r"<em>Using the .+</em>\nMade with Python 3\..+numpy \d", page)
        assert colab in first and f'href="{name}.html"' in first and "badge.svg" not in first + page
