"""Predict with a network of `train.py`, for a catalog that need not fit into memory.

    python predict.py catalog.csv --weights models/lgGF/weights.pt --out predictions

The catalog is a CSV or Parquet file with the columns `id` and `image`, the path of a picture seen from the
folder of the catalog. It is predicted part by part, and each part becomes a Parquet file when it is whole:
id, the label, and the problem, if there was one. After an interruption the same command makes the parts that
are missing, and looks again for pictures that could not be used or were replaced. Each part is a task for
Dask: on the GPUs or cores of this machine, or on the scheduler that DASK_SCHEDULER_ADDRESS names, whose
workers see the same files and find this package (PYTHONPATH names the folder above it).
`pandas.read_parquet("predictions")` reads all parts as one table.
"""
# ruff: noqa: E402

import sys
from pathlib import Path

if __name__ == "__main__":  # started as a file: Python does not look for modules in the folder above it
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from scale.errors import run_script

    run_script("predict")  # does not come back

import argparse
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from scale import images, network, tables
from scale.archives import load_whole, locked, write_whole
from scale.device import best_device, cores, layout
from scale.errors import first_line
from scale.network import Scales
from xgass import DataError

BATCH = 64  # galaxies that are predicted at once
RUN = "_run.json"  # says what the parts of a folder belong to; readers of Parquet pass over the underscore
# Of a cluster, in a round, which ends with its slowest task: quick threads take more of them meanwhile.
TASKS_PER_THREAD = 4


@dataclass(frozen=True)
class Job:
    """How a part of the catalog is predicted."""

    weights: Path  # as every worker finds it
    bf16: bool
    place: str | None  # a device; None: the best one of the machine that does it
    readers: int  # threads that read pictures


def load_network(path: Path, device: torch.device) -> tuple[torch.nn.Module, Scales]:
    """Load the network and its scales from a file of `train.py`.

    Returns
    -------
    model : torch.nn.Module
        On the device, ready to predict the standardized label.
    scales : Scales
        The colors are on the device.

    Raises
    ------
    DataError
        The file holds something else.
    """
    saved = load_whole(path)
    if not _is_of_train(saved):
        raise DataError(f"{path} holds no weights of train.py")
    model = network.untrained()
    try:
        model.load_state_dict(saved["weights"])  # into float32, whatever precision they have
    except RuntimeError as error:  # of another network
        raise DataError(f"{path} holds no weights of train.py") from error
    scales = Scales(
        mean=saved["mean"].float().to(device),
        std=saved["std"].float().to(device),
        label=saved["label"],
        label_mean=saved["label_mean"],
        label_std=saved["label_std"],
    )
    return model.to(device, memory_format=layout(device)).eval(), scales


def _is_of_train(saved: object) -> bool:
    """Tell whether the content of a file is of the kind that `train.save_weights` writes."""
    if not isinstance(saved, dict) or not {"weights", *Scales._fields} <= set(saved):
        return False
    return _are_weights(saved["weights"]) and _are_scales(Scales(*[saved[name] for name in Scales._fields]))


def _are_weights(weights: object) -> bool:
    """Tell whether these are tensors by name, of numbers (int64: the counts of batch normalization)."""
    if not isinstance(weights, dict):
        return False
    for name, weight in weights.items():
        if not (isinstance(name, str) and isinstance(weight, torch.Tensor)):
            return False
        if not (weight.is_floating_point() or weight.dtype == torch.int64):
            return False
    return True


def _are_scales(scales: Scales) -> bool:
    """Tell whether each of the scales is of its kind, and all numbers are finite."""
    for color in (scales.mean, scales.std):
        if not (isinstance(color, torch.Tensor) and color.shape == (3,) and color.isfinite().all()):
            return False
    for number in (scales.label_mean, scales.label_std):
        if not (isinstance(number, int | float) and np.isfinite(number)):
            return False
    return isinstance(scales.label, str)


def fingerprint(catalog: Path) -> tuple[str, int]:
    """Read a catalog once, and check its ids.

    Returns
    -------
    sha256 : str
        Of the ids and paths, in their order.
    parts : int
        How many parts it has.

    Raises
    ------
    DataError
        It has no galaxies, or ids that cannot be told apart.
    """
    content = hashlib.sha256()
    id_hashes = []  # 8 bytes for each galaxy: the ids of a survey may not fit into memory
    for table in tables.read_table(catalog, tables.NEEDED):
        content.update(json.dumps(table.to_numpy().tolist()).encode())
        if wrong := tables.faults_of_ids(table["id"]):
            raise DataError(f"{catalog}: " + "\n".join(wrong))
        id_hashes.append(pd.util.hash_array(table["id"].to_numpy(dtype=object)))
    if not id_hashes:
        raise DataError(f"{catalog} has no galaxies")
    repeated = pd.Series(np.concatenate(id_hashes)).duplicated().sum()
    if repeated:
        raise DataError(f"{catalog}: {repeated} rows have the id of an earlier one")
    return content.hexdigest(), len(id_hashes)


def claim(out: Path, run: dict) -> None:
    """Make the folder ready, or refuse one that holds the predictions of something else.

    What predictions depend on, `run`, is noted in the folder. Where they are calculated is no part of it.

    Raises
    ------
    DataError
        It holds predictions of another run, or other files.
    """
    if (out / RUN).exists():
        _check_run(out, read_run(out / RUN), run)
    elif any(not path.name.startswith(".") for path in out.iterdir()):
        raise DataError(f"{out} holds other files: name a new folder with --out")
    write_whole(out / RUN, json.dumps(run).encode())
    for left in out.glob(".*.tmp"):  # of a run that was killed
        left.unlink()


def _check_run(out: Path, before: dict, run: dict) -> None:
    """Raise `DataError` if the predictions in a folder depend on something else, or do not say on what."""
    way_out = "name a new folder with --out"
    missing = [key for key in run if key not in before]  # an older predict.py did not note it
    if missing:
        raise DataError(f"{out} does not say the {' and '.join(missing)} of its predictions: {way_out}")
    changed = [key for key in run if before[key] != run[key]]
    if changed:
        raise DataError(f"{out} holds predictions of another {' and '.join(changed)}: {way_out}")


def read_run(path: Path) -> dict:
    """Read what the parts of a folder belong to; raises `DataError` for a file that does not say it."""
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:  # empty or cut
        run = None
    if not isinstance(run, dict):
        raise DataError(f"{path} is damaged: name a new folder with --out")
    return run


def earlier_part(path: Path, label: str, ids: pd.Series) -> pd.DataFrame | None:
    """Read a part that an earlier run has left; None if there is none, or it is damaged or another one."""
    try:
        part = pd.read_parquet(path, page_checksum_verification=True)
    except (OSError, ValueError):  # pyarrow's errors are of these kinds
        return None
    if list(part) != columns_of_part(label) or part["id"].tolist() != ids.tolist():
        return None
    return part


def new_part(label: str, ids: pd.Series) -> pd.DataFrame:
    """Return a part of which nothing is predicted."""
    part = pd.DataFrame({"id": ids, label: np.nan, "problem": "not yet", "picture": ""})
    return part[columns_of_part(label)].reset_index(drop=True)


def columns_of_part(label: str) -> list[str]:
    """Return the columns of predictions, in their order."""
    return ["id", label, *tables.REPORT]


def predict_part(path: Path, table: pd.DataFrame, job: Job) -> tuple[int, int, int]:
    """Predict what is missing of one part of the catalog, and write the part; the task of a worker.

    Parameters
    ----------
    path : Path
        The file of the part.
    table : pandas.DataFrame
        Its rows: id, and image as a whole path.
    job : Job

    Returns
    -------
    now, bad, together : int
        Galaxies that were predicted now, have no prediction, are in the part.
    """
    device = torch.device(job.place) if job.place else best_device()
    model, scales = load_network(job.weights, device)
    label = scales.label
    image_paths = [Path(image) for image in table["image"]]
    stamps = images.stamps(image_paths)
    part = earlier_part(path, label, table["id"])
    if part is None:
        part = new_part(label, table["id"])
    todo = ((part["problem"] != "") | (part["picture"] != stamps)).to_numpy()
    if todo.any():
        asked = [image_path for image_path, is_asked in zip(image_paths, todo, strict=True) if is_asked]
        values, problems = predict_pictures(asked, model, scales, job, device)
        part["picture"] = stamps
        part.loc[todo, label] = values
        part.loc[todo, "problem"] = problems
        write_whole(path, part.to_parquet(index=False, write_page_checksum=True))
    good = part["problem"] == ""
    return int((good & todo).sum()), int((~good).sum()), len(part)


def predict_pictures(
    paths: list[Path], model: torch.nn.Module, scales: Scales, job: Job, device: torch.device
) -> tuple[np.ndarray, list[str]]:
    """Predict some pictures; those that cannot be read stop nothing.

    Model and scales are on the device, as `load_network` returns them.

    Returns
    -------
    values : numpy.ndarray, (n,), float64
        The label in its own unit, NaN where there is none.
    problems : list of str
        What was wrong with each; empty if nothing.
    """
    predictions, problems = [], []
    with torch.no_grad(), ThreadPoolExecutor(job.readers) as readers:
        for first in range(0, len(paths), BATCH):
            seen = list(readers.map(images.see, paths[first : first + BATCH]))
            pixels = torch.stack([one.pixels for one in seen]).to(device)
            pictures = network.standardize(pixels, scales.mean, scales.std)
            with torch.autocast(device.type, torch.bfloat16, enabled=job.bf16):
                predictions.append(model(pictures)[:, 0].float().cpu().numpy())
            problems += [one.problem for one in seen]
    values = np.concatenate(predictions).astype("float64") * scales.label_std + scales.label_mean
    for row in np.flatnonzero(~np.isfinite(values)):
        problems[row] = problems[row] or "the network gives no finite number"
    values[[problem != "" for problem in problems]] = np.nan
    return values, problems


def run_here(tasks: list) -> list:
    """Run tasks on this machine, as many at once as it has GPUs, or cores where there are none.

    Where Dask is missing, as on Colab's TPU runtime, they run one after the other.
    """
    try:
        import dask
    except ModuleNotFoundError:
        return [predict_part(*task) for task in tasks]
    delayed = [dask.delayed(predict_part, traverse=False)(*task) for task in tasks]
    return list(dask.compute(*delayed, scheduler="threads", num_workers=len(tasks)))


def run_there(client: "distributed.Client", tasks: list) -> list:  # noqa: F821
    """Run tasks on the workers of a cluster; those of a worker that dies are repeated by another."""
    futures = [client.submit(predict_part, *task, retries=3, pure=False) for task in tasks]
    try:
        return client.gather(futures)
    except DataError:
        raise
    except (ImportError, RuntimeError) as error:  # RuntimeError: the scheduler could not read the tasks
        folder = Path(__file__).resolve().parents[1]
        way_out = f"start the scheduler and its workers with PYTHONPATH={folder}"
        raise DataError(f"the cluster cannot run the tasks ({first_line(error)}): {way_out}") from error


def connect(address: str) -> "distributed.Client":  # noqa: F821
    """Return a client of a scheduler that has workers."""
    try:
        import distributed
    except ModuleNotFoundError:
        raise DataError("DASK_SCHEDULER_ADDRESS is set, and distributed is not installed: unset it") from None
    try:
        client = distributed.Client(address, timeout=20)
        client.wait_for_workers(1, timeout=60)
    except (OSError, ValueError) as error:  # TimeoutError is an OSError
        raise DataError(f"DASK_SCHEDULER_ADDRESS {address}: no workers are reached ({error})") from error
    return client


def devices_here() -> list[str]:
    """Return the GPUs of this machine, or the CPU once for each core."""
    best = best_device()
    if best.type == "cpu":
        return ["cpu"] * cores()
    return [f"{best.type}:{number}" for number in range(torch.accelerator.device_count())]


def predict(catalog: Path, weights: Path, out: Path, bf16: bool) -> None:
    """Predict a whole catalog into the folder `out`; what is there already is left as it is.

    Parameters
    ----------
    catalog : Path
        CSV or Parquet with the columns `id` and `image`.
    weights : Path
        `weights.pt` of `train.py`.
    out : Path
        Folder of the Parquet files: id, label (its own unit), problem, picture (size and time of its file).
    bf16 : bool
        Calculate in bfloat16.

    Raises
    ------
    DataError
        The catalog or the weights are not what they should be, `out` belongs to another run, or more than
        half of the galaxies could not be predicted.
    """
    load_network(weights, torch.device("cpu"))  # what is wrong with it is said before anything is done
    weights_hash = hashlib.sha256(weights.read_bytes()).hexdigest()
    catalog_hash, parts = fingerprint(catalog)
    run = {
        "catalog": catalog_hash,
        "weights": weights_hash,
        "size of a part": tables.PART,
        "precision": "bfloat16" if bf16 else "float32",
    }
    with locked(out):
        claim(out, run)
        now, bad, together = run_all(catalog, weights.resolve(), out, bf16, parts)
    print(f"{together} galaxies, {now} of them predicted now, {bad} without a prediction")
    if 2 * bad > together:
        raise DataError(f"more than half have no prediction: see the column problem in {out}")


def run_all(catalog: Path, weights: Path, out: Path, bf16: bool, parts: int) -> np.ndarray:
    """Run the tasks of all parts; return the sums of what `predict_part` returns, (3,).

    The tasks share this machine, or go to the scheduler that DASK_SCHEDULER_ADDRESS names.
    """
    address = os.environ.get("DASK_SCHEDULER_ADDRESS")
    if address:
        with connect(address) as client:
            tasks_at_once = TASKS_PER_THREAD * sum(client.nthreads().values())
            jobs = [Job(weights, bf16, place=None, readers=1)] * tasks_at_once
            return total(partial(run_there, client), rounds_of(catalog, out, jobs))
    places = devices_here()[:parts]
    readers = max(1, cores() // len(places))  # the share of each task
    torch.set_num_threads(readers)
    jobs = [Job(weights, bf16, place, readers) for place in places]
    return total(run_here, rounds_of(catalog, out, jobs))


def total(run: Callable[[list], list], rounds: Iterable[list]) -> np.ndarray:
    """Run one round of tasks after the other; return the sums of what the tasks return, (3,)."""
    counts = np.zeros(3, dtype=int)
    for tasks in rounds:
        for counts_of_part in run(tasks):
            counts += counts_of_part
    return counts


def rounds_of(catalog: Path, out: Path, jobs: list[Job]) -> Iterator[list]:
    """Read the catalog, and make a task of each part; a round has a task for each job.

    Yields
    ------
    list of tuple
        The arguments of `predict_part`.
    """
    tasks = []
    for number, table in enumerate(tqdm(tables.read_table(catalog, tables.NEEDED), "parts", disable=None)):
        image_paths = [str(path.absolute()) for path in tables.paths_of(table["image"], catalog)]
        path = out.resolve() / f"part-{number:06d}.parquet"
        tasks.append((path, table.assign(image=image_paths), jobs[len(tasks)]))
        if len(tasks) == len(jobs):
            yield tasks
            tasks = []
    if tasks:
        yield tasks


def main() -> None:
    """Predict as the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("catalog", type=Path, help="CSV or Parquet: id and image")
    parser.add_argument("--weights", type=Path, required=True, help="weights.pt of train.py")
    parser.add_argument("--out", type=Path, required=True, help="folder of the predictions")
    parser.add_argument("--bf16", action="store_true", help="calculate in bfloat16, where that is fast")
    given = parser.parse_args()
    predict(given.catalog, given.weights, given.out, given.bf16)
