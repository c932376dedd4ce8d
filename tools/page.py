"""Run cells of a notebook in this process, and use the names that they leave."""

import os

import matplotlib
from IPython.core.interactiveshell import InteractiveShell

from cells import CORE, ROOT, parts, read


def names_of(part, *deeper):
    """Run the core of a part, then Deeper sections; return {name: object} of all that they leave.

    Figures are not shown. The process goes to the folder of the notebook.
    """
    matplotlib.use("Agg")
    os.chdir(ROOT / "day2")
    shell = InteractiveShell.instance()
    cells = parts(read(part))
    for section in (CORE, *deeper):
        for cell in cells[section]:
            if cell.cell_type == "code":
                shell.run_cell(cell.source).raise_error()
    return shell.user_ns
