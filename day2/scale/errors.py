"""End a program with one line."""

import contextlib
import sys
from collections.abc import Iterator

from xgass import DataError


@contextlib.contextmanager
def errors_in_one_line(script: str) -> Iterator[None]:
    """End the program with one line for an error that the user can mend, instead of a traceback.

    Parameters
    ----------
    script : str
        Its name, for the line.

    Raises
    ------
    SystemExit
        For a `DataError`, an `OSError` and a `KeyboardInterrupt`.
    """
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(f"{script}: interrupted; the same command goes on from what is done")
    except (DataError, OSError) as error:
        # of a process that reads pictures: without its traceback
        sys.exit(f"{script}: {str(error).split('DataError: ')[-1].strip()}")
