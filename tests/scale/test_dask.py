"""Part 1, "Deeper: Past one machine": the search on a cluster of which a worker dies."""

import os
import signal

import numpy as np
import pandas as pd
import pytest
from dask.distributed import LocalCluster
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import KFold, RandomizedSearchCV, cross_val_score

from cells import read

CELLS = read(1).cells


def source(text):
    """Return the one code cell that holds this text."""
    (cell,) = [cell.source for cell in CELLS if cell.cell_type == "code" and text in cell.source]
    return cell


@pytest.fixture
def names():
    """Return what the cells of that section use, with a small table and a small search."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(120, 4)))
    y = X[0] + 0.1 * rng.normal(size=len(X))
    found = {"__name__": "__main__", "SEED": 42, "N_TREES": 40, "X": X, "y": y, "np": np, "os": os}
    found["cross_val_score"] = cross_val_score
    found |= {"RandomForestRegressor": RandomForestRegressor, "cv": KFold(5, shuffle=True, random_state=42)}
    settings, forest = {"max_features": np.arange(1, 9) / 8}, RandomForestRegressor(10, random_state=42)
    found["search"] = RandomizedSearchCV(forest, settings, n_iter=8, cv=found["cv"]).fit(X, y)
    return found


def test_a_worker_dies_in_the_middle(names, capsys, monkeypatch, tmp_path):
    """The tasks go to the scheduler that is named, and find what the search found with one of two workers."""

    def forest(*settings, calls=tmp_path / "calls", **more):
        with calls.open("ab", buffering=0) as file:
            file.write(b".")
            if file.tell() == 5:  # of eight; one of the workers comes to this number
                os.kill(os.getpid(), signal.SIGKILL)
        return RandomForestRegressor(*settings, **more)

    names["RandomForestRegressor"] = forest
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", cluster.scheduler_address)
        exec(source("@dask.delayed"), names)
        exec(source("dask.compute("), names)
    np.testing.assert_allclose(names["r2_of_tasks"], names["search"].cv_results_["mean_test_score"])
    printed = capsys.readouterr().out
    assert "2 workers" in printed and printed.count(str(names["search"].best_params_)) == 2
    assert (tmp_path / "calls").stat().st_size > 8  # tasks done more than once: a worker has died
