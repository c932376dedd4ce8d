"""What a reader of the committed notebooks meets, before anything is run."""

import ast
import re
import statistics

import nbformat
import pytest
from runs import NOTEBOOKS, read

from exercises.checks import CHECKS
from notebooks import FENCE, KERNELSPEC, MACHINE_PATH, ROOT, headings, tag, unfit

COLAB = "https://colab.research.google.com/github/jwuphysics/AstroHackWeek2022/blob/main/day2/"
FOLDS = re.compile(
    r"<details><summary>Hint</summary>\n\n.+\n\n</details>\n\n"
    r"<details><summary>Solution</summary>\n\n.*```python\n.+\n```(?:\n\n.*)?\n\n</details>\s*",
    flags=re.S,
)


@pytest.fixture(params=NOTEBOOKS)
def part(request):
    return request.param


@pytest.fixture
def nb(part):
    return read(part)


def code(nb):
    return [cell for cell in nb.cells if cell.cell_type == "code"]


def test_the_outline_is_that_of_the_readme(part, nb):
    """`2. Polynomial regression — Cross-validation · Overfitting` stands for "# 2. ..." and two "## ..."."""
    listed = re.search(rf"\*\*Part {part},.*?\n\n(.*?)\n\n", (ROOT / "README.md").read_text("utf-8"), re.S)[1]
    expected = []
    for line in listed.splitlines():
        section, _, inside = line.partition(" — ")
        expected += [(1, section), *((2, title) for title in inside.split(" · ") if title)]
    assert [(level, title) for _, level, title in headings(nb)][1:] == expected


def test_the_badge_opens_this_notebook(part, nb):
    assert f"]({COLAB}{NOTEBOOKS[part]})" in nb.cells[0].source


def test_cells_are_short_and_run_anywhere(nb):
    """One idea a cell; no path of one machine, and no maker of GPUs by name."""
    lines = [len(cell.source.splitlines()) for cell in code(nb)]
    assert max(lines) <= 30 and statistics.median(lines) <= 8
    assert not [cell.source for cell in code(nb) if re.search(r"\bcuda\b", cell.source)]
    assert not [cell.source for cell in nb.cells if MACHINE_PATH.search(cell.source)]


def test_saved_by_one_clean_run(part, nb):
    """Top to bottom, with outputs that are fit to be read, and nothing of the machine that ran it."""
    nbformat.validate(nb)
    assert [cell.execution_count for cell in code(nb)] == list(range(1, len(code(nb)) + 1))
    assert unfit(nb) == [] and any(cell.outputs for cell in code(nb))
    assert nb.metadata.kernelspec == KERNELSPEC and "version" not in nb.metadata.language_info
    assert set(nb.metadata) == {"kernelspec", "language_info", "tutorial"}
    assert not [cell for cell in nb.cells if "execution" in cell.metadata], "times of a run"
    assert (ROOT / "day2" / NOTEBOOKS[part]).stat().st_size < 4e6, "GitHub and Colab still show it"


def test_each_figure_is_explained(nb):
    """In words below it, and in words for who cannot see it."""
    for cell, after in zip(nb.cells, [*nb.cells[1:], None], strict=True):
        if figures := [o for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]:
            alts = [len(o.metadata.get("image/png", {}).get("alt", "")) > 20 for o in figures]
            assert all(alts), f"no alt text in the metadata of: {cell.source[:100]}"
            words = after and after.cell_type == "markdown" and re.sub(r"(?m)^#.*$", "", after.source).strip()
            assert words, f"no text after the figure of: {cell.source[:100]}"


def defined(source):
    """Return the names that a cell defines at its top level."""
    body = ast.parse(source).body
    stored = [name for node in body if isinstance(node, ast.Assign) for name in ast.walk(node)]
    names = {name.id for name in stored if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)}
    return names | {node.name for node in body if isinstance(node, ast.FunctionDef)}


def test_exercises_are_complete(nb):
    """Prompt, scaffold, check and solution follow each other; a solution defines what its scaffold does."""
    places = [i for i, cell in enumerate(nb.cells) if tag(cell, "exercise")]
    assert len(places) >= 6
    for number, i in enumerate(places, 1):
        prompt, scaffold, check, folded = nb.cells[i - 1 : i + 3]
        name = tag(scaffold, "exercise")
        assert (tag(check, "check"), tag(folded, "solution")) == (name, name)
        assert re.search(rf"^\*\*Exercise {number}: [^*]+[.?]\*\* \S", prompt.source, re.M), name
        assert "# your answer" in scaffold.source and len(scaffold.source.splitlines()) <= 10, name
        assert check.source.startswith(f'check("{name}", ') and "\n" not in check.source, name
        assert "nbval-check-output" in check.metadata.tags, f"{name}: «not yet» is not compared"
        assert FOLDS.fullmatch(folded.source) and folded.source.count("```") == 2, name
        assert defined(scaffold.source) <= defined(FENCE.search(folded.source)[1]), name


def test_every_check_has_one_exercise_and_nothing_else_is_kept():
    used = [name for part in NOTEBOOKS for cell in read(part).cells if (name := tag(cell, "exercise"))]
    assert sorted(used) == sorted(CHECKS)
    assert sorted(path.name for path in (ROOT / "day2").glob("*.ipynb")) == sorted(NOTEBOOKS.values())
