"""Write requirements.txt and environment.yml from the list of packages in pyproject.toml.

python tools/lists.py
"""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]  # cells.py needs nbformat; this runs without any package
REQUIREMENTS_HEAD = (
    "# What a learner needs. Written by `python tools/lists.py` from pyproject.toml: change it there.\n"
)
ENVIRONMENT_HEAD = """\
# What requirements.txt lists, from conda-forge:
#   conda env create -f environment.yml && conda activate xgass-ml
#   python -m ipykernel install --user --name xgass-ml      (then choose the kernel "xgass-ml" in Jupyter)
# conda-forge's newest fastai, 2.8.7, takes any fastcore from 1.8 on, but cannot train with fastcore 2; and
# plum-dispatch 2.10.0 breaks its import.
# Written by `python tools/lists.py` from pyproject.toml: change it there.
name: xgass-ml
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python>=3.11
"""
# How conda-forge calls a package, and what it needs beside it.
ON_CONDA_FORGE = {
    "torch": ["pytorch>={floor}"],
    "fastai": ["fastai>=2.8.7", "fastcore<2", "plum-dispatch!=2.10.0"],
}


def packages(group):
    """Return the lines of a group of pyproject.toml, those of the groups that it includes first."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    lines = []
    for entry in groups[group]:
        if isinstance(entry, dict):
            lines += packages(entry["include-group"])
        else:
            lines.append(entry)
    return lines


def requirements():
    """Return the text of requirements.txt."""
    return REQUIREMENTS_HEAD + "".join(f"{line}\n" for line in packages("learner"))


def environment():
    """Return the text of environment.yml."""
    entries = []
    for line in packages("learner"):
        without_marker = line.split(";")[0]
        name, floor = re.fullmatch(r"([\w-]+)>=([\d.]+)", without_marker).groups()
        for entry in ON_CONDA_FORGE.get(name, [without_marker]):
            entries.append(f"  - {entry.format(floor=floor)}\n")
    return ENVIRONMENT_HEAD + "".join(entries)


if __name__ == "__main__":
    (ROOT / "requirements.txt").write_text(requirements(), encoding="utf-8")
    (ROOT / "environment.yml").write_text(environment(), encoding="utf-8")
