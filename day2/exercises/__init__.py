"""Check the answers to the exercises of the notebooks: "not yet", a hint that fits the mistake, or ✓."""

from .checks import check

__all__ = ["check"]
