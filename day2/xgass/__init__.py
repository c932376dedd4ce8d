"""Find the data of the tutorial. What is listed here is for others; the rest of the package is its own."""

import os
from contextlib import suppress
from pathlib import Path

__all__ = ["DataError", "is_fast", "load_catalog", "load_practice", "preflight"]
DATA = Path(__file__).resolve().parents[2] / "data"
STEM = "xGASS_representative_sample"  # the name of the catalog, without its ending
# Before numpy is imported: on small tables its threads would wait for each other, beside other work for long.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


class DataError(RuntimeError):
    """The data, or what reads them, cannot be had; the message says why and what to do."""

    def _render_traceback_(self) -> list:  # IPython asks for it, and shows one line instead of a traceback
        return [f"{type(self).__name__}: {self}"]


class DiskError(DataError):
    """The disk does not let a file be read: the file may be good, and nothing must take its place."""


def is_fast() -> bool:
    """Tell whether ``TUTORIAL_FAST`` asks for the small, quick version of everything."""
    return os.environ.get("TUTORIAL_FAST", "").strip().lower() not in ("", "0", "false", "no", "off")


from .preflight import preflight  # noqa: E402  # it needs what is above

with suppress(ModuleNotFoundError):  # of pandas or another package: `preflight` says which
    from .catalog import load_catalog
    from .practice import load_practice
