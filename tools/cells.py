"""The notebooks, and what is read in one: headings, parts, tags, pictures, folded solutions."""

import copy
import re
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = {1: "01-intro-machine-learning.ipynb", 2: "02-deep-learning.ipynb"}  # in day2/
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
SOLUTION = re.compile(r"<summary>Solution</summary>.*?\n```python\n(.*?)\n```", re.S)
FENCED = re.compile(r"^```.*?^```", flags=re.M | re.S)
FOLDED = re.compile(r"<details>.*?</details>", flags=re.S)
CORE = "core"


def read(part):
    """Return the notebook of a part."""
    return nbformat.read(ROOT / "day2" / NOTEBOOKS[part], as_version=4)


def read_all():
    """Return {part: notebook}."""
    return {part: read(part) for part in NOTEBOOKS}


def headings(nb):
    """Return (cell index, level, text) of every markdown heading of a notebook, code fences left out."""
    found = []
    for index, cell in enumerate(nb.cells):
        if cell.cell_type == "markdown":
            text = FENCED.sub("", cell.source)
            for marks, title in re.findall(r"(?m)^(#{1,6}) +(.+?) *$", text):
                found.append((index, len(marks), title))
    return found


def section_of(nb, index):
    """Return the top-level heading that a cell stands under."""
    section = "(before the first heading)"
    for at, level, title in headings(nb):
        if level == 1 and at <= index:
            section = title
    return section


def sections(nb):
    """Return {top-level heading: its cells}, in order; the title of the notebook is the first."""
    found = {}
    for index, cell in enumerate(nb.cells):
        found.setdefault(section_of(nb, index), []).append(cell)
    return found


def is_deeper(heading):
    """Tell whether a top-level heading opens a section that asks for nothing but the core."""
    return heading.startswith("Deeper")


def parts(nb):
    """Return {"core": its cells, "Deeper: NAME": its cells, ...}."""
    found = {CORE: []}
    for heading, cells in sections(nb).items():
        name = heading if is_deeper(heading) else CORE
        found.setdefault(name, []).extend(cells)
    return found


def tag(cell, kind):
    """Return NAME if a cell has the tag KIND-NAME, else None."""
    for name in cell.metadata.get("tags", []):
        if name.startswith(f"{kind}-"):
            return name.removeprefix(f"{kind}-")
    return None


def is_folded(cell):
    """Tell whether the code of a cell is hidden from a reader: set-up and drawing."""
    return "hide-input" in cell.metadata.get("tags", [])


def is_picture(output):
    """Tell whether an output of a cell is a picture."""
    return "image/png" in output.get("data", {})


def pictures_of(cell):
    """Return the outputs of a cell that are pictures."""
    return [output for output in cell.get("outputs", []) if is_picture(output)]


def clear(nb):
    """Take the outputs out of a notebook."""
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs = []
            cell.execution_count = None


def solutions(nb):
    """Return {exercise: code of its folded solution}."""
    found = {}
    for cell in nb.cells:
        name = tag(cell, "solution")
        if name:
            found[name] = SOLUTION.search(cell.source).group(1)
    return found


def solved(nb):
    """Return a copy of a notebook with each folded solution in place of its scaffold."""
    nb = copy.deepcopy(nb)
    code = solutions(nb)
    for cell in nb.cells:
        name = tag(cell, "exercise")
        if name:
            cell.source = code[name]
    return nb
