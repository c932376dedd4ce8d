#!/bin/sh
# Make a virtual environment, and install a group of packages from pyproject.toml into it once:
#   sh tools/environment.sh PYTHON FOLDER GROUP [ARGUMENT OF PIP ...]
# It runs in the root of the repository. FOLDER may be a link to a folder on another disk.
set -eu
python=$1
folder=$2
group=$3
shift 3
export PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1
unset PIP_TARGET PIP_PREFIX PYTHONSAFEPATH

works() {
    "$folder/bin/python" -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

stop() {
    echo "$1" >&2
    exit 1
}

if ! works; then
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        stop "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12"
    "$python" -c 'import ensurepip' 2>/dev/null ||
        stop "This Python cannot make an environment. Debian, Ubuntu: sudo apt install python3-venv"
    if [ -L "$folder" ] && [ ! -d "$folder" ]; then
        stop "$folder is a link to a folder that is not there: make that folder, or remove the link."
    fi
    if [ -d "$folder" ] && [ -n "$(ls -A "$folder")" ]; then
        # Never empty a folder that holds something else.
        [ -f "$folder/pyvenv.cfg" ] || stop "$folder is no environment: move it away, or name another place: make VENV=.venv-tutorial"
        echo "$folder does not work any more: making it anew."
    fi
    # venv refuses to write through a link.
    mkdir -p "$folder"
    "$python" -m venv --clear "$(cd "$folder" && pwd -P)"
fi

# The stamp holds all that was asked for: another list installs again.
stamp=$folder/installed-$group
wanted=$(echo "$*"; cat pyproject.toml)
if [ ! -f "$stamp" ] || [ "$wanted" != "$(cat "$stamp")" ]; then
    echo "Installing the packages of '$group' into $folder, once. PyTorch is gigabytes: pip shows how far it is."
    "$folder/bin/python" -m pip install --upgrade "pip>=25.1"
    "$folder/bin/python" -m pip install --group "$group" "$@"
    echo "$wanted" > "$stamp"
fi
