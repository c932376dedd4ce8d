"""What starts.py takes from the page is there; its table over rounds and starts says which way is better."""

import ast
import re

import nbformat
import numpy as np
import pandas as pd
from IPython.core.inputtransformer2 import TransformerManager

from cells import CORE, NOTEBOOKS, ROOT, parts
from starts import DEEPER, practice_table


def names_made(code):
    """Return the names that a program assigns, defines or imports."""
    nodes = list(ast.walk(ast.parse(code)))
    made = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    made |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return made | {node.asname or node.name for node in nodes if isinstance(node, ast.alias)}


def test_the_page_has_every_name_that_is_taken_from_it():
    """Else half an hour passes before a renamed function is missed."""
    wanted = set(re.findall(r'page\["(\w+)"\]', (ROOT / "tools/starts.py").read_text("utf-8")))
    of_page = parts(nbformat.read(ROOT / "day2" / NOTEBOOKS[2], as_version=4))
    cells = [*of_page[CORE], *of_page[DEEPER]]
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    assert len(wanted) > 20
    assert wanted - names_made(TransformerManager().transform_cell(code)) == set()


def test_a_smaller_error_is_a_gain_with_an_interval_above_zero():
    rng = np.random.default_rng(1)
    label = pd.Series(rng.normal(0, 1, 300), [f"g{i}" for i in range(300)])
    index = pd.MultiIndex.from_product([[0, 1], label.index], names=["round", "id"])
    doubled = np.tile(label.to_numpy(), 2)
    said = {way: doubled + rng.normal(0, 0.5, 600) for way in ("rings", "random kernels", "from nothing")}
    said["probe"] = doubled + rng.normal(0, 0.1, 600)
    table = practice_table(pd.DataFrame(said, index), label)
    assert abs(table.loc["probe", "RMSE"] - 0.1) < 0.02 and table.loc["probe", "R2"] > 0.97
    low, high = map(float, table.loc["probe", "rings minus this"].split(" to "))
    assert 0.3 < low < high < 0.5
    low, high = map(float, table.loc["random kernels", "rings minus this"].split(" to "))
    assert low < 0 < high
