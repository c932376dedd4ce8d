"""Say what is missing before an hour is lost; with the standard library alone, and without a network."""

import os
import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from . import DataError
from .words import with_way_out

# What each part imports; what pip calls it, where that differs.
PART_1 = "numpy scipy pandas matplotlib sklearn astropy requests tqdm PIL dask ipywidgets".split()
PART_2 = [*PART_1, *"torch torchvision fastai accelerate pyarrow".split()]
PIP = {"sklearn": "scikit-learn", "PIL": "pillow"}
OTHER_KERNEL = "choose a kernel whose environment has what requirements.txt lists"


def preflight(part: int) -> None:
    """Check that this Python can run a part (1 or 2) of the tutorial; silent if it can.

    Raises
    ------
    DataError
        Something is missing or known not to work: one line with all of it, and what to do.
    """
    cannot_run = f"part {part} cannot run here"
    if tuple(sys.version_info) < (3, 11):
        found = f"{sys.version_info[0]}.{sys.version_info[1]}"
        reason = f"Python 3.11 or newer is needed, this is {found}"
        raise DataError(with_way_out(cannot_run, reason, OTHER_KERNEL))
    faults = _faults(part)
    if not faults:
        return
    reasons = ", ".join(faults)
    if "COLAB_RELEASE_TAG" in os.environ or "google.colab" in sys.modules:
        way_out = "Runtime > Change runtime type: CPU or GPU (T4), runtime version Latest"
    elif part == 2 and sys.platform == "darwin" and platform.machine() == "x86_64" and not find_spec("torch"):
        reasons = "PyTorch is no longer made for Macs with an Intel processor"
        way_out = "open part 2 on Google Colab, by the badge at its top"
    else:
        wanted = " ".join(f'"{package}"' for package in faults.values())
        way_out = f"run `%pip install {wanted}` in a cell and restart the kernel, or {OTHER_KERNEL}"
    raise DataError(with_way_out(cannot_run, reasons, way_out))


def _faults(part: int) -> dict[str, str]:
    """Return what is wrong with the packages of a part, and for each fault what pip should install."""
    names = PART_1 if part == 1 else PART_2
    absent = [PIP.get(name, name) for name in names if not find_spec(name)]
    faults = {f"{name} is not installed": name for name in absent}
    if part == 1:
        return faults
    fastai = _version("fastai")
    is_old = fastai != () and fastai < (2, 8, 8)
    if is_old and _version("fastcore") >= (2,):
        faults["fastai before 2.8.8 cannot train with fastcore 2"] = "fastai>=2.8.8"
    if _version("plum-dispatch") == (2, 10, 0):
        faults["fastai cannot be imported with plum-dispatch 2.10.0"] = "plum-dispatch!=2.10.0"
    return faults


def _version(package: str) -> tuple:
    """Return the first three numbers of the version of a package; () if it is not installed."""
    try:
        return tuple(int(number) for number in re.findall(r"\d+", version(package))[:3])
    except PackageNotFoundError:
        return ()
