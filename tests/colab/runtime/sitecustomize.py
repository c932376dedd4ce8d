"""Make this Python look like a runtime of Colab: it has those of the tutorial's packages that a list names.

Python imports this file when it starts with its folder in PYTHONPATH; COLAB_RUNTIME is the text of the list.
"""

import importlib.metadata
import os
import re
import sys
import tomllib
from importlib.machinery import PathFinder
from pathlib import Path

MODULES = {"scikit-learn": "sklearn", "pillow": "PIL"}  # what a package is called where it is imported
GROUPS = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["dependency-groups"]
PACKAGES = [re.match(r"[\w-]+", line).group() for line in GROUPS["part1"] + GROUPS["part2"]]
VERSIONS = dict(line.split("==") for line in os.environ["COLAB_RUNTIME"].splitlines() if "==" in line[:40])
ABSENT = {name for name in PACKAGES if name not in VERSIONS}
HIDDEN = ABSENT | {MODULES.get(name, name) for name in ABSENT}


class Runtime(PathFinder):
    """Find what Python finds, but for the packages that are absent."""

    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        return None if fullname.split(".")[0] in HIDDEN else PathFinder.find_spec(fullname, path, target)

    @classmethod
    def find_distributions(cls, context):
        return () if context.name in HIDDEN else PathFinder.find_distributions(context)


def version(name, installed=importlib.metadata.version):
    return VERSIONS.get(name) or installed(name)


sys.meta_path[sys.meta_path.index(PathFinder)] = Runtime
importlib.metadata.version = version
