"""Check the answers to the exercises of the notebooks: "not yet", a hint that fits the mistake, or ✓."""

from .checks import check
from .tables import practice_table

__all__ = ["check", "practice_table"]
