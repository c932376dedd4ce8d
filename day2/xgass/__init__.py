"""Find the data of the tutorial. What is listed here is for others; the rest of the package is its own."""

from .common import DataError, is_fast
from .preflight import preflight

__all__ = ["DataError", "is_fast", "load_catalog", "preflight"]


def __getattr__(name: str) -> object:
    """Import the loader when it is asked for: `preflight` must run where pandas or astropy are missing."""
    if name != "load_catalog":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .catalog import load_catalog

    return load_catalog
