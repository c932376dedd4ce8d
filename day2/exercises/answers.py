"""Read what a learner filled in: a number, an array, a function; or say what is asked for."""

import numpy as np


class Hint(Exception):
    """What a learner should look at next."""


class NotYet(Exception):
    """Nothing was filled in."""


def hint_if(wrong, hint):
    """Raise the hint if something is wrong."""
    if wrong:
        raise Hint(hint)


def array(answer, what):
    """Return the answer (a number, list, array, Series, tensor ...) as an array of finite numbers.

    `what` is asked for: it completes the sentence "Asked for is ..." of the hint for any other answer.
    """
    try:
        if hasattr(answer, "detach"):  # a tensor, perhaps with a gradient, perhaps on a GPU
            answer = answer.detach().cpu()
        values = np.asarray(answer)
    except Exception:
        raise Hint(f"Asked for is {what}.") from None
    hint_if(values.dtype == bool, f"Asked for is {what}. (.sum() counts, np.flatnonzero finds the True.)")
    hint_if(values.dtype.kind not in "iuf", f"Asked for is {what}: plain numbers, no quotes.")
    hint_if(not np.isfinite(values).all(), f"Asked for is {what}; yours holds NaN or infinity.")
    return values


def number(answer):
    """Return the answer as one number, or raise a hint."""
    values = array(answer, "one number")
    hint_if(values.size != 1, f"Asked for is one number; yours holds {values.size}.")
    return values.item()


def numbers(answer, count, what):
    """Return the answer as a flat array of `count` numbers, or raise a hint that names `what`."""
    values = array(answer, what).ravel()
    hint_if(values.size != count, f"Asked for are {what}; yours holds {values.size}.")
    return values


def same(said, right):
    """Tell whether the numbers said are the right ones, perhaps rounded to three decimals or more."""
    said, right = np.asarray(said, float), np.asarray(right, float)
    if np.allclose(said, right, rtol=1e-5, atol=1e-7):
        return True
    # the tolerance lets a rounded number be stored with 32 bits
    return any(np.allclose(said, right.round(decimals), rtol=1e-6, atol=1e-8) for decimals in (3, 4, 5))


def call(answer, *arguments):
    """Return what a learner's function returns.

    Raises
    ------
    NotYet
        If the function is an untouched scaffold.
    Hint
        If the answer is no function, or a function that returns nothing.
    """
    hint_if(not callable(answer) or isinstance(answer, type), "Hand over the function, without parentheses.")
    result = answer(*arguments)
    if result is not None and result is not ...:
        return result
    # A scaffold uses no names but its own; whatever does more has forgotten its return.
    code = getattr(answer, "__code__", None)
    if code is not None and not code.co_names:
        raise NotYet
    raise Hint("Your function returns nothing: end it with `return`.")
