"""A teacher may cut what day2/README.md offers to cut: the rest of the notebook runs."""

import re
import subprocess
import sys
from itertools import combinations

import nbformat
import pytest
from runs import NOTEBOOKS, read

from notebooks import ROOT, headings, live


def offered(part):
    """Return the headings that the README offers to cut."""
    text = (ROOT / "day2/README.md").read_text(encoding="utf-8")
    line = re.search(rf"(?m)^- Part {part}: («.*)$", text)
    return re.findall("«(.+?)»", line[1])


def without(nb, cuts):
    """Return the notebook without some sections; a heading may have a number in front."""
    titles = [(at, level, re.sub(r"^\d+\. ", "", title)) for at, level, title in headings(nb)]
    for cut in cuts:
        at, level = next(((at, level) for at, level, title in titles if title == cut), (None, None))
        assert at is not None, f"there is no section «{cut}»"
        end = next((i for i, other, _ in titles if i > at and other <= level), len(nb.cells))
        for cell in nb.cells[at:end]:
            cell.metadata["cut"] = True
    nb.cells = [cell for cell in nb.cells if not cell.metadata.get("cut")]
    return nb


@pytest.mark.parametrize("part", NOTEBOOKS)
def test_no_name_is_missing(part, tmp_path):
    """Of any selection of cuts: what is left uses no name that only a cut section made."""
    cuts = offered(part)
    assert len(cuts) > 1
    for count in range(1, len(cuts) + 1):
        for chosen in combinations(cuts, count):
            nbformat.write(without(read(part), chosen), tmp_path / f"without {', '.join(chosen)}.ipynb")
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821", tmp_path]
    done = subprocess.run(ruff, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.full
@pytest.mark.parametrize("part", NOTEBOOKS)
def test_the_rest_runs_without_any_of_them(part):
    nb = without(read(part), offered(part))
    with live(nb, NOTEBOOKS[part], ROOT / "day2", XGASS_SOURCE="mock", TUTORIAL_FAST="1") as (_, failure):
        assert failure == ""
