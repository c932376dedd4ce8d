"""What holds in every run of a notebook, and what the text says of the data of each universe.

A class is one run, with the folded solutions filled in; xdist (`--dist loadscope`) keeps it on one worker. No
other machine can be reached in it. The notebooks as they are, untouched, are run by `make test` under nbval.
tools/claims.py says what a claim is.
"""

import random
import re

import pytest
from nbclient.exceptions import CellExecutionError

from cells import is_picture, pictures_of, read, tag
from claims import claims, fault_of
from notebooks import text_of, unfit

ASK_ANOTHER_MACHINE = """
import contextlib, socket
with contextlib.suppress(OSError):
    socket.getaddrinfo("example.org", 443)
"""


def shown(outputs):
    """Return the text and the pictures of outputs, without what differs from time to time."""
    text = [o.get("text") or o.get("data", {}).get("text/plain", "") for o in outputs]
    pictures = [o.data["image/png"] for o in outputs if is_picture(o)]
    return re.sub(r"0x[0-9a-f]+|\b[\d.]+ ?m?s\b", "...", "".join(text)), pictures


def steady(outputs):
    """Return the text of outputs as saved and new runs must share it: without times, addresses and ids."""
    text = "".join(text_of(output) for output in outputs if not is_picture(output))
    text = re.sub(r"0x[0-9a-f]+|\b\d+(?:\.\d+)? ?(?:s|ms|seconds)\b", "...", text)
    return re.sub(r"\bT_[0-9a-f]{5,}|sk-(?:container|estimator)-id-\d+", "ID", text)


def pytest_generate_tests(metafunc):
    if "claim" in metafunc.fixturenames:
        found = claims(metafunc.cls.part, metafunc.cls.universe)
        metafunc.parametrize("claim", found, ids=lambda claim: claim.name)


class Run:
    """What holds in every run."""

    universe, fast, real_practice = "mock", False, False

    def test_no_cell_stops(self, run):
        assert run.failure == ""

    def test_no_other_machine_is_asked(self, done):
        """In a universe that was chosen: pictures and catalogs of others load without a network."""
        assert not done.asked.exists(), done.asked.read_text()
        done.ask(ASK_ANOTHER_MACHINE)
        assert done.asked.read_text() == "example.org\n", "else nothing is noted"
        done.asked.unlink()

    def test_solutions_are_right(self, done):
        said = {name: shown(cell.outputs)[0] for cell in done.nb.cells if (name := tag(cell, "check"))}
        assert len(said) >= 6
        assert {name: line for name, line in said.items() if not line.startswith("✓")} == {}

    def test_outputs_are_fit_for_readers(self, done):
        """No stderr, no warning, no path of the machine that ran it."""
        assert unfit(done.nb) == []


def groups_to_run_again(cells):
    """Return the cells with a figure, each in a list; an exercise with its check."""
    groups = []
    for cell, after in zip(cells, [*cells[1:], None], strict=True):
        if tag(cell, "exercise"):
            groups.append([cell, after])
        elif cell.cell_type == "code" and not tag(cell, "check") and pictures_of(cell):
            groups.append([cell])
    return groups


class Fast(Run):
    """The small, quick run."""

    fast = True

    def test_figures_and_exercises_run_again_in_any_order(self, done):
        """A learner goes back: a name that another cell gave to something else changes what is shown.

        A random order and its reverse: of any two cells each runs once before the other.
        """
        order = groups_to_run_again(done.nb.cells)
        random.Random(0).shuffle(order)
        changed = []
        for group in [*order, *reversed(order)]:
            for cell in group:
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
        fault = fault_of(done.client, self.part, self.universe, claim)
        if fault:
            pytest.fail(fault, pytrace=False)


class TestPart1Fast(Fast):
    part = 1


class TestPart2Fast(Fast):
    part = 2


class TestPart2StandIn(Full):
    part, universe, real_practice = 2, "stand-in", True


class TestPart2Mock(Full):
    part = 2


class TestPart2Practice(Full):
    """As part 2 is saved: simulated galaxies, and the real pictures of the practice set."""

    part, real_practice = 2, True


class TestPart1Real(Full):
    part, universe = 1, "xgass"

    def test_saved_outputs_are_those_of_a_run(self, done):
        """Cell by cell, but for the exercises, which are filled in here."""
        differ = []
        for saved, new in zip(read(1).cells, done.nb.cells, strict=True):
            exercise = tag(saved, "exercise") or tag(saved, "check")
            compared = saved.cell_type == "code" and not exercise
            ignored = "nbval-ignore-output" in saved.metadata.get("tags", [])
            if not compared or ignored:
                continue
            before, now = steady(saved.outputs), steady(new.outputs)
            if before != now:
                differ.append(f"{saved.source[:100]}\n--- saved\n{before[:300]}\n--- new\n{now[:300]}")
        assert not differ, "\n\n".join(differ)


class TestPart1Mock(Full):
    part = 1
