"""Run the check of an exercise: `check_NAME` in `checks_part1.py` or `checks_part2.py`.

It takes the answer and the context that the cell hands over, and no stored number: galaxies may be real or
simulated. It returns what a right answer teaches, returns None for nothing filled in, or raises `Hint`.
"""

import warnings
from types import FunctionType

from . import checks_part1, checks_part2
from .answers import Hint

NOT_YET = "… not yet: fill in the cell above, run it, then run this one."
FUNCTIONS = vars(checks_part1) | vars(checks_part2)
CHECKS = {name.removeprefix("check_"): f for name, f in FUNCTIONS.items() if name.startswith("check_")}


def check(name: str, answer: object = None, *context: object) -> None:
    """Print a line or two about the answer to an exercise. Never raise, whatever the answer is.

    Parameters
    ----------
    name : str
        The exercise, a key of `CHECKS`.
    answer : object
        What the learner filled in; None and ``...`` stand for nothing.
    *context : object
        What the exercise is about (table, model, layer ...), in the order of the function of that name.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a learner's model may warn at every fold
        try:
            if name not in CHECKS:
                raise Hint(f"There is no exercise {name!r}. There are: {', '.join(CHECKS)}.")
            insight = None if answer is None or answer is ... else CHECKS[name](answer, *context)
            line = NOT_YET if insight is None else f"✓ {insight}"
        except Hint as hint:
            line = f"✗ {hint}"
        except (Exception, SystemExit) as error:  # the answer is anything that somebody may write
            what = "function" if isinstance(answer, FunctionType) else "answer"
            reason = (str(error).strip() or "(no message)").splitlines()[0][:200]
            line = f"✗ Your {what} raised {type(error).__name__}: {reason}"
    print(line)
