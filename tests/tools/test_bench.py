"""The bench prints a table with the ratio that it promises, here of a notebook that takes no time."""

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import bench


def test_a_notebook_idle_and_beside_other_work(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench, "DAY2", tmp_path)
    nb = new_notebook(cells=[new_markdown_cell("# 1. Trees"), new_code_cell("import time\ntime.sleep(0.3)")])
    nbformat.write(nb, tmp_path / "nb.ipynb")
    idle = bench.notebook("nb.ipynb")
    bench.beside_other_work("nb.ipynb", idle)
    total, section, beside = capsys.readouterr().out.splitlines()
    assert idle > 0.3 and float(section.split()[-1]) >= 0.3 and section.startswith("    1. Trees")
    assert "busy / idle" in beside and float(total.split()[-1]) > 10, "megabytes"
