"""The three runtimes of Colab, each as the list beside this file says, and the pinned one of 2026.07.

The packages are those of this environment; what a list lacks is hidden, and the list gives the versions.
`make colab` and `make colab-full` install the very versions.
"""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from IPython.core.inputtransformer2 import TransformerManager
from packaging.requirements import Requirement

from cells import ROOT, read
from kernels import live

HERE = Path(__file__).parent
LISTS = {name: (HERE / f"{name}.txt").read_text() for name in ("cpu", "gpu", "tpu")}
OLD = "fastai==2.8.7\nfastcore==2.0.5\n"
LISTS["2026.07"] = re.sub(r"fastai==.*\nfastcore==.*\n", OLD, LISTS["gpu"])


def imports(part):
    """Return the import statements of a notebook, as they stand outside of functions and conditions."""
    lines = []
    for cell in read(part).cells:
        if cell.cell_type == "code":
            body = ast.parse(TransformerManager().transform_cell(cell.source)).body
            lines += [ast.unparse(node) for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    return "\n".join(lines)


def runtime(name):
    """Return the environment in which Python looks like a runtime of Colab."""
    path = os.pathsep.join([str(HERE / "runtime"), str(ROOT / "day2")])
    env = {"PYTHONPATH": path, "COLAB_RUNTIME": LISTS[name], "COLAB_RELEASE_TAG": name}
    return env | {"XGASS_SOURCE": "mock"}


def start(name, source):
    """Run source in a runtime; return the last line that it wrote to stderr."""
    env = {**os.environ, **runtime(name)}
    command = [sys.executable, "-W", "ignore", "-c", source]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    return (done.stderr.splitlines() or [""])[-1] if done.returncode else ""


@pytest.mark.parametrize(("name", "part"), [("cpu", 1), ("cpu", 2), ("gpu", 1), ("gpu", 2), ("2026.07", 1)])
def test_a_runtime_has_what_is_imported(name, part):
    assert start(name, f"from xgass import preflight\npreflight({part})\n{imports(part)}") == ""


@pytest.mark.parametrize(
    ("name", "part", "cause"),
    [
        ("tpu", 1, "astropy is not installed, dask is"),
        ("2026.07", 2, "fastai .*cannot train with fastcore"),
    ],
)
def test_a_runtime_that_will_not_do_is_named_at_once(name, part, cause):
    message = start(name, f"from xgass import preflight\npreflight({part})")
    assert re.fullmatch(rf".*DataError: part {part} .*{cause}.*Change runtime type.*", message)


@pytest.mark.parametrize("name", ["cpu", "gpu"])
def test_no_floor_would_have_colab_upgrade_a_package(name):
    """`pip install -r requirements.txt` there would replace what the running kernel has loaded."""
    has = dict(line.split("==") for line in LISTS[name].splitlines() if line[0] != "#")
    lines = [line.split("#")[0] for line in (ROOT / "requirements.txt").read_text().splitlines()]
    needs = [Requirement(line) for line in lines if line.strip()]
    assert [str(need) for need in needs if need.name in has and has[need.name] not in need.specifier] == []
    missing = {need.name for need in needs} - set(has)
    assert missing == {"jupyter"} | ({"distributed"} if name == "cpu" else set())


@pytest.mark.full
def test_part_1_runs_in_the_cpu_runtime():
    env = {**runtime("cpu"), "TUTORIAL_FAST": "1"}
    with live(read(1), "part 1", ROOT / "day2", **env) as (_, failure):
        assert failure == ""
