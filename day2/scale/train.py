"""Train the network of part 2 on your table: on one process or many, on one machine or several.

    python train.py my_table.csv --label lgGF --out models/lgGF
    torchrun --standalone --nproc-per-node 8 train.py my_table.csv --label lgGF --out models/lgGF

The table is a CSV or Parquet file with the columns `id`, `image` (path of a picture, seen from the folder of
the table) and the label, a number. The loop is that of section 7, with the recipe of section 2. Every process
works on its share of each batch, and after each step all hold the same weights. After an interruption the
same command goes on from the last whole epoch.

Without a GPU the processes train on the CPU. For several machines see `torchrun --help` (--nnodes,
--node-rank, --rdzv-endpoint); all of them need the table, the pictures and the folder of --out.
"""
# ruff: noqa: E402

import argparse
import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from accelerate import Accelerator, DataLoaderConfiguration
from accelerate.utils import set_seed
from torch.utils.data import DataLoader
from tqdm.auto import tqdm

from scale import images, network, processes, tables
from scale.device import layout
from scale.errors import errors_in_one_line
from xgass import DataError

SEED = 42


class Galaxies(images.Pictures):
    """Pictures, turned and mirrored at random if asked for, and their labels (float32)."""

    def __init__(self, paths: list[Path], labels: pd.Series, augment: bool) -> None:
        super().__init__(paths)
        self.labels, self.augment = torch.from_numpy(labels.to_numpy("float32")), augment

    def __getitem__(self, row: int) -> tuple[torch.Tensor, torch.Tensor]:
        picture = images.read_pixels(self.paths[row])
        if self.augment:  # in eight ways
            picture = torch.rot90(picture, torch.randint(4, ()).item(), (1, 2))
            picture = picture.flip(2) if torch.rand(()) < 0.5 else picture
        return picture, self.labels[row]


def load(path: Path, label: str) -> pd.DataFrame:
    """Load a table and check all of it but the pictures.

    Parameters
    ----------
    path : Path
        CSV or Parquet with the columns `id`, `image` and the label.
    label : str
        Name of the column that is to be predicted.

    Returns
    -------
    pandas.DataFrame
        Columns id and image (text) and the label (float64, its own unit), sorted by id.

    Raises
    ------
    DataError
        Something is wrong, a line for each fault.
    """
    if label in ("id", "image", "problem"):
        raise DataError(f"a column {label} cannot be the label")
    table = pd.concat([pd.DataFrame(), *tables.read_table(path, ["id", "image", label])], ignore_index=True)
    if table.empty:
        raise DataError(f"{path} has no galaxies")
    images, values = table["image"], pd.to_numeric(table[label], errors="coerce").astype("float64")
    finite = np.isfinite(values)
    wrong = tables.faults_of_ids(table["id"])
    of_label = {
        f"no finite number as {label}": ~finite,
        f"a mark for 'missing' as {label}": tables.missing_marks(values),
    }
    wrong += tables.faults(table[label], of_label)
    wrong += tables.faults(images, {"the picture of an earlier row": images.duplicated() & (images != "")})
    if not (wrong or 0 < values.std() < np.inf):
        wrong = [f"{label} has no spread"]
    if wrong:
        raise DataError(f"{path}: " + "\n".join([*wrong, "Mend these rows, or leave them out."]))
    return table.assign(**{label: values}).sort_values("id", ignore_index=True)


def split(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the galaxies to fit and a fifth to validate: the id alone decides, whoever else is there.

    Parameters
    ----------
    table : pandas.DataFrame
        With a column `id` (text).

    Returns
    -------
    fit, valid : pandas.DataFrame
        Rows of the table.
    """
    apart = tables.kept_apart(table["id"])
    fit, valid = table[~apart], table[apart]
    return fit, valid


def color_scale(paths: list[Path], fitted: torch.Tensor, workers: int, quiet: bool) -> list[torch.Tensor]:
    """Read all pictures once; return mean and spread of each color (0 to 1) where `fitted` is true.

    Parameters
    ----------
    paths : list of Path
        All pictures.
    fitted : torch.Tensor, (n,), bool
        Which of them are fitted.
    workers : int
        Further processes that read.
    quiet : bool
        Show no progress bar.

    Returns
    -------
    list of torch.Tensor
        Mean and spread, each (3,), float32.

    Raises
    ------
    DataError
        Pictures that cannot be used: how many, and the first three.
    """
    wrong, means, squares = [], [], []
    loader = DataLoader(images.Pictures(paths), 256, num_workers=workers)
    for pictures, problems in tqdm(loader, "reading", leave=False, disable=True if quiet else None):
        wrong += [problem for problem in problems if problem]
        means.append((pictures / 255).mean((2, 3)))
        squares.append((pictures / 255).square().mean((2, 3)))
    if wrong:
        raise DataError("\n".join([f"{len(wrong)} of {len(paths)} pictures cannot be used:", *wrong[:3]]))
    mean = torch.cat(means)[fitted].mean(0)
    return [mean, (torch.cat(squares)[fitted].mean(0) - mean**2).clamp(min=1e-6).sqrt()]


def optimizer_and_schedule(
    model: torch.nn.Module, steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.OneCycleLR]:
    """Return Adam and the one-cycle schedule with the settings that fastai has for `fit_one_cycle`.

    Parameters
    ----------
    model : torch.nn.Module
    steps : int
        Of the whole training.

    Returns
    -------
    torch.optim.Optimizer, torch.optim.lr_scheduler.OneCycleLR
        As part 2 has them in section 2.
    """
    optimizer = network.adamw(model.parameters())
    steps = max(8, steps)  # fewer leave no room for the way up
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, network.LEARNING_RATE, steps, pct_start=0.25, div_factor=25, final_div_factor=4000
    )
    return optimizer, cycle


def save_checkpoint(accelerator: Accelerator, out: Path, recipe: dict, history: list[float]) -> None:
    """Save what the next epoch needs; a checkpoint gets its name when it is whole, and replaces the last.

    Parameters
    ----------
    accelerator : accelerate.Accelerator
        It knows model, optimizer, schedule and chance.
    out : Path
        Folder of the checkpoint.
    recipe : dict
        What the training depends on.
    history : list of float
        Validation RMSE (unit of the label) of each epoch.
    """
    unfinished = out / ".unfinished"
    if accelerator.is_main_process:
        shutil.rmtree(unfinished, ignore_errors=True)
    accelerator.wait_for_everyone()
    accelerator.save_state(unfinished)
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        progress = {"recipe": recipe, "history": history}
        (unfinished / "progress.json").write_text(json.dumps(progress), encoding="utf-8")
        older = list(out.glob("checkpoint-*"))
        unfinished.rename(out / f"checkpoint-{len(history):04d}")
        for checkpoint in older:
            shutil.rmtree(checkpoint)


def load_checkpoint(accelerator: Accelerator, out: Path, recipe: dict) -> list[float]:
    """Go back to the last checkpoint, if there is one.

    Parameters
    ----------
    accelerator, out, recipe
        As for `save_checkpoint`.

    Returns
    -------
    list of float
        The history of its epochs; empty if there is none.

    Raises
    ------
    DataError
        The folder holds the training of another table, or with other settings.
    """
    checkpoints = sorted(out.glob("checkpoint-*"))
    if not checkpoints and (out / "weights.pt").exists():
        raise DataError(f"{out} holds the weights of another training: name a new folder with --out")
    if not checkpoints:
        return []
    progress = json.loads((checkpoints[-1] / "progress.json").read_text(encoding="utf-8"))
    if changed := [key for key in recipe if progress["recipe"].get(key) != recipe[key]]:
        way_out = "go back to what it was, or name a new folder with --out"
        raise DataError(f"{out} holds a training with other {', '.join(changed)}: {way_out}")
    accelerator.load_state(checkpoints[-1])
    accelerator.print(f"Going on after epoch {len(progress['history'])} of {recipe['epochs']}.")
    return progress["history"]


def validation_rmse(
    accelerator: Accelerator, model: torch.nn.Module, loader: DataLoader, colors: list[torch.Tensor]
) -> float:
    """Return the error on the validation galaxies of all processes.

    Parameters
    ----------
    accelerator : accelerate.Accelerator
    model : torch.nn.Module
    loader : DataLoader
        Pictures (n, 3, SIZE, SIZE), uint8, and standardized labels (n,).
    colors : list of torch.Tensor
        Mean and spread of each color.

    Returns
    -------
    float
        Root mean squared error of the standardized label.
    """
    model.eval()
    squared = []
    with torch.no_grad():
        for pictures, labels in loader:
            residual = model(network.standardize(pictures, *colors))[:, 0].float() - labels
            squared.append(accelerator.gather_for_metrics(residual**2))
    return torch.cat(squared).mean().sqrt().item()


def train(table: Path, label: str, out: Path, epochs: int, batch: int, seed: int, bf16: bool) -> None:
    """Train on a table; leave the last checkpoint and `weights.pt` in the folder `out`.

    Parameters
    ----------
    table, label : Path, str
        The file (see the top of this one) and the name of the column that is to be predicted.
    out : Path
        Folder of the checkpoint and the weights.
    epochs, batch, seed : int
        Passes through the fitted galaxies; galaxies per step, all processes together; start of the chance.
    bf16 : bool
        Calculate in bfloat16.

    Raises
    ------
    DataError
        The table or its pictures are not what they should be, the batch cannot be shared equally or filled,
        `out` holds another training, or the error is no finite number any more.
    """
    if min(epochs, batch) < 1 or not 0 <= seed < 2**31:
        raise DataError("--epochs and --batch are 1 or more, --seed is 0 or more")
    loading = DataLoaderConfiguration(split_batches=True, use_seedable_sampler=True, data_seed=seed)
    accelerator = processes.start(bf16, dataloader_config=loading)
    n, main, device = accelerator.num_processes, accelerator.is_main_process, accelerator.device
    accelerator.print(f"Processes: {n}, on {device.type}")
    galaxies = load(table, label)
    fit, valid = split(galaxies)
    low, high, mean, spread = galaxies[label].agg(["min", "max", "mean", "std"])
    accelerator.print(
        f"{len(galaxies)} galaxies: {len(fit)} to fit, {len(valid)} to validate; {label} from {low:.4g} to "
        f"{high:.4g}, mean {mean:.4g}, spread {spread:.4g}"
    )
    if batch % n:
        raise DataError(f"a batch of {batch} cannot be shared equally by {n} processes")
    if len(fit) < batch:
        raise DataError(f"{len(fit)} galaxies to fit do not fill a batch of {batch}: make --batch smaller")
    mean, spread = fit[label].mean(), fit[label].std()  # of the fitted galaxies, and no others
    if not (len(valid) > 1 and spread > 0):
        raise DataError(f"{len(galaxies)} galaxies are too few to fit some and validate others")
    workers, fitted = processes.readers(accelerator), torch.from_numpy(galaxies.index.isin(fit.index))
    colors = color_scale(tables.paths_of(galaxies["image"], table), fitted, workers, not main)
    colors = [color.to(device) for color in colors]

    set_seed(seed)
    model = network.untrained().to(device, memory_format=layout(device))
    fit_data, valid_data = (
        Galaxies(tables.paths_of(part["image"], table), (part[label] - mean) / spread, augment=part is fit)
        for part in (fit, valid)
    )
    train_dl = DataLoader(fit_data, batch, shuffle=True, drop_last=True, num_workers=workers)
    valid_dl = DataLoader(valid_data, 4 * batch, num_workers=workers)
    optimizer, schedule = optimizer_and_schedule(model, epochs * len(train_dl))
    model, optimizer, train_dl, valid_dl = accelerator.prepare(model, optimizer, train_dl, valid_dl)
    accelerator.register_for_checkpointing(schedule)
    out.mkdir(parents=True, exist_ok=True)
    recipe = {"label": label, "epochs": epochs, "batch": batch, "seed": seed}
    for name, column in (("ids", "id"), ("pictures", "image"), ("label values", label)):
        recipe[name] = hashlib.sha256(json.dumps(galaxies[column].tolist()).encode()).hexdigest()
    history = load_checkpoint(accelerator, out, recipe)

    for epoch in range(len(history), epochs):
        set_seed(seed + epoch, device_specific=True)  # each process turns its pictures in its own way
        train_dl.set_epoch(epoch)
        model.train()
        bar = tqdm(train_dl, f"epoch {epoch + 1}", leave=False, disable=None if main else True)
        for pictures, labels in bar:
            loss = F.mse_loss(model(network.standardize(pictures, *colors))[:, 0].float(), labels)
            accelerator.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
        history.append(spread * validation_rmse(accelerator, model, valid_dl, colors))
        if not np.isfinite(history[-1]):
            raise DataError(f"the training ran away in epoch {epoch + 1}: another --seed or --batch may help")
        accelerator.print(f"epoch {epoch + 1:3d} of {epochs}: validation RMSE {history[-1]:.4g}", flush=True)
        save_checkpoint(accelerator, out, recipe, history)

    if main:
        saved = {
            "weights": accelerator.unwrap_model(model).state_dict(),
            "mean": colors[0],
            "std": colors[1],
        }
        saved |= {"label": label, "label_mean": float(mean), "label_std": float(spread)}
        torch.save(saved, out / ".weights.pt")
        os.replace(out / ".weights.pt", out / "weights.pt")
        error, spread = f"RMSE {history[-1]:.4g}", f"spread of {label} {valid[label].std():.4g}"
        print(f"{len(valid)} validation galaxies: {error}, {spread}")
    accelerator.end_training()


def main() -> None:
    """Train as the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", type=Path, help="CSV or Parquet: id, image, and the label")
    parser.add_argument("--label", required=True, help="the column to be predicted")
    parser.add_argument("--out", type=Path, required=True, help="folder of checkpoint and weights")
    parser.add_argument("--epochs", type=int, default=network.EPOCHS)
    parser.add_argument(
        "--batch", type=int, default=network.BATCH, help="galaxies per step, all processes together"
    )
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--bf16", action="store_true", help="calculate in bfloat16, where that is fast")
    with errors_in_one_line("train.py"):
        train(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
