"""Download the real data into data/xgass: ``python -m xgass``, which is what ``make data`` runs."""

import os
import sys

from . import DataError
from .catalog import SECONDS, real_universe


def main() -> int:
    """Get what is missing, say what is there; return the exit status."""
    os.environ.pop("TUTORIAL_FAST", None)  # all of it
    try:
        _, line = real_universe(True, SECONDS["xgass"], enough=1.0)
        print(f"{line} In data/xgass; credit for the pictures: Sloan Digital Sky Survey, CC-BY.")
        return 0
    except (DataError, KeyboardInterrupt) as error:
        print(f"{error or 'Interrupted'}. What has arrived is kept: `make data` goes on.", file=sys.stderr)
        return 1 if isinstance(error, DataError) else 130


if __name__ == "__main__":
    sys.exit(main())
