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
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from scale import images, network, tables
from scale.archives import load_whole, locked, write_whole
from scale.device import best_device, cores, first_line, layout
from xgass import DataError

BATCH = 64  # galaxies that are predicted at once
RUN = "_run.json"  # says what the parts of a folder belong to; readers of Parquet pass over the underscore


def load_network(path: Path, device: torch.device) -> tuple[torch.nn.Module, dict]:
    """Load the trained network from a file of `train.py`, and the rest of that file.

    Returns
    -------
    model : torch.nn.Module
        On the device, ready to predict the standardized label.
    saved : dict
        mean and std of the colors, label (its name), label_mean and label_std (its own unit).

    Raises
    ------
    DataError
        The file holds something else.
    """
    saved = load_whole(path)
    try:
        weights = saved.pop("weights")
        numbers = [*saved["mean"].tolist(), *saved["std"].tolist(), saved["label_mean"], saved["label_std"]]
        if not (len(numbers) == 8 and np.isfinite(numbers).all() and isinstance(saved["label"], str)):
            raise ValueError
        if not all(weight.is_floating_point() or weight.dtype == torch.int64 for weight in weights.values()):
            raise ValueError
        model = network.untrained()
        model.load_state_dict(weights)  # into float32, whatever precision they have
    except Exception as error:  # torch raises a dozen kinds
        raise DataError(f"{path} holds no weights of train.py ({type(error).__name__})") from error
    for scale in ("mean", "std"):
        saved[scale] = saved[scale].float().to(device)
    return model.to(device, memory_format=layout(device)).eval(), saved


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
    digest, ids = hashlib.sha256(), []
    for table in tables.read_table(catalog, ["id", "image"]):
        digest.update(json.dumps(table.to_numpy().tolist()).encode())
        if wrong := tables.faults_of_ids(table["id"]):
            raise DataError(f"{catalog}: " + "\n".join(wrong))
        ids.append(pd.util.hash_array(table["id"].to_numpy(dtype=object)))  # 8 bytes each
    if not ids:
        raise DataError(f"{catalog} has no galaxies")
    if repeated := int(pd.Series(np.concatenate(ids)).duplicated().sum()):
        raise DataError(f"{catalog}: {repeated} rows have the id of an earlier one")
    return digest.hexdigest(), len(ids)


def claim(out: Path, run: dict) -> None:
    """Make the folder ready, or refuse one that holds the predictions of something else.

    Parameters
    ----------
    out : Path
        The folder.
    run : dict
        What its predictions depend on.

    Raises
    ------
    DataError
        It holds predictions of another run, or other files.
    """
    if (out / RUN).exists():
        before = read_run(out / RUN)
        if changed := [key for key in run if before.get(key) != run[key]]:
            other = " and ".join(changed)
            raise DataError(f"{out} holds predictions of another {other}: name a new folder with --out")
    elif any(not path.name.startswith(".") for path in out.iterdir()):
        raise DataError(f"{out} holds other files: name a new folder with --out")
    write_whole(out / RUN, json.dumps(run).encode())
    for left in out.glob(".*.tmp"):  # of a run that was killed
        left.unlink()


def read_run(path: Path) -> dict:
    """Read what the parts of a folder belong to; raises `DataError` for a file that is empty or cut."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise DataError(f"{path} is damaged: name a new folder with --out") from None


def earlier_part(path: Path, label: str, ids: pd.Series) -> pd.DataFrame | None:
    """Read a part that an earlier run has left; None if there is none, or it is damaged or another one."""
    try:
        part = pd.read_parquet(path, page_checksum_verification=True)
    except (OSError, ValueError):  # pyarrow's errors are of these kinds
        return None
    same = list(part) == ["id", label, "problem", "picture"] and part["id"].tolist() == ids.tolist()
    return part if same else None


def predict_part(path: Path, table: pd.DataFrame, job: dict) -> tuple[int, int, int]:
    """Predict what is missing of one part of the catalog, and write the part; the task of a worker.

    Parameters
    ----------
    path : Path
        The file of the part.
    table : pandas.DataFrame
        Its rows: id, and image as a whole path.
    job : dict
        weights (Path), place (a device, "" for the best), bf16, readers (threads).

    Returns
    -------
    now, bad, total : int
        Galaxies that were predicted now, have no prediction, are in the part.
    """
    device = torch.device(job["place"]) if job["place"] else best_device()
    model, saved = load_network(job["weights"], device)
    label, paths = saved["label"], [Path(image) for image in table["image"]]
    pictures = images.stamps(paths)
    part = earlier_part(path, label, table["id"])
    if part is None:
        part = pd.DataFrame({"id": table["id"], label: np.nan, "problem": "not yet", "picture": ""})
        part = part.reset_index(drop=True)
    todo = ((part["problem"] != "") | (part["picture"] != pictures)).to_numpy()
    if todo.any():
        part["picture"] = pictures
        asked = [path for path, is_asked in zip(paths, todo, strict=True) if is_asked]
        part.loc[todo, label], part.loc[todo, "problem"] = predict_pictures(asked, model, saved, job)
        write_whole(path, part.to_parquet(index=False, write_page_checksum=True))
    good = part["problem"] == ""
    return int((good & todo).sum()), int((~good).sum()), len(part)


def predict_pictures(
    paths: list[Path], model: torch.nn.Module, saved: dict, job: dict
) -> tuple[np.ndarray, list[str]]:
    """Predict some pictures; those that cannot be read stop nothing.

    Parameters
    ----------
    model, saved
        As `load_network` returns them.
    job : dict
        As for `predict_part`.

    Returns
    -------
    values : numpy.ndarray, (n,), float64
        The label in its own unit, NaN where there is none.
    problems : list of str
        What was wrong with each; empty if nothing.
    """
    device, predictions, problems = saved["mean"].device, [], []
    with torch.no_grad(), ThreadPoolExecutor(job["readers"]) as readers:
        for first in range(0, len(paths), BATCH):
            read = readers.map(
                images.Pictures(paths).__getitem__, range(first, min(first + BATCH, len(paths)))
            )
            pixels, wrong = zip(*read, strict=True)
            pictures = network.standardize(torch.stack(pixels).to(device), saved["mean"], saved["std"])
            with torch.autocast(device.type, torch.bfloat16, enabled=job["bf16"]):
                predictions.append(model(pictures)[:, 0].float().cpu().numpy())
            problems += wrong
    values = np.concatenate(predictions).astype("float64") * saved["label_std"] + saved["label_mean"]
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
    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    rows, parts = fingerprint(catalog)
    with locked(out):
        claim(out, {"catalog": rows, "weights": sha256, "size of a part": tables.PART})
        job = {"weights": weights.resolve(), "place": "", "bf16": bf16, "readers": 1}
        now, bad, total = run_all(catalog, out, job, parts)
    print(f"{total} galaxies, {now} of them predicted now, {bad} without a prediction")
    if 2 * bad > total:
        raise DataError(f"more than half have no prediction: see the column problem in {out}")


def run_all(catalog: Path, out: Path, job: dict, parts: int) -> np.ndarray:
    """Run the tasks of all parts; return how many galaxies were predicted now, have no prediction, are there.

    The tasks share this machine, or go to the scheduler that DASK_SCHEDULER_ADDRESS names.
    """
    address = os.environ.get("DASK_SCHEDULER_ADDRESS")
    if address:
        client = connect(address)
        places, run = 4 * [""] * sum(client.nthreads().values()), partial(run_there, client)
    else:
        places, run = devices_here()[:parts], run_here
        job["readers"] = max(1, cores() // len(places))  # the share of each task
        torch.set_num_threads(job["readers"])
    return sum(np.sum(run(tasks), axis=0) for tasks in rounds(catalog, out, job, places))


def rounds(catalog: Path, out: Path, job: dict, places: list[str]) -> Iterator[list]:
    """Read the catalog, a task for each part, as many tasks at once as there are places (devices)."""
    tasks = []
    for number, table in enumerate(tqdm(tables.read_table(catalog, ["id", "image"]), "parts", disable=None)):
        paths = [str(path.absolute()) for path in tables.paths_of(table["image"], catalog)]
        path = out.resolve() / f"part-{number:06d}.parquet"
        tasks.append((path, table.assign(image=paths), {**job, "place": places[len(tasks)]}))
        if len(tasks) == len(places):
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
    predict(**vars(parser.parse_args()))
