"""What holds in every run of a notebook, and what the text says of the data of each universe.

A class is one run, with the folded solutions filled in; xdist (`--dist loadscope`) keeps it on one worker.
The notebooks as they are, untouched, are run by `make test` under nbval.

tests/claims/partN.py holds the claims of part N: functions `claim_*` without arguments; the docstring is the
sentence, and the asserts use the names of the notebook. `@only("xgass", "stand-in")` limits a claim to these
universes; UNIVERSE names the one at hand.
"""

import ast
import re
from pathlib import Path

import pytest
from nbclient.exceptions import CellExecutionError

from notebooks import tag, unfit

CLAIMS = Path(__file__).resolve().parents[1] / "claims"
CLAIM = """
def _claim(source):
    import ast
    from _pytest.assertion.rewrite import rewrite_asserts  # a failed assert shows its values, as in any test
    names = {{**globals(), "UNIVERSE": {universe!r}, "only": lambda *universes: lambda claim: claim}}
    parsed = ast.parse(source)
    rewrite_asserts(parsed, source.encode())
    exec(compile(parsed, "claims", "exec"), names)  # in a copy of the names: the notebook keeps its own
    names[{name!r}]()
_claim({source!r})
"""


def shown(outputs):
    """Return the text and the pictures of outputs, without what differs from time to time."""
    text = [o.get("text") or o.get("data", {}).get("text/plain", "") for o in outputs]
    pictures = [o.data["image/png"] for o in outputs if "image/png" in o.get("data", {})]
    return re.sub(r"0x[0-9a-f]+|\b[\d.]+ ?m?s\b", "...", "".join(text)), pictures


def claims(part, universe):
    """Return the functions of a part's claims that speak of a universe."""
    tree = ast.parse((CLAIMS / f"part{part}.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("claim_"):
            limits = [[arg.value for arg in call.args] for call in node.decorator_list]
            if all(universe in limit for limit in limits):
                yield node


def pytest_generate_tests(metafunc):
    if "claim" in metafunc.fixturenames:
        found = claims(metafunc.cls.part, metafunc.cls.universe)
        metafunc.parametrize("claim", list(found), ids=lambda claim: claim.name)


class Run:
    """What holds in every run."""

    universe, fast = "mock", False
    undecided = ()

    def test_no_cell_stops(self, run):
        assert run.failure == ""

    def test_solutions_are_right(self, done):
        said = {name: shown(cell.outputs)[0] for cell in done.nb.cells if (name := tag(cell, "check"))}
        assert len(said) >= 6
        wrong = {name: line for name, line in said.items() if not line.startswith("✓")}
        assert {name: line for name, line in wrong.items() if name not in self.undecided} == {}

    def test_outputs_are_fit_for_readers(self, done):
        """No stderr, no warning, no path of the machine that ran it."""
        assert unfit(done.nb) == []


class Fast(Run):
    """The small, quick run."""

    fast = True
    undecided = ("tune", "model")  # 300 galaxies are too few to say which of two close models is better

    def test_figures_and_exercises_run_again_after_the_last_cell(self, done):
        """A learner goes back: a name that a later cell gave to something else breaks the earlier one.

        From the last to the first, so that no cell is helped by the new run of an earlier one.
        """
        again, cells = [], done.nb.cells
        for cell, after in zip(cells, [*cells[1:], None], strict=True):
            if tag(cell, "exercise"):
                again.append([cell, after])
            elif cell.cell_type == "code" and not tag(cell, "check") and shown(cell.outputs)[1]:
                again.append([cell])
        changed = []
        for cell in [cell for group in reversed(again) for cell in group]:
            try:
                now = shown(done.ask(cell.source))
            except CellExecutionError as error:
                now = f"{error.ename}: {error.evalue}"
            if now != shown(cell.outputs):
                changed.append(f"{cell.source[:100]}\n  --> {str(now)[:200]}")
        assert not changed, "\n\n".join(changed)


@pytest.mark.full
class Full(Run):
    """What a learner gets, and whether it is as the text says."""

    def test_claim(self, done, claim):
        source = (CLAIMS / f"part{self.part}.py").read_text(encoding="utf-8")
        fault = ""
        try:
            done.ask(CLAIM.format(universe=self.universe, name=claim.name, source=source))
        except CellExecutionError as error:
            fault = f"«{ast.get_docstring(claim)}»\n{error.ename}: {error.evalue}"
        if fault:
            pytest.fail(fault, pytrace=False)


class TestPart1Fast(Fast):
    part = 1


class TestPart2Fast(Fast):
    part = 2


class TestPart2StandIn(Full):
    part, universe = 2, "stand-in"


class TestPart2Mock(Full):
    part = 2


class TestPart1Real(Full):
    part, universe = 1, "xgass"


class TestPart1Mock(Full):
    part = 1
