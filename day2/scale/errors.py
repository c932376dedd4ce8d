"""Start a script, and end it with one line for an error that the user can mend."""

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
        # of a process that reads pictures: without its traceback
        sys.exit(f"{name}.py: {str(error).split('DataError: ')[-1].strip()}")
    sys.exit()
