"""The outline of a made-up notebook, and where it is written."""

import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from outline import with_outline

README = "**Part 1, [one](1.ipynb)**\n\n{}\n\n**Part 2, [two](2.ipynb)**\n\n{}\n\nAfter."
OLD = "1. Old\n- old"
RIGHT = "1. Trees — A leaf · A root\n- Deeper: more"


@pytest.fixture
def nb():
    headings = ["# Title", "# 1. Trees", "## A leaf", "### A vein", "## A root", "# Deeper: more"]
    return new_notebook(cells=[new_markdown_cell(heading) for heading in headings])


@pytest.mark.parametrize(("part", "outlines"), [(1, [RIGHT, OLD]), (2, [OLD, RIGHT])])
def test_it_is_written_below_the_line_of_its_part(nb, part, outlines):
    assert with_outline(README.format(OLD, OLD), part, nb) == README.format(*outlines)


def test_a_text_without_that_line_is_named(nb):
    with pytest.raises(ValueError, match="0 places match .*Part 1"):
        with_outline("no parts here", 1, nb)
