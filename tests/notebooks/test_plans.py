"""What is left of a notebook uses no name that only a part left out has made.

Left out are what a plan of day2/README.md leaves out, and, for each section called Deeper, all the others.
"""

import re
import subprocess
import sys

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from cells import CORE, NOTEBOOKS, ROOT, headings, parts, read

TEXT = (ROOT / "day2/README.md").read_text(encoding="utf-8")


def plans(part):
    """Return {"60 min": what the plan leaves out, as numbers and "headings"} of a part."""
    found = {}
    for minutes, *columns in re.findall(r"(?m)^\| (\d+) min \|([^|]*)\|([^|]*)\|", TEXT):
        words = columns[part - 1]
        if "without" in words:
            cuts = re.findall(r'\b(\d+)\b|"([^"]+)"', words)
            found[f"{minutes} min"] = [number or title for number, title in cuts]
    return found


def without(nb, cuts):
    """Return the cells of the core without some sections."""
    titles, gone = headings(nb), set()
    for cut in cuts:
        of_cut = [t for t in titles if cut == re.sub(r"^\d+\. ", "", t[2]) or t[2].startswith(f"{cut}. ")]
        assert len(of_cut) == 1, f"no one section {cut}"
        at, level, _ = of_cut[0]
        end = next((i for i, other, _ in titles if i > at and other <= level), len(nb.cells))
        gone |= set(range(at, end))
    core = parts(nb)[CORE]
    return [cell for index, cell in enumerate(nb.cells) if index not in gone and cell in core]


def unknown_names(cells, path):
    """Return what ruff says of names that nothing in some cells defines."""
    sources = [cell.source for cell in cells if cell.cell_type == "code"]
    path.write_text(TransformerManager().transform_cell("\n\n".join(sources)), encoding="utf-8")
    ruff = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--select",
        "F821",
        "--output-format",
        "concise",
        path,
    ]
    done = subprocess.run(ruff, capture_output=True, text=True)
    return done.stdout if done.returncode else ""


@pytest.mark.parametrize("part", NOTEBOOKS)
def test_no_plan_lacks_a_name(part, tmp_path):
    nb = read(part)
    for plan, cuts in plans(part).items():
        assert (plan, unknown_names(without(nb, cuts), tmp_path / "plan.py")) == (plan, "")


@pytest.mark.parametrize("part", NOTEBOOKS)
def test_no_deeper_section_lacks_a_name(part, tmp_path):
    of_part = parts(read(part))
    for name, cells in of_part.items():
        left = of_part[CORE] + (cells if name != CORE else [])
        assert (name, unknown_names(left, tmp_path / "part.py")) == (name, "")


def test_there_are_plans():
    assert set(plans(1)) >= {"60 min", "90 min", "180 min"}
    assert set(plans(2)) >= {"180 min"}
