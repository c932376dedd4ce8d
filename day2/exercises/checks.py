"""Run the check of an exercise: `check_NAME` in `checks_part1.py` or `checks_part2.py`.

It takes the answer and the context that the cell hands over, and no stored number: galaxies may be real or
simulated, all of them or 300. It returns what a right answer teaches, or raises `Hint` or `NotYet`.
"""

import warnings
from types import FunctionType

from . import checks_part1, checks_part2
from .answers import Hint, NotYet

NOT_YET = "… not yet: fill in the cell above, run it, then run this one."
FUNCTIONS = vars(checks_part1) | vars(checks_part2)
CHECKS = {name.removeprefix("check_"): f for name, f in FUNCTIONS.items() if name.startswith("check_")}


def check(name: str, answer: object = None, *context: object) -> None:
    """Print a line or two about the answer to an exercise. Never raise, whatever the answer is.

    `name` is a key of `CHECKS`. None and ``...`` stand for no answer. The context is what the exercise is
    about (table, model, layer ...), in the order of the function of that name.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a learner's model may warn at every fold
        line = _verdict(name, answer, context)
    print(line)


def _verdict(name, answer, context):
    """Return the text that `check` prints."""
    if name not in CHECKS:
        return f"✗ There is no exercise {name!r}. There are: {', '.join(CHECKS)}."
    if answer is None or answer is ...:
        return NOT_YET
    try:
        insight = CHECKS[name](answer, *context)
        return f"✓ {insight}"
    except NotYet:
        return NOT_YET
    except Hint as hint:
        return f"✗ {hint}"
    except (Exception, SystemExit) as error:  # the answer is anything that somebody may write
        return f"✗ {_what_raised(answer, error)}"


def _what_raised(answer, error):
    """Say in one line which error the answer raised."""
    what = "function" if isinstance(answer, FunctionType) else "answer"
    message = str(error).strip() or "(no message)"
    first_line = message.splitlines()[0]
    return f"Your {what} raised {type(error).__name__}: {first_line[:200]}"
