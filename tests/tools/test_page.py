"""What tools take from a notebook is there: else half an hour passes before a renamed function is missed."""

import ast
import re

import pytest
from IPython.core.inputtransformer2 import TransformerManager

import splits
import starts
from cells import CORE, parts, read


def names_made(code):
    """Return the names that a program assigns, defines or imports."""
    nodes = list(ast.walk(ast.parse(code)))
    made = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    made |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return made | {node.asname or node.name for node in nodes if isinstance(node, ast.alias)}


@pytest.mark.parametrize(
    ("tool", "part", "deeper"),
    [(splits, 1, splits.BEND), (starts, 2, starts.DEEPER)],
    ids=["part 1", "part 2"],
)
def test_the_page_has_every_name_that_is_taken_from_it(tool, part, deeper):
    with open(tool.__file__, encoding="utf-8") as file:
        wanted = set(re.findall(r'page\["(\w+)"\]', file.read()))
    of_page = parts(read(part))
    code = [cell.source for cell in [*of_page[CORE], *of_page[deeper]] if cell.cell_type == "code"]
    assert len(wanted) > 10
    assert wanted - names_made(TransformerManager().transform_cell("\n".join(code))) == set()
