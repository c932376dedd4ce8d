"""What a reader of the committed notebooks meets, before anything is run."""

import ast
import re

import nbformat
import pytest

from cells import CORE, KERNELSPEC, NOTEBOOKS, ROOT, SOLUTION, pictures_of, read, read_all, tag
from exercises.checks import CHECKS
from minutes import TEXTS, table_of, too_long, written
from notebooks import MACHINE_PATH, unfit
from outline import with_outline

BADGE = "![Open In Colab](https://colab.research.google.com/assets/colab-badge.svg)"
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


def test_the_outline_of_the_readme_is_current(part, nb):
    """`make refresh` writes it from the headings."""
    text = (ROOT / "README.md").read_text("utf-8")
    assert with_outline(text, part, nb) == text


def test_the_minutes_are_current(part, nb):
    """`make refresh` writes them: in the notebook, for teachers and in the README."""
    assert [cell.source for cell in nb.cells] == written(nb)
    for name, with_minutes in TEXTS.items():
        text = (ROOT / name).read_text("utf-8")
        assert with_minutes(text, part, table_of(nb)) == text


def test_no_part_is_too_long(nb):
    assert too_long(table_of(nb)) == {}


def test_teachers_find_every_section(nb):
    text = (ROOT / "day2" / "README.md").read_text("utf-8")
    missing = [heading for heading in table_of(nb) if heading != CORE and f"| {heading} |" not in text]
    assert missing == []


def test_the_badge_opens_this_notebook(part, nb):
    assert f"]({COLAB}{NOTEBOOKS[part]})" in nb.cells[0].source


def test_cells_run_anywhere(nb):
    """No path of one machine, and no maker of GPUs by name."""
    assert not [cell.source for cell in code(nb) if re.search(r"\bcuda\b", cell.source)]
    assert not [cell.source for cell in nb.cells if MACHINE_PATH.search(cell.source)]


def test_no_picture_of_another_host(nb):
    """A picture that moves is a hole in the page. Only Colab's badge is asked for."""
    sources = [cell.source.replace(BADGE, "") for cell in nb.cells]
    assert not [source for source in sources if re.search(r"!\[[^\]]*\]\(http|<img[^>]+http", source)]
    htmls = [o.get("data", {}).get("text/html", "") for cell in code(nb) for o in cell.outputs]
    assert not [html for html in htmls if re.search(r"src=.?http", html)]


def test_papermill_finds_the_parameters(nb):
    """It puts its own values below the one cell with this tag: seeds, and what trades time for precision."""
    tagged = [cell for cell in nb.cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1 and "SEED = 42" in tagged[0].source


def test_folded_cells_say_what_they_do(nb):
    """A line `# @title`, and the marks of JupyterLab, Colab and the site together."""
    for cell in code(nb):
        lab = cell.metadata.get("jupyter", {}).get("source_hidden", False)
        colab = cell.metadata.get("cellView") == "form"
        site = "hide-input" in cell.metadata.get("tags", [])
        title = cell.source.startswith("# @title ")
        assert lab == colab == site == title, cell.source[:100]


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
        if figures := pictures_of(cell):
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
    assert len(places) >= 5
    for number, i in enumerate(places, 1):
        prompt, scaffold, check, folded = nb.cells[i - 1 : i + 3]
        name = tag(scaffold, "exercise")
        assert (tag(check, "check"), tag(folded, "solution")) == (name, name)
        assert re.search(rf"^\*\*Exercise {number}: [^*]+[.?]\*\* \S", prompt.source, re.M), name
        assert "# your answer" in scaffold.source and len(scaffold.source.splitlines()) <= 10, name
        assert check.source.startswith(f'check("{name}", ') and "\n" not in check.source, name
        assert "nbval-check-output" in check.metadata.tags, f'{name}: "not yet" is not compared'
        assert FOLDS.fullmatch(folded.source) and folded.source.count("```") == 2, name
        assert defined(scaffold.source) <= defined(SOLUTION.search(folded.source)[1]), name


def test_every_check_has_one_exercise_and_nothing_else_is_kept():
    used = [name for nb in read_all().values() for cell in nb.cells if (name := tag(cell, "exercise"))]
    assert sorted(used) == sorted(CHECKS)
    assert sorted(path.name for path in (ROOT / "day2").glob("*.ipynb")) == sorted(NOTEBOOKS.values())
