"""Predict with a network of `train.py`, for a catalog that need not fit into memory.

    python predict.py catalog.csv --weights models/lgGF/weights.pt --out predictions

The catalog is a CSV or Parquet file with the columns `id` and `image`, the path of a picture seen from the
folder of the catalog. It is predicted part by part, and each part becomes a Parquet file when it is whole:
id, the label, and the problem, if there was one. After an interruption the same command makes the parts that
are missing, and looks again for pictures that could not be used. Several processes (`torchrun`, see
`train.py`) take turns at the parts. `pandas.read_parquet("predictions")` reads them all as one table.
"""
# ruff: noqa: E402

import argparse
import hashlib
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import pandas as pd
import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader
from tqdm.auto import tqdm

from scale import images, network, processes, tables
from scale.device import layout
from scale.errors import errors_in_one_line
from xgass import DataError
from xgass.fetch import write_atomic

BATCH = 64  # galaxies that are predicted at once
RUN = "_run.json"  # says what the parts of a folder belong to; readers of Parquet pass over the underscore


def load_network(path: Path, device: torch.device) -> tuple[torch.nn.Module, dict]:
    """Load the trained network from a file of `train.py`, and the rest of that file.

    Parameters
    ----------
    path : Path
        `weights.pt`.
    device : torch.device
        Where to calculate.

    Returns
    -------
    model : torch.nn.Module
        Ready to predict the standardized label.
    saved : dict
        mean and std of the colors, label (its name), label_mean and label_std (its own unit).

    Raises
    ------
    DataError
        The file holds something else.
    """
    try:
        saved = torch.load(path, weights_only=True, map_location="cpu")  # numbers only: nothing in it is run
        model = network.untrained().to(device, memory_format=layout(device))
        model.load_state_dict(saved.pop("weights"))
        numbers = [*saved["mean"].tolist(), *saved["std"].tolist(), saved["label_mean"], saved["label_std"]]
        if not (len(numbers) == 8 and np.isfinite(numbers).all() and isinstance(saved["label"], str)):
            raise ValueError
        saved |= {scale: saved[scale].to(device) for scale in ("mean", "std")}
        return model.eval(), saved
    except OSError:
        raise
    except Exception as error:  # torch raises a dozen kinds for files of another kind
        raise DataError(f"{path} holds no weights of train.py ({type(error).__name__})") from error


def fingerprint(catalog: Path) -> str:
    """Read a catalog once, and check its ids.

    Parameters
    ----------
    catalog : Path
        CSV or Parquet with the columns `id` and `image`.

    Returns
    -------
    str
        sha256 of the ids and paths, in their order.

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
    return digest.hexdigest()


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
    out.mkdir(parents=True, exist_ok=True)
    if (out / RUN).exists():
        before = json.loads((out / RUN).read_text(encoding="utf-8"))
        if changed := [key for key in run if before.get(key) != run[key]]:
            other = " and ".join(changed)
            raise DataError(f"{out} holds predictions of another {other}: name a new folder with --out")
    elif any(not path.name.startswith(".") for path in out.iterdir()):
        raise DataError(f"{out} holds other files: name a new folder with --out")
    write_atomic(out / RUN, json.dumps(run).encode())
    for left in out.glob(".*.tmp"):  # of a run that was killed
        left.unlink()


def predict_part(
    paths: list[Path], model: torch.nn.Module, saved: dict, accelerator: Accelerator
) -> tuple[np.ndarray, list[str]]:
    """Predict some pictures.

    Parameters
    ----------
    paths : list of Path
        Pictures; those that cannot be read stop nothing.
    model, saved : torch.nn.Module, dict
        As `load_network` returns them.
    accelerator : accelerate.Accelerator

    Returns
    -------
    values : numpy.ndarray, (n,), float64
        The label in its own unit, NaN where there is none.
    problems : list of str
        What was wrong with each; empty if nothing.
    """
    predictions, problems = [], []
    with torch.no_grad():
        data = images.Pictures(paths)
        for pictures, wrong in DataLoader(data, BATCH, num_workers=processes.readers(accelerator)):
            pictures = network.standardize(pictures.to(accelerator.device), saved["mean"], saved["std"])
            predictions.append(model(pictures)[:, 0].float().cpu().numpy())
            problems += wrong
    values = np.concatenate(predictions).astype("float64") * saved["label_std"] + saved["label_mean"]
    for row in np.flatnonzero(~np.isfinite(values)):
        problems[row] = problems[row] or "the network gives no finite number"
    values[[problem != "" for problem in problems]] = np.nan
    return values, problems


def predict(catalog: Path, weights: Path, out: Path, bf16: bool) -> None:
    """Predict a whole catalog into the folder `out`; what is there already is left as it is.

    Parameters
    ----------
    catalog : Path
        CSV or Parquet with the columns `id` and `image`.
    weights : Path
        `weights.pt` of `train.py`.
    out : Path
        Folder of the Parquet files: id, label (its own unit), problem.
    bf16 : bool
        Calculate in bfloat16.

    Raises
    ------
    DataError
        The catalog or the weights are not what they should be, `out` belongs to another run, or more than
        half of the galaxies could not be predicted.
    """
    accelerator = processes.start(bf16)
    model, saved = load_network(weights, accelerator.device)
    model, label = accelerator.prepare_model(model, evaluation_mode=True), saved["label"]
    if accelerator.is_main_process:
        sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
        claim(out, {"catalog": fingerprint(catalog), "weights": sha256, "size of a part": tables.PART})
    accelerator.wait_for_everyone()
    now = bad = total = 0
    quiet = None if accelerator.is_main_process else True
    with tqdm(desc="galaxies", unit="", leave=False, disable=quiet) as bar:
        for number, table in enumerate(tables.read_table(catalog, ["id", "image"])):
            if number % accelerator.num_processes != accelerator.process_index:
                continue
            path = out / f"part-{number:06d}.parquet"
            part = pd.DataFrame({"id": table["id"], label: np.nan, "problem": "not yet"})
            part = pd.read_parquet(path) if path.exists() else part
            todo = (part["problem"] != "").to_numpy()  # also pictures that may have appeared since
            if todo.any():
                paths = tables.paths_of(table["image"][todo], catalog)
                values, problems = predict_part(paths, model, saved, accelerator)
                part.loc[todo, label], part.loc[todo, "problem"] = values, problems
                write_atomic(path, part.to_parquet(index=False))
            wrong = int((part["problem"] != "").sum())
            now, bad, total = now + int(todo.sum()) - wrong, bad + wrong, total + len(part)
            bar.update(len(part))
    counts = torch.tensor([now, bad, total], device=accelerator.device)
    now, bad, total = accelerator.reduce(counts).tolist()
    accelerator.print(f"{total} galaxies, {now} of them predicted now, {bad} without a prediction")
    accelerator.end_training()
    if 2 * bad > total and accelerator.is_main_process:
        raise DataError(f"more than half have no prediction: see the column problem in {out}")


def main() -> None:
    """Predict as the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("catalog", type=Path, help="CSV or Parquet: id and image")
    parser.add_argument("--weights", type=Path, required=True, help="weights.pt of train.py")
    parser.add_argument("--out", type=Path, required=True, help="folder of the predictions")
    parser.add_argument("--bf16", action="store_true", help="calculate in bfloat16, where that is fast")
    with errors_in_one_line("predict.py"):
        predict(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
