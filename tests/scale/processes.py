"""Start the scripts of day2/scale as a learner does, and end them as a power cut does."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil

DAY2 = Path(__file__).resolve().parents[2] / "day2"
MOCK = DAY2.parent / "data" / "mock"


def own_table(folder, count):
    """Write `my_table.csv` (id, image, lgGF) of galaxies of the sample into a folder; return the table."""
    folder.mkdir(exist_ok=True)
    (folder / "pictures").symlink_to(MOCK / "images", target_is_directory=True)
    table = pd.read_csv(MOCK / "catalog.csv", dtype={"GASS": "str"}).sample(count, random_state=1)
    table = table.assign(id=table["GASS"], image="pictures/" + table["GASS"] + ".jpg")
    table = table[["id", "image", "lgGF"]].reset_index(drop=True)
    table.to_csv(folder / "my_table.csv", index=False)
    return table


def launch(processes, script, *arguments, cwd, until=None):
    """Run a script in `cwd`; kill it once `until()` is true. Return its status (-9 if killed) and output."""
    env = {**os.environ, "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1"}
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", processes]
    command = [sys.executable, *(torchrun if processes > 1 else []), DAY2 / "scale" / script, *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    started = subprocess.Popen([str(part) for part in command], cwd=cwd, env=env, text=True, **pipes)
    if until is None:
        output, _ = started.communicate(timeout=900)
        return started.returncode, output
    deadline = time.monotonic() + 300
    while not until():
        assert started.poll() is None and time.monotonic() < deadline, started.communicate()[0]
        time.sleep(0.02)
    launcher = psutil.Process(started.pid)
    for process in [*launcher.children(recursive=True), launcher]:
        process.kill()
    return -9, started.communicate()[0]
