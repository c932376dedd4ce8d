"""Start the scripts of day2/ as a learner does, and end them as a power cut does."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

DAY2 = Path(__file__).resolve().parents[1] / "day2"
CPU = Path("/proc/cpuinfo")
FAST_PRECISION = "bf16" if CPU.exists() and "bf16" in CPU.read_text() else "no"  # as part 2 chooses it


def launch(processes, script, *arguments, until=None, precision="no", fast="1"):
    """Run `accelerate launch`; with `until` (a function), kill every process once it returns true.

    Returns
    -------
    status : int, the exit status; -9 when killed
    output : str, stdout and stderr
    """
    several = ["--multi_gpu"] if processes > 1 else []  # gloo on the CPU, whatever the name says
    command = [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        *several,
        "--num_processes",
        processes,
        "--num_machines",
        1,
        "--mixed_precision",
        precision,
        "--dynamo_backend",
        "no",
        "--main_process_port",
        0,
        DAY2 / script,
        *arguments,
    ]
    env = {**os.environ, "XGASS_SOURCE": "mock", "TUTORIAL_FAST": fast, "ACCELERATE_USE_CPU": "true"}
    started = subprocess.Popen(
        [str(part) for part in command], env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
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
