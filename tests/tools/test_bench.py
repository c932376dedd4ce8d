"""The bench prints a table with the ratio that it promises, here of notebooks that take no time."""

import time

import psutil
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import bench


def test_a_notebook_and_its_sections(monkeypatch, capsys):
    cells = [new_markdown_cell("# 1. Trees"), new_code_cell("import time\ntime.sleep(0.3)")]
    monkeypatch.setattr(bench, "read", lambda part: new_notebook(cells=cells))
    seconds = bench.notebook(1)
    total, section = capsys.readouterr().out.splitlines()
    assert seconds > 0.3 and float(section.split()[-1]) >= 0.3 and section.startswith("    1. Trees")
    assert float(total.split()[-1]) > 10, "megabytes"


def test_beside_other_work_another_process_is_busy(monkeypatch, capsys):
    before, seen = set(psutil.Process().children()), []

    def measured(work, part):
        [other] = set(psutil.Process().children()) - before
        seen.append(other)
        deadline = time.monotonic() + 30
        while other.cpu_times().user < 0.2:
            assert time.monotonic() < deadline, "it does nothing"
            time.sleep(0.05)
        return None, 3.0, "100"

    monkeypatch.setattr(bench, "measured", measured)
    bench.beside_other_work(2, idle=2.0)
    assert capsys.readouterr().out.rstrip().endswith("busy / idle 1.50")
    assert not seen[0].is_running()
