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

import pandas as pd
import psutil

from cells import NOTEBOOKS, ROOT, read
from kernels import live, section_seconds

DAY2 = ROOT / "day2"
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


def run(part):
    """Run a notebook on the simulated sample; return it with the times of its cells."""
    nb = read(part)
    with live(nb, NOTEBOOKS[part], DAY2, XGASS_SOURCE="mock") as (_, failure):
        if failure:
            raise SystemExit(failure)
    return nb


def notebook(part):
    """Print the seconds of a notebook and of each of its sections; return the total (s)."""
    nb, seconds, peak = measured(run, part)
    row(f"{NOTEBOOKS[part]}, simulated sample", seconds, peak)
    for title, of_section in section_seconds(nb).items():
        row(f"    {title}", of_section)
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


def beside_other_work(part, idle):
    """Print the seconds of a notebook beside a busy process, and their ratio to the idle ones."""
    with busy_process():
        _, seconds, peak = measured(run, part)
    row(f"{NOTEBOOKS[part]}, beside one busy process", seconds, peak, f"busy / idle {seconds / idle:.2f}")


def script(name, *arguments):
    """Run a script of day2/scale; return the last line that it prints."""
    command = [sys.executable, str(DAY2 / "scale" / name), *map(str, arguments)]
    env = {**os.environ, "PYTHONPATH": str(DAY2)}
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env)
    if done.returncode:
        raise SystemExit(done.stdout)
    return done.stdout.strip().splitlines()[-1]


def write_tables(folder):
    """Write the simulated sample as table.csv, and many.csv, which repeats its pictures, into a folder."""
    mock = ROOT / "data" / "mock"
    table = pd.read_csv(mock / "catalog.csv").rename(columns={"GASS": "id"})
    table["image"] = [str(mock / "images" / f"{number}.jpg") for number in table["id"]]
    table[["id", "image", "lgGF"]].to_csv(folder / "table.csv", index=False)
    images = [table["image"].iloc[number % len(table)] for number in range(MANY)]
    pd.DataFrame({"id": range(MANY), "image": images}).to_csv(folder / "many.csv", index=False)


def training(folder):
    """Print the seconds of a training on table.csv, which leaves its weights in the folder."""
    options = ["--label", "lgGF", "--epochs", EPOCHS, "--out", folder / "model"]
    said, seconds, peak = measured(script, "train.py", folder / "table.csv", *options)
    row(f"train.py, {EPOCHS} epochs", seconds, peak, said)


def prediction(folder):
    """Print the seconds of a prediction of many.csv with the weights of the training."""
    options = ["--weights", folder / "model" / "weights.pt", "--out", folder / "done"]
    _, seconds, peak = measured(script, "predict.py", folder / "many.csv", *options)
    row(f"predict.py, {MANY} pictures", seconds, peak, f"{MANY / seconds:.0f} pictures/s")


def main():
    """Measure all and print the table."""
    print(f"{os.cpu_count()} cores\n{'':62s}{'seconds':>9s}{'peak MB':>9s}")
    notebook(1)
    idle = notebook(2)
    beside_other_work(2, idle)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_tables(folder)
        training(folder)
        prediction(folder)


if __name__ == "__main__":
    main()
