"""What `check` promises for every exercise: no error, a line or two, and no trace."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from exercises import check
from exercises.checks import CHECKS, NOT_YET

DAY2 = Path(__file__).resolve().parents[2] / "day2"


def leave(*arguments):
    raise SystemExit(1)


def divide_by_zero(*arguments):
    return 1 / 0


def garbage():
    """Return answers that no exercise asks for; a generator among them can be used once."""
    return [
        *("", "text", b"bytes", True, -1, 10**400, float("nan"), float("inf"), 1j, pd.NA, int, len, object()),
        *([], (), {}, set(), [None], [[1], [2, 3]], np.full(3, np.nan), np.array([]), np.array([object()])),
        *(pd.DataFrame(), pd.Series(dtype=float), pd.Series(["a", "b"]), ValueError("x")),
        *(leave, divide_by_zero, lambda *a: 1, lambda *a: "text", lambda: 1, lambda *a: [a]),
        (i for i in range(3)),
    ]


@pytest.mark.parametrize("name", CHECKS)
def test_nothing_filled_in(verdict, name):
    for nothing in (None, ...):
        assert verdict(name, nothing) == NOT_YET + "\n"


@pytest.mark.parametrize("name", CHECKS)
def test_garbage_without_its_context_never_raises(verdict, name):
    for context in ([], [None, None]):
        for answer in garbage():
            assert not verdict(name, answer, *context).startswith("✓"), answer


def test_messages_name_what_raised(verdict):
    def two_lines(rows):
        raise ValueError("first\nsecond")

    folds = [np.arange(3)]
    assert verdict("fold", two_lines, None, None, folds) == "✗ Your function raised ValueError: first\n"
    assert verdict("fold", leave, None, None, folds) == "✗ Your function raised SystemExit: 1\n"
    line = verdict("color", 1)
    assert "no exercise 'color'" in line
    assert "missing, fold" in line


def test_interrupt_gets_through():
    def interrupted(rows):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check("fold", interrupted, None, None, [np.arange(3)])


def test_part_1_needs_no_torch():
    code = "import sys; from exercises import check; check('fold', len); print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=DAY2, capture_output=True, text=True)
    assert run.stdout.endswith("\nFalse\n"), run.stderr
