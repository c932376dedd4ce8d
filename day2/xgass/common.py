"""What every file of the package needs, from the standard library alone."""

import os
from pathlib import Path

DATA = Path(__file__).resolve().parents[2] / "data"


class DataError(RuntimeError):
    """The data, or what reads them, cannot be had; the message says why and what to do."""

    def _render_traceback_(self) -> list:  # IPython asks for it, and shows one line instead of a traceback
        return [f"{type(self).__name__}: {self}"]


def is_fast() -> bool:
    """Tell whether ``TUTORIAL_FAST`` asks for the small, quick version of everything."""
    return os.environ.get("TUTORIAL_FAST", "").strip().lower() not in ("", "0", "false", "no", "off")
