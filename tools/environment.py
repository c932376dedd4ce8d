"""Make a virtual environment that works, and install lists of packages into it once.

    python3 tools/environment.py .venv requirements.txt

Whatever `python3` is runs this file, so it uses no package and nothing newer than Python 3.6.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
PROBE = "import sys, pip; sys.exit('its Python is older than 3.11' if sys.version_info < (3, 11) else 0)"
STAMP = "installed-{}"  # in the environment; holds its place and the digest of the lists


def fault(folder):
    """Return why an environment does not work; empty if it does."""
    try:
        probe = subprocess.run([str(folder / "bin/python"), "-c", PROBE], stderr=subprocess.PIPE)
    except OSError:
        return "its Python is gone"
    return probe.stderr.decode().strip().split("\n")[-1] if probe.returncode else ""


def make(folder):
    """Make an environment; leave nothing behind if that fails."""
    if sys.version_info < OLDEST:
        sys.exit("Python 3.11 or newer is needed; name one with: make PYTHON=python3.12")
    if subprocess.run([sys.executable, "-m", "venv", str(folder)]).returncode:
        shutil.rmtree(str(folder), ignore_errors=True)
        sys.exit(
            "This Python cannot make an environment. Debian, Ubuntu: sudo apt install python3-venv. "
            "Or name another Python: make PYTHON=python3.12"
        )


def main(folder, *lists):
    """Make what is missing; an environment that this file has made is replaced when it no longer works."""
    folder = Path(os.path.abspath(folder))
    if folder.exists():
        stamps = list(folder.glob(STAMP.format("*")))
        moved = stamps and not any(stamp.read_text().startswith(f"{folder} ") for stamp in stamps)
        why = "it was made elsewhere" if moved else fault(folder)
        if why and not stamps:
            sys.exit(
                f"{folder.name} does not work ({why}), and `make` has not made it: remove it, "
                "or choose another place with: make VENV=.venv-tutorial"
            )
        if why:
            print(f"{folder.name} does not work any more ({why}): making it anew.")
            shutil.rmtree(str(folder))
    if not folder.exists():
        make(folder)
    env = {name: value for name, value in os.environ.items() if name not in ("PIP_TARGET", "PIP_PREFIX")}
    env.update(PIP_USER="0", PIP_DISABLE_PIP_VERSION_CHECK="1")
    for name in lists:
        # One list may name another: a change in any of them installs again.
        read = [*sorted(Path(name).parent.glob("*.txt")), "data/simulate/requirements.txt"]
        digest = hashlib.sha256(
            b"".join(Path(path).read_bytes() for path in read if Path(path).exists())
        ).hexdigest()
        stamp = folder / STAMP.format(Path(name).name)
        if not stamp.exists() or stamp.read_text() != f"{folder} {digest}":
            print(f"Installing {name} into {folder.name} (once, several minutes) ...", flush=True)
            install = [str(folder / "bin/python"), "-m", "pip", "install", "-qq", "-r", name]
            if subprocess.run(install, env=env).returncode:
                sys.exit(f"{name} could not be installed; the reason is above.")
            stamp.write_text(f"{folder} {digest}")


if __name__ == "__main__":
    main(*sys.argv[1:])
