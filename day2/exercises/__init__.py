"""Check the answers to the exercises of the notebooks."""

from .checks import check

__all__ = ["check"]
