"""Predict lgGF with a network of `train_cnn.py` for a catalogue that need not fit into memory.

    accelerate launch predict_cnn.py catalogue.csv --weights models/cnn/weights.pt --out predictions

The catalogue is a CSV file with the columns `id` and `image`, the path of a picture seen from the folder of
the catalogue. It is predicted part by part, and each part becomes a Parquet file when it is whole; after an
interruption the same command makes the parts that are missing. Several processes (see `train_cnn.py`) take
turns at the parts. `pandas.read_parquet("predictions")` reads them all as one table.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from tqdm.auto import tqdm

from train_cnn import SIZE, network, read, readers, standardised, start
from xgass import DataError
from xgass.fetch import write_atomic

PART, BATCH = 4096, 64  # galaxies per file and per batch
RUN = "_run.json"  # says what the parts of a folder belong to; readers of Parquet pass over the underscore


class Pictures(Dataset):
    """Pictures by path, and what is wrong with each, if anything: one bad file must not stop a night."""

    def __init__(self, paths):
        self.paths = paths

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, row):
        try:
            return read(self.paths[row]), ""
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:  # as Pillow has it
            return torch.zeros(3, SIZE, SIZE, dtype=torch.uint8), f"{type(error).__name__}: {error}"[:200]


def load_network(path):
    """The trained network and its colour scale from a file of `train_cnn.py`."""
    try:
        saved = torch.load(path, weights_only=True, map_location="cpu")  # numbers only: nothing in it is run
        model = network()
        model.load_state_dict(saved["weights"])
        return model.eval(), [saved["mean"], saved["std"]]
    except OSError:
        raise
    except Exception as error:  # torch raises a dozen kinds for files of another kind
        raise DataError(f"{path} holds no weights of train_cnn.py ({type(error).__name__})") from error


def parts(catalogue):
    """Read a catalogue in parts: (number, table) with the columns `id` and `image`, both as text."""
    try:
        columns = {"id": "str", "image": "str"}
        reader = pd.read_csv(
            catalogue, usecols=list(columns), dtype=columns, chunksize=PART, keep_default_na=False
        )
        with reader:
            for number, table in enumerate(reader):
                yield number, table.fillna("")  # a line that ends too early
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise DataError(
            f"{catalogue} is not a CSV catalogue with the columns id and image: {reason}"
        ) from error


def predict_part(table, folder, model, colours, accelerator):
    """Predictions for one part: a table of id, lgGF (dex, NaN where there is none) and problem."""
    paths = [folder / image for image in table["image"]]
    predictions, problems = [], []
    with torch.no_grad():
        for pictures, wrong in DataLoader(Pictures(paths), BATCH, num_workers=readers(accelerator)):
            pictures = standardised(pictures.to(accelerator.device), *colours)
            predictions.append(model(pictures)[:, 0].float().cpu().numpy())
            problems += wrong
    predictions = np.concatenate(predictions)
    predictions[[problem != "" for problem in problems]] = np.nan
    return pd.DataFrame({"id": table["id"].to_numpy(), "lgGF": predictions, "problem": problems})


def claim(out, catalogue, weights):
    """Make the folder ready, or refuse one that holds the predictions of something else."""
    sha256 = hashlib.sha256(Path(weights).read_bytes()).hexdigest()
    run = {"catalogue": catalogue.name, "bytes": catalogue.stat().st_size, "weights": sha256, "part": PART}
    out.mkdir(parents=True, exist_ok=True)
    if (out / RUN).exists():
        before = json.loads((out / RUN).read_text(encoding="utf-8"))
        if changed := [key for key in run if before.get(key) != run[key]]:
            raise DataError(
                f"{out} holds predictions of another run ({', '.join(changed)}): name a new folder with --out"
            )
    elif any(not path.name.startswith(".") for path in out.iterdir()):
        raise DataError(f"{out} holds other files: name a new folder with --out")
    write_atomic(out / RUN, json.dumps(run).encode())
    for left in out.glob(".*.tmp"):  # of a run that was killed
        left.unlink()


def predict(catalogue, weights, out):
    """Predict the whole catalogue into the folder `out`; parts that are there already are left as they are.

    Raises
    ------
    DataError
        The catalogue or the weights are not what they should be, or `out` belongs to another run.
    """
    accelerator = start()
    model, colours = load_network(weights)
    model = accelerator.prepare_model(model, evaluation_mode=True)
    colours = [colour.to(accelerator.device) for colour in colours]
    if accelerator.is_main_process:
        claim(out, catalogue, weights)
    accelerator.wait_for_everyone()
    done = bad = 0
    with tqdm(
        desc="galaxies", unit="", leave=False, disable=None if accelerator.is_main_process else True
    ) as bar:
        for number, table in parts(catalogue):
            mine = number % accelerator.num_processes == accelerator.process_index
            path = out / f"part-{number:06d}.parquet"
            if mine and not path.exists():
                predictions = predict_part(table, catalogue.parent, model, colours, accelerator)
                write_atomic(path, predictions.to_parquet(index=False))
                done += len(table)
                bad += int((predictions["problem"] != "").sum())
            bar.update(len(table))
    done, bad = accelerator.reduce(torch.tensor([done, bad], device=accelerator.device)).tolist()
    accelerator.print(f"{done} galaxies predicted, {bad} of them without a usable picture")
    accelerator.end_training()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("catalogue", type=Path)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of the predictions")
    args = parser.parse_args()
    try:
        predict(args.catalogue, args.weights, args.out)
    except (DataError, OSError) as error:
        sys.exit(f"predict_cnn.py: {error}")


if __name__ == "__main__":
    main()
