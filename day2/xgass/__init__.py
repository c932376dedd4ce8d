"""Find the data of the tutorial: the catalogue and the pictures of its galaxies."""

from .catalog import load_catalog
from .download import DataError

__all__ = ["DataError", "load_catalog"]
