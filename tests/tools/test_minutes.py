"""The minutes of a made-up notebook, counted by hand, and where they are written."""

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from cells import CORE
from minutes import in_text, minutes, table, too_long, written

FIGURE = [new_output("display_data", data={"image/png": "iVBO"})]
FOLDED = "<details><summary>Answer</summary>\n\nfolded words\n\n</details>"


def words(number):
    return " ".join(["word"] * number)


@pytest.fixture
def nb():
    """Return a core of 1200 words, 60 lines, 2 figures, 1 exercise (10 + 10 + 3 + 8 minutes), a Deeper."""
    lines = "\n\n".join(["x = 1"] * 60)
    hidden = new_code_cell(lines, metadata={"jupyter": {"source_hidden": True}, "tags": ["hide-input"]})
    return new_notebook(
        cells=[
            new_markdown_cell("# Title\n\n**Time**: about 999 minutes with the exercises."),
            new_markdown_cell(f"# 1. Trees\n\n*7 minutes. The question?*\n\n{words(1182)}\n\n{FOLDED}"),
            new_code_cell(lines, outputs=FIGURE),
            new_markdown_cell("**Exercise 1: Bend.**"),
            hidden,
            new_code_cell("", outputs=FIGURE),
            new_markdown_cell(
                f"# Deeper: more\n\n*3 minutes; asks for nothing but the core.*\n\n{words(588)}"
            ),
        ]
    )


def test_the_formula(nb):
    assert table(nb) == {CORE: 35, "1. Trees": 31, "Deeper: more": 5}
    assert minutes(nb.cells[2:3]) == 60 / 6 + 1.5


def test_they_are_written_where_they_are_read(nb):
    texts = written(nb)
    assert "about 35 minutes with" in texts[0] and "*31 minutes. The question?*" in texts[1]
    assert "*5 minutes; asks for" in texts[6]
    row = "| 1. Trees | 99 | a |\n| **core of part 1** | **9** | |\nabout 9 minutes (part 1)"
    right = "| 1. Trees | 31 | a |\n| **core of part 1** | **35** | |\nabout 35 minutes (part 1)"
    assert in_text(row, {1: table(nb)}) == right


@pytest.mark.parametrize(
    ("of_core", "of_deeper", "found"), [(150, 30, {}), (155, 30, {CORE: 155}), (150, 31, {"Deeper: a": 31})]
)
def test_too_long(of_core, of_deeper, found):
    assert too_long({CORE: of_core, "1. Trees": 60, "Deeper: a": of_deeper}) == found
