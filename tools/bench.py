"""Print one table of how long things take, in seconds, and their peak memory: python tools/bench.py

Both notebooks, section by section; part 2 once more beside a busy process; the two scripts of day2/scale.
Nothing else should run at the same time.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import nbformat
import pandas as pd
import psutil

from cells import ROOT
from kernels import live, section_seconds

DAY2 = ROOT / "day2"
PART_1, PART_2 = "01-intro-machine-learning.ipynb", "02-deep-learning.ipynb"
EPOCHS = 4  # of train.py
MANY = 10_000  # pictures to predict
MEGABYTE = 1e6


def row(what, seconds, megabytes="", note=""):
    """Print a line of the table."""
    print(f"{what[:62]:62s}{seconds:9.1f}{megabytes:>9s}  {note}".rstrip(), flush=True)


def memory():
    """Return the resident memory (MB) of this process and its children; what they share counts for each."""
    total = 0
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):  # it has just gone
            total += process.memory_info().rss / MEGABYTE
    return total


def measured(work, *arguments):
    """Call a function; return its result, the seconds, and the peak memory ("N" MB) with all children."""
    done = threading.Event()
    seen = [memory()]

    def watch():
        while not done.wait(0.1):
            seen.append(memory())

    threading.Thread(target=watch, daemon=True).start()
    start = time.perf_counter()
    try:
        result = work(*arguments)
    finally:
        done.set()
    return result, time.perf_counter() - start, f"{max(seen):.0f}"


def run(name):
    """Run a notebook on the simulated sample; return it with the times of its cells."""
    nb = nbformat.read(DAY2 / name, as_version=4)
    with live(nb, name, DAY2, XGASS_SOURCE="mock") as (_, failure):
        if failure:
            raise SystemExit(failure)
    return nb


def notebook(name):
    """Print the seconds of a notebook and of each of its sections; return the total (s)."""
    nb, seconds, peak = measured(run, name)
    row(f"{name}, simulated sample", seconds, peak)
    for title, part in section_seconds(nb).items():
        row(f"    {title}", part)
    return seconds


@contextlib.contextmanager
def busy_process():
    """Keep one core busy in the block."""
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        other.kill()
        other.wait()


def beside_other_work(name, idle):
    """Print the seconds of a notebook beside a busy process, and their ratio to the idle ones."""
    with busy_process():
        _, seconds, peak = measured(run, name)
    row(f"{name}, beside one busy process", seconds, peak, f"busy / idle {seconds / idle:.2f}")


def script(name, *arguments):
    """Run a script of day2/scale; return the last line that it prints."""
    command = [sys.executable, str(DAY2 / "scale" / name), *map(str, arguments)]
    env = {**os.environ, "PYTHONPATH": str(DAY2)}
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env)
    if done.returncode:
        raise SystemExit(done.stdout)
    return done.stdout.strip().splitlines()[-1]


def scripts(folder):
    """Print the seconds of a training and of a prediction with the scripts."""
    table = pd.read_csv(ROOT / "data" / "mock" / "catalog.csv").rename(columns={"GASS": "id"})
    table["image"] = [str(ROOT / "data" / "mock" / "images" / f"{number}.jpg") for number in table["id"]]
    table = table[[Path(path).is_file() for path in table["image"]]]
    table[["id", "image", "lgGF"]].to_csv(folder / "table.csv", index=False)
    arguments = ["--label", "lgGF", "--epochs", EPOCHS, "--out", folder / "model"]
    said, seconds, peak = measured(script, "train.py", folder / "table.csv", *arguments)
    row(f"train.py, {EPOCHS} epochs", seconds, peak, said)

    images = [table["image"].iloc[number % len(table)] for number in range(MANY)]
    pd.DataFrame({"id": range(MANY), "image": images}).to_csv(folder / "many.csv", index=False)
    arguments = ["--weights", folder / "model" / "weights.pt", "--out", folder / "done"]
    _, seconds, peak = measured(script, "predict.py", folder / "many.csv", *arguments)
    row(f"predict.py, {MANY} pictures", seconds, peak, f"{MANY / seconds:.0f} pictures/s")


def main():
    """Measure all and print the table."""
    print(f"{os.cpu_count()} cores\n{'':62s}{'seconds':>9s}{'peak MB':>9s}")
    notebook(PART_1)
    idle = notebook(PART_2)
    beside_other_work(PART_2, idle)
    with tempfile.TemporaryDirectory() as folder:
        scripts(Path(folder))


if __name__ == "__main__":
    main()
