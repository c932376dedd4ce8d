"""Errors that the user can mend, in one line; scripts that end with it."""

import importlib
import sys
from typing import NoReturn


def run_script(name: str) -> NoReturn:
    """Import `scale.NAME`, which takes seconds, and call its `main`; end the program.

    A `DataError`, an `OSError` and Ctrl-C, also while Python imports, end it with one line.
    """
    try:
        importlib.import_module(f"scale.{name}").main()
    except KeyboardInterrupt:
        sys.exit(f"{name}.py: interrupted; the same command goes on from what is done")
    except Exception as error:
        from xgass import DataError

        if not isinstance(error, (DataError, OSError)):
            raise
        # The error of a process that reads pictures arrives as text: its whole traceback, whose last line is
        # "xgass.DataError: " and the message. Only the message is for the user.
        message = str(error).split("DataError: ")[-1].strip()
        sys.exit(f"{name}.py: {message}")
    sys.exit()


def first_line(error: Exception) -> str:
    """Return the first line of an error's message; its kind, if it has none."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
