"""Find the data of the tutorial: the catalogue and the pictures of its galaxies."""

from .catalog import load_catalog
from .checks import check
from .download import DataError

__all__ = ["DataError", "check", "load_catalog"]
