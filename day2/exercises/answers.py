"""Read what a learner filled in: a number, an array, a function; or say what is asked for."""

import numpy as np


class Hint(Exception):
    """What a learner should look at next."""


def hint_if(wrong, hint):
    """Raise the hint if something is wrong."""
    if wrong:
        raise Hint(hint)


def array(answer, what):
    """Return the answer as an array of finite numbers, or say `what` is asked for."""
    try:
        values = np.asarray(answer.detach().cpu() if hasattr(answer, "detach") else answer)
    except Exception:
        raise Hint(f"Asked for is {what}.") from None
    hint_if(values.dtype == bool, f"Asked for is {what}. (.sum() counts, np.flatnonzero finds the True.)")
    hint_if(values.dtype.kind not in "iuf", f"Asked for is {what}: plain numbers, no quotes.")
    hint_if(not np.isfinite(values).all(), f"Asked for is {what}; yours holds NaN or infinity.")
    return values


def number(answer):
    """Return the answer as one number."""
    values = array(answer, "one number")
    hint_if(values.size != 1, f"Asked for is one number; yours holds {values.size}.")
    return values.item()


def call(answer, *arguments):
    """Call a learner's function; return None if nothing was filled in."""
    hint_if(not callable(answer) or isinstance(answer, type), "Hand over the function, without parentheses.")
    result = answer(*arguments)
    if result is not None and result is not ...:
        return result
    # A scaffold uses no names but its own; whatever does more has forgotten its return.
    names = getattr(getattr(answer, "__code__", None), "co_names", "unknown")
    hint_if(names, "Your function returns nothing: end it with `return`.")
