"""Download the real data into data/: ``python -m xgass``, which is what ``make data`` runs."""

import os
import sys

from . import DataError
from .catalog import SECONDS, load_real
from .practice import get_practice


def main() -> int:
    """Get what is missing, say what is there; return the exit status."""
    os.environ.pop("TUTORIAL_FAST", None)  # all of it
    try:
        load_real(images=True, seconds=SECONDS["xgass"], enough=1.0)
        practice = get_practice()
    except DataError as error:
        print(f"{error}. What has arrived is kept: `make data` goes on.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted. What has arrived is kept: `make data` goes on.", file=sys.stderr)
        return 130
    print(f"{len(practice)} practice pictures with their oxygen abundance (Tremonti et al. 2004).")
    print("In data/xgass and data/practice; credit for the pictures: Sloan Digital Sky Survey, CC-BY.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
