"""A teacher may leave out what day2/README.md offers: what is left misses nothing."""

import re
import subprocess
import sys
from itertools import combinations

import nbformat
import pytest
from runs import NOTEBOOKS, read

from notebooks import ROOT, headings, live

TEXT = (ROOT / "day2/README.md").read_text(encoding="utf-8")


def named(words):
    """Return the sections that a text names, by number or by "heading"."""
    return [number or title for number, title in re.findall(r'\b(\d+)\b|"([^"]+)"', words)]


def offered(part):
    """Return the headings of which any may be left out."""
    return named(re.search(rf"(?m)^- Part {part}: (.*)$", TEXT)[1])


# Part, minutes, what the plan for so many minutes leaves out.
PLANS = [
    (part, f"{minutes} minutes", named(words))
    for minutes, *columns in re.findall(r"(?m)^\| (\d+) min \|([^|]*)\|([^|]*)\|", TEXT)
    for part, words in enumerate(columns, 1)
    if "without" in words
]


def without(part, cuts):
    """Return a notebook without some sections."""
    nb, gone = read(part), set()
    titles = headings(nb)
    for cut in cuts:
        of_cut = [t for t in titles if cut == re.sub(r"^\d+\. ", "", t[2]) or t[2].startswith(f"{cut}. ")]
        assert len(of_cut) == 1, f"part {part} has no one section {cut}"
        at, level, _ = of_cut[0]
        gone |= {*range(at, next((i for i, other, _ in titles if i > at and other <= level), len(nb.cells)))}
    nb.cells = [cell for index, cell in enumerate(nb.cells) if index not in gone]
    return nb


@pytest.mark.parametrize("part", NOTEBOOKS)
def test_no_name_is_missing(part, tmp_path):
    """Of any plan, and of any selection of cuts: what is left uses no name that only a cut section made."""
    free = offered(part)
    cuts = [c for count in range(1, len(free) + 1) for c in combinations(free, count)]
    plans = [plan for of_part, _, plan in PLANS if of_part == part]
    cuts += plans
    for chosen in cuts:
        nbformat.write(without(part, chosen), tmp_path / f"without {', '.join(chosen)}.ipynb")
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821", tmp_path]
    done = subprocess.run(ruff, capture_output=True, text=True)
    assert len(free) > 1 and plans and done.returncode == 0, done.stdout


@pytest.mark.full
@pytest.mark.parametrize(("part", "name", "cuts"), PLANS)
def test_a_plan_runs(part, name, cuts):
    nb, env = without(part, cuts), {"XGASS_SOURCE": "mock", "TUTORIAL_FAST": "1"}
    with live(nb, NOTEBOOKS[part], ROOT / "day2", **env) as (_, failure):
        assert failure == ""
