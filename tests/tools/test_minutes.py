"""The minutes of a made-up notebook, counted by hand, and where they are written."""

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from cells import CORE
from minutes import minutes, table_of, too_long, with_rows, with_sentences, written

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
            new_markdown_cell("# Title\n\nWhat you will learn, with the exercises."),
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
    assert table_of(nb) == {CORE: 35, "1. Trees": 31, "Deeper: more": 5}
    assert minutes(nb.cells[2:3]) == 60 / 6 + 1.5


def test_they_are_written_where_they_are_read(nb):
    texts = written(nb)
    assert "*31 minutes. The question?*" in texts[1] and "*5 minutes; asks for" in texts[6]
    rows = "| 1. Trees | 99 | a |\n| **core of part 1** | **9** | |\n| Deeper: more | 9 | b |"
    right = "| 1. Trees | 31 | a |\n| **core of part 1** | **35** | |\n| Deeper: more | 5 | b |"
    assert with_rows(rows, 1, table_of(nb)) == right
    sentence = "about 9 minutes (part 1) and about 9 minutes (part 2)"
    assert with_sentences(sentence, 1, table_of(nb)) == sentence.replace("9", "35", 1)


@pytest.mark.parametrize("with_minutes", [with_rows, with_sentences])
def test_a_text_without_a_place_for_them_is_named(with_minutes):
    with pytest.raises(ValueError, match="0 places match .*core of part 1|0 places match .*part 1"):
        with_minutes("nothing", 1, {CORE: 35})


def test_a_section_without_its_line_or_with_a_row_twice_is_named(nb):
    table = table_of(nb)
    nb.cells[6].source = "# Deeper: more\n\nAsks for nothing."
    with pytest.raises(ValueError, match="0 places match .*Deeper"):
        written(nb)
    with pytest.raises(ValueError, match="2 places match .*Trees"):
        with_rows("| 1. Trees | 99 | a |\n| 1. Trees | 99 | a |", 1, table)


@pytest.mark.parametrize(
    ("of_core", "of_deeper", "found"), [(150, 30, {}), (155, 30, {CORE: 155}), (150, 31, {"Deeper: a": 31})]
)
def test_too_long(of_core, of_deeper, found):
    assert too_long({CORE: of_core, "1. Trees": 60, "Deeper: a": of_deeper}) == found
