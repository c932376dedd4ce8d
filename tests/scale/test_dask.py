"""Section 7 of part 1 on a scheduler and two workers, each a process of its own, also when one dies."""

import os
import re
import subprocess
import sys
import threading
import time

import nbformat
import numpy as np
import pytest
from dask.distributed import Client
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import KFold

import notebooks
from launching import DAY2
from xgass import load_catalog

PATH = DAY2 / "01-intro-machine-learning.ipynb"
CELLS = [cell for cell in nbformat.read(PATH, as_version=4).cells if cell.cell_type == "code"]


def tagged(tag):
    source, = [cell.source for cell in CELLS if tag in cell.metadata.get("tags", [])]
    return source


def start(*arguments, cwd):
    return subprocess.Popen([sys.executable, "-m", *arguments], cwd=cwd, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})


@pytest.fixture
def cluster(tmp_path):
    """Start a scheduler and two workers as one does by hand; yield the address and the workers."""
    file = tmp_path / "scheduler.json"
    scheduler = start("dask", "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
                      "--scheduler-file", str(file), cwd=tmp_path)
    workers = [start("dask", "worker", "--scheduler-file", str(file), "--nthreads", "1", "--no-nanny",
                     "--no-dashboard", "--local-directory", str(tmp_path / name), cwd=tmp_path)
               for name in ("a", "b")]
    try:
        deadline = time.monotonic() + 120
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        with Client(scheduler_file=str(file), set_as_default=False) as client:
            client.wait_for_workers(2, timeout=120)
            yield client.scheduler.address, workers
    finally:
        for process in [*workers, scheduler]:
            process.kill()
            process.wait()


def test_the_notebook_goes_to_the_scheduler_that_is_named(cluster):
    """The whole notebook, unchanged: its own asserts compare with the search done without Dask."""
    address, _ = cluster
    nb, _, failure = notebooks.execute(PATH, TUTORIAL_FAST="1", XGASS_SOURCE="mock",
                                       DASK_SCHEDULER_ADDRESS=address)
    assert not failure, failure
    with Client(address, set_as_default=False) as client:
        done = client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.transition_counter)
        ran = client.run(lambda dask_worker: dask_worker.state.transition_counter)
    assert done > 100 and len(ran) == 2 and min(ran.values()) > 20, "the work was done there, by both workers"
    best = [re.search(r"\{'min_samples_leaf'.*\}", cell.outputs[0].text).group() for cell in nb.cells
            if cell.cell_type == "code" and re.search(r"best_params_\)|argmax", cell.source)]
    assert len(best) == 3 and len(set(best)) == 1, best


def test_the_search_survives_the_death_of_a_worker(cluster):
    """The cell with `retries`, when one of two workers is killed while it has tasks to do."""
    address, workers = cluster
    catalogue = load_catalog("mock")
    catalogue = catalogue[catalogue["NUVr"] != -99]
    scope = {"__name__": "__main__", "np": np, "RandomForestRegressor": RandomForestRegressor, "SEED": 42,
             "N_TREES": 200, "N_SEARCH": 8, "cv": KFold(5, shuffle=True, random_state=42),
             "X": catalogue[["model_r", "NUVr", "expAB_r", "petrR50_r", "CINDX", "INCL"]],
             "y": catalogue["lgGF"]}
    exec(next(cell.source for cell in CELLS if "search = RandomizedSearchCV" in cell.source), scope)
    scope["found_here"] = scope["search"].best_params_
    with Client(address, set_as_default=False) as client, Client(address, set_as_default=False) as other:
        scope["client"] = client
        victim, = (name for name, pid in client.run(os.getpid).items() if pid == workers[0].pid)
        killed = []

        def kill():
            while not (other.processing()[victim] and len(other.has_what()[victim]) >= 1):
                time.sleep(0.02)
            workers[0].kill()
            killed.append(len(other.processing()[victim]))

        killer = threading.Thread(target=kill, daemon=True)
        killer.start()
        exec(tagged("dask-retries"), scope)  # its assert compares with the search done here
        killer.join(30)
        assert killed and workers[0].wait(10) == -9, "a worker with work in hand has died"
        assert len(client.ncores()) == 1
    assert len(scope["scores"]) == 8 and np.isfinite(scope["scores"]).all()
    best = scope["search"].cv_results_["mean_test_score"]
    np.testing.assert_allclose(scope["scores"], best, atol=1e-12)
