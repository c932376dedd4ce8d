"""The exercises in the notebooks: complete, harmless while nothing is filled in, solved by their solutions.

Each notebook is run twice, small and simulated, in a copy of day2/: untouched, and with every folded solution
put in place of its scaffold.
"""

import ast
import copy
import re
import shutil
from pathlib import Path

import nbformat

from notebooks import execute
from exercises.checks import CHECKS, NOT_YET

ROOT = Path(__file__).resolve().parents[1]
DAY2 = ROOT / "day2"
KINDS = ("exercise-", "check-", "solution-")
FOLDED = re.compile(r"<details><summary>(\w+)</summary>\n\n(.*?)\n\n</details>", re.S)
FENCE = re.compile(r"(?:^|\n\n)```python\n(.*?)\n```(?:$|\n\n)", re.S)


def read(name):
    return nbformat.read(DAY2 / name, as_version=4)


def tag(cell):
    return next((t for t in cell.metadata.get("tags", []) if t.startswith(KINDS)), "")


def exercises(nb):
    """Return {name: index of the scaffold cell}, in the order of the notebook."""
    tags = [tag(cell) for cell in nb.cells]
    return {t.removeprefix("exercise-"): i for i, t in enumerate(tags) if t.startswith("exercise-")}


def folded(nb, index):
    """Return {"Hint": text, "Solution": text} of the exercise whose scaffold has this index."""
    return dict(FOLDED.findall(nb.cells[index + 2].source))


def solve(nb):
    """Return a copy with each folded solution in place of the whole scaffold cell."""
    nb = copy.deepcopy(nb)
    for index in exercises(nb).values():
        nb.cells[index].source = FENCE.search(folded(nb, index)["Solution"]).group(1)
    return nb


def faults(nb):
    """Return what is missing from, or out of place in, the exercises of a notebook."""
    found, names = [], exercises(nb)
    if len(names) < 6:
        found.append(f"only {len(names)} exercises")
    for number, (name, i) in enumerate(names.items(), 1):
        cells = nb.cells[i - 1 : i + 3]
        if [tag(cell) for cell in cells] != ["", f"exercise-{name}", f"check-{name}", f"solution-{name}"]:
            found.append(f"{name}: prompt, scaffold, check and solution do not follow each other")
            continue
        prompt, scaffold, checked, solution = (cell.source for cell in cells)
        parts = FOLDED.findall(solution)
        fences = FENCE.findall(dict(parts).get("Solution", ""))
        complaints = {
            "cell types": [c.cell_type for c in cells] != ["markdown", "code", "code", "markdown"],
            "no prompt with number": not re.search(rf"^\*\*Exercise {number}: [^*]+\.\*\* \S", prompt, re.M),
            "scaffold of more than 10 lines": len(scaffold.splitlines()) > 10,
            "scaffold does not say where to write": "# your answer" not in scaffold,
            "does not call its check": not checked.startswith(f'check("{name}", '),
            "more than its check in the cell": len(checked.splitlines()) > 1,
            "no folded hint and solution": [title for title, _ in parts] != ["Hint", "Solution"],
            "words outside the folds": FOLDED.sub("", solution).strip(),
            "not one block of code between blank lines": len(fences) != 1 or solution.count("```") != 2,
            "no such check": name not in CHECKS,
        }
        found += [f"{name}: {what}" for what, wrong in complaints.items() if wrong]
        # The solution defines what the scaffold defines, so that nothing after it is left without its names.
        if len(fences) == 1 and not bound(scaffold) <= bound(fences[0]):
            found.append(f"{name}: solution lacks {bound(scaffold) - bound(fences[0])}")
    stray = {tag(cell).split("-")[1] for cell in nb.cells if tag(cell)} - set(names)
    return found + [f"{name}: no scaffold" for name in sorted(stray)]


def bound(source):
    """Return the names that a cell defines at its top level."""
    names = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets}
    return names


def verdicts(nb):
    """Return {name: what the check printed} of an executed notebook."""
    printed = {}
    for cell in nb.cells:
        if tag(cell).startswith("check-"):
            printed[tag(cell).removeprefix("check-")] = "".join(o.get("text", "") for o in cell.outputs)
    return printed


def run(nb, name, folder):
    """Execute a notebook on the small simulated sample, in a folder that looks like the repository."""
    (folder / "day2").mkdir()
    (folder / "data").symlink_to(ROOT / "data")
    shutil.copytree(DAY2 / "xgass", folder / "day2" / "xgass")
    for path in [DAY2 / "tutorial.mplstyle", *DAY2.glob("*.py")]:
        shutil.copy(path, folder / "day2")
    nbformat.write(nb, folder / "day2" / name)
    done, _, failure = execute(folder / "day2" / name, TUTORIAL_FAST="1", XGASS_SOURCE="mock")
    assert not failure, failure
    return verdicts(done)


class Exercises:
    """What holds for each notebook; a class per notebook, so that xdist keeps its runs in one process."""

    name: str

    def test_complete(self):
        assert faults(read(self.name)) == []

    def test_untouched_says_not_yet(self, tmp_path):
        nb = read(self.name)
        assert run(nb, self.name, tmp_path) == dict.fromkeys(exercises(nb), NOT_YET + "\n")

    def test_solutions_are_right(self, tmp_path):
        nb = read(self.name)
        printed = run(solve(nb), self.name, tmp_path)
        assert list(printed) == list(exercises(nb))
        assert {name: line for name, line in printed.items() if not line.startswith("✓ ")} == {}

    def test_each_fault_is_seen(self):
        """Spoil a copy, in one way after the other: what test_complete reads can fail."""
        for spoil, complaint in SPOILS:
            nb = read(self.name)
            index = list(exercises(nb).values())[2]
            spoil(nb, index)
            assert any(complaint in fault for fault in faults(nb)), complaint


class TestPart1(Exercises):
    name = "01-intro-machine-learning.ipynb"


class TestPart2(Exercises):
    name = "02-deep-learning.ipynb"


def test_every_check_has_one_exercise():
    used = [name for part in (TestPart1, TestPart2) for name in exercises(read(part.name))]
    assert sorted(used) == sorted(CHECKS)


def swap(old, new, offset):
    def spoil(nb, index):
        cell = nb.cells[index + offset]
        assert old in cell.source
        cell.source = cell.source.replace(old, new)

    return spoil


def without(offset):
    return lambda nb, index: nb.cells.pop(index + offset)


def keep_five(nb, index):
    for i in sorted(list(exercises(nb).values())[5:], reverse=True):
        del nb.cells[i - 1 : i + 3]


SPOILS = [
    (without(1), "do not follow each other"),
    (without(2), "do not follow each other"),
    (without(0), "no scaffold"),
    (keep_five, "only 5 exercises"),
    (swap("**Exercise 3", "**Exercise 4", -1), "with number"),
    (lambda nb, index: nb.cells[index].update(source="x = 1\n" * 11), "more than 10 lines"),
    (swap("# your answer", "#", 0), "where to write"),
    (swap("check(", "print(", 1), "call its check"),
    (swap("check(", "1\ncheck(", 1), "call its check"),
    (swap(")", ")\nprint()", 1), "more than its check"),
    (swap("<summary>Hint</summary>", "<summary>Help</summary>", 2), "no folded hint"),
    (swap("</details>\n\n<details>", "</details>\n\nRead on.\n\n<details>", 2), "outside the folds"),
    (swap("<summary>Solution</summary>\n\n", "<summary>Solution</summary>\n", 2), "no folded hint"),
    (swap("\n```python", "```python", 2), "one block of code"),
    (swap("```python", "```", 2), "one block of code"),
]
