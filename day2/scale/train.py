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

import sys
from pathlib import Path

if __name__ == "__main__":  # started as a file: Python does not look for modules in the folder above it
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from scale.errors import run_script

    run_script("train")  # does not come back

import argparse
import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from accelerate import Accelerator, DataLoaderConfiguration
from accelerate.utils import set_seed
from torch.utils.data import DataLoader, Dataset
from tqdm.auto import tqdm

from scale import images, network, processes, tables
from scale.archives import load_whole, locked, save_whole
from scale.device import layout
from scale.network import Scales
from xgass import DataError

CHECKPOINT = "checkpoint.pt"
WEIGHTS = "weights.pt"
LAST_SEED = 2**31 - 1  # numbers of epochs and processes are added, and numpy takes no seed from 2**32 on


class Galaxies(Dataset):
    """Pixels (3, SIZE, SIZE; uint8), turned and mirrored at random if asked for, and standardized labels."""

    def __init__(self, table: pd.DataFrame, table_path: Path, scales: Scales, augment: bool) -> None:
        labels = (table[scales.label] - scales.label_mean) / scales.label_std
        self.paths = tables.paths_of(table["image"], table_path)
        self.labels = torch.from_numpy(labels.to_numpy("float32"))
        self.augment = augment

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, torch.Tensor]:
        picture = images.read_pixels(self.paths[row])
        if self.augment:  # in eight ways
            picture = torch.rot90(picture, torch.randint(4, ()).item(), (1, 2))
            picture = picture.flip(2) if torch.rand(()) < 0.5 else picture
        return picture, self.labels[row]


@dataclass(frozen=True)
class Settings:
    """What the command line says of a training, beside the table, the label and the folder."""

    epochs: int = network.EPOCHS
    batch: int = network.BATCH  # galaxies per step, all processes together
    seed: int = 42
    bf16: bool = False
    missing: tuple[float, ...] = ()  # see `load`


def load(
    table_path: Path, label: str, missing: tuple[float, ...] = (), say: Callable[[str], None] = print
) -> pd.DataFrame:
    """Load a table and check all of it but the pictures.

    Parameters
    ----------
    table_path : Path
        CSV or Parquet with the columns `id`, `image` and the label.
    label : str
        Name of the column that is to be predicted.
    missing : tuple of float
        The values of the label that mean "missing": their rows are left out, a line says how many, and every
        other number is taken for data. Empty: known marks are refused.
    say : callable
        Prints such a line; many processes that load the same table can leave it to one.

    Returns
    -------
    pandas.DataFrame
        Columns id and image (text) and the label (float64, its own unit), sorted by id.

    Raises
    ------
    DataError
        Something is wrong, a line for each fault.
    """
    if label in (*tables.NEEDED, *tables.REPORT):
        raise DataError(f"a column {label} cannot be the label")
    parts = list(tables.read_table(table_path, [*tables.NEEDED, label]))
    if not parts:
        raise DataError(f"{table_path} has no galaxies")
    table = pd.concat(parts)
    values = pd.to_numeric(table[label], errors="coerce").astype("float64")
    if missing:
        left_out = means_missing(values, missing)
        say(f"{left_out.sum()} of {len(table)} rows are left out: their {label} means missing")
        if left_out.all():
            raise DataError(f"{table_path}: no row is left: every {label} means missing")
        table, values = table[~left_out], values[~left_out]
        marks = sorted(set(values[tables.missing_marks(values)]))
        if marks:
            say(f"taken for data, although catalogs write it for 'missing': {label} {marks[:3]}")
    wrong = faults_of_table(table, values, label, refuse_marks=not missing)
    if not wrong and not values.nunique() > 1:
        wrong = [f"{label} is the same in all {len(values)} rows: there is nothing to learn"]
    if wrong:
        way_out = "Mend these rows, or leave them out (--missing=nan: those without a number)."
        raise DataError(f"{table_path}: " + "\n".join([*wrong, way_out]))
    return table.assign(**{label: values}).sort_values("id", ignore_index=True)


def means_missing(values: pd.Series, missing: tuple[float, ...]) -> np.ndarray:
    """Tell which values are among those that mean "missing"; NaN stands for all that is no finite number."""
    found = np.isclose(values.to_numpy()[:, None], missing, rtol=1e-6, atol=0).any(axis=1)
    if np.isnan(missing).any():
        found |= ~np.isfinite(values.to_numpy())
    return found


def faults_of_table(table: pd.DataFrame, values: pd.Series, label: str, refuse_marks: bool) -> list[str]:
    """Say what is wrong with ids, paths and label, whose numbers are `values`, a line for each fault."""
    finite = pd.Series(np.isfinite(values.to_numpy()), values.index)
    of_label = {f"no finite number as {label}": ~finite}
    if refuse_marks:
        advice = "--missing=VALUE leaves such rows out and takes all other numbers for data"
        of_label[f"a mark for 'missing' as {label} ({advice})"] = tables.missing_marks(values)
    paths = table["image"]
    blank = tables.are_blank(paths)
    of_paths = {"no image": blank, "the picture of an earlier row": paths.duplicated() & ~blank}
    wrong = tables.faults_of_ids(table["id"]) + tables.faults(table[label], of_label)
    return wrong + tables.faults(paths, of_paths)


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


def color_scale(
    paths: list[Path], fitted: torch.Tensor, workers: int, quiet: bool | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Read all pictures once; measure the colors (0 to 1) where `fitted` is true.

    No two may show the same to the network, whatever their files are: one could be fitted, the other one
    validated.

    Parameters
    ----------
    paths : list of Path
        All pictures.
    fitted : torch.Tensor, (n,), bool
        Which of them are fitted.
    workers : int
        Further processes that read.
    quiet : bool or None
        Show no progress bar; None: show one in a terminal.

    Returns
    -------
    mean, std : torch.Tensor, (3,), float32
        Of each color.

    Raises
    ------
    DataError
        Pictures that cannot be used, or come twice: how many, and the first three.
    """
    wrong, means, squares, hashes = [], [], [], []
    loader = DataLoader(images.Pictures(paths), 64, num_workers=workers)  # /dev/shm may hold 64 MB only
    for pixels, problems in tqdm(loader, "reading", leave=False, disable=quiet):
        wrong += [problem for problem in problems if problem]
        hashes += [hashlib.sha256(picture.numpy().tobytes()).digest() for picture in pixels]
        means.append((pixels / 255).mean((2, 3)))
        squares.append((pixels / 255).square().mean((2, 3)))
    if wrong:
        raise DataError("\n".join([f"{len(wrong)} of {len(paths)} pictures cannot be used:", *wrong[:3]]))
    if twice := repeated(hashes):
        pairs = ", ".join(f"{paths[row]} and {paths[first]}" for row, first in twice[:3])
        count = f"{len(twice)} of {len(paths)} pictures are those of another id"
        raise DataError(f"{count}: {pairs}. Keep one row of each.")
    mean = torch.cat(means)[fitted].mean(0)
    variance = torch.cat(squares)[fitted].mean(0) - mean**2
    return mean, variance.clamp(min=1e-6).sqrt()


def repeated(hashes: list[bytes]) -> list[tuple[int, int]]:
    """Return the place of each repeated hash, and the place where it stands first."""
    first = {}
    found = []
    for place, content in enumerate(hashes):
        if content in first:
            found.append((place, first[content]))
        else:
            first[content] = place
    return found


def save_checkpoint(
    out: Path, recipe: dict, history: list[float], model: torch.nn.Module, optimizer: torch.optim.Optimizer
) -> None:
    """Save what the next epoch needs: recipe (what it depends on), history (RMSE), weights, optimizer."""
    checkpoint = {
        "recipe": recipe,
        "history": history,
        "weights": model.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    save_whole(out / CHECKPOINT, checkpoint)


def load_checkpoint(
    out: Path, recipe: dict, model: torch.nn.Module, optimizer: torch.optim.Optimizer
) -> list[float]:
    """Go back to the checkpoint, if there is one; return the history of its epochs.

    Raises
    ------
    DataError
        The checkpoint is damaged, or the folder holds another training.
    """
    if not (out / CHECKPOINT).exists():
        if (out / WEIGHTS).exists():
            raise DataError(f"{out} holds the weights of another training: name a new folder with --out")
        return []
    saved = load_whole(out / CHECKPOINT)
    if not (isinstance(saved, dict) and {"recipe", "history", "weights", "optimizer"} <= set(saved)):
        raise DataError(f"{out / CHECKPOINT} is no checkpoint of train.py: name a new folder with --out")
    changed = [key for key in recipe if saved["recipe"].get(key) != recipe[key]]
    if changed:
        way_out = "go back to what it was, or name a new folder with --out"
        raise DataError(f"{out} holds a training with other {', '.join(changed)}: {way_out}")
    model.load_state_dict(saved["weights"])
    optimizer.load_state_dict(saved["optimizer"])
    return saved["history"]


def hash_of(values: list) -> str:
    """Return the sha256 of texts and numbers."""
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def validation_rmse(
    accelerator: Accelerator, model: torch.nn.Module, loader: DataLoader, scales: Scales
) -> float:
    """Return the root mean squared error on the validation galaxies of all processes, in the label's unit.

    The loader gives pictures (n, 3, SIZE, SIZE), uint8, and standardized labels (n,).
    """
    model.eval()
    squared = []
    with torch.no_grad():
        for pictures, labels in standardized(loader, scales):
            residual = model(pictures)[:, 0].float() - labels
            squared.append(accelerator.gather_for_metrics(residual**2))
    return scales.label_std * torch.cat(squared).mean().sqrt().item()


def check_settings(settings: Settings) -> None:
    """Raise `DataError` unless epochs and batch are 1 or more, and the seed is 0 to LAST_SEED."""
    if min(settings.epochs, settings.batch) < 1:
        raise DataError("--epochs and --batch are 1 or more")
    if not 0 <= settings.seed <= LAST_SEED:
        raise DataError(f"--seed is 0 to {LAST_SEED}")


def check_sizes(n_fit: int, n_valid: int, batch: int, processes: int) -> None:
    """Raise `DataError` if so many galaxies do not fill a batch, or cannot be shared by the processes."""
    if batch % processes:
        raise DataError(f"a batch of {batch} cannot be shared equally by {processes} processes")
    if n_fit < batch:
        raise DataError(f"{n_fit} galaxies to fit do not fill a batch of {batch}: make --batch smaller")
    if n_valid < 2:
        raise DataError(f"{n_fit + n_valid} galaxies are too few to fit some and validate others")


def check_label(label: str, std: float, n_fit: int) -> None:
    """Raise `DataError` if the label of the galaxies to fit cannot be standardized."""
    if not 0 < std < np.inf:
        found = f"{label} has the spread {std:.4g} among the {n_fit} galaxies to fit"
        raise DataError(f"{found}: there is nothing to learn")


def description(galaxies: pd.DataFrame, fit: pd.DataFrame, label: str) -> str:
    """Say how many galaxies there are and what their label is like."""
    low, high, mean, spread = galaxies[label].agg(["min", "max", "mean", "std"])
    count = f"{len(galaxies)} galaxies: {len(fit)} to fit, {len(galaxies) - len(fit)} to validate"
    return f"{count}; {label} from {low:.4g} to {high:.4g}, mean {mean:.4g}, spread {spread:.4g}"


def recipe_of(galaxies: pd.DataFrame, table_path: Path, label: str, settings: Settings) -> dict:
    """Return what a training depends on: a resume needs all of it to be the same.

    Of the pictures it is size and time of each file.
    """
    return {
        "label": label,
        "epochs": settings.epochs,
        "batch": settings.batch,
        "seed": settings.seed,
        "ids": hash_of(galaxies["id"].tolist()),
        "paths": hash_of(galaxies["image"].tolist()),
        "label values": hash_of(galaxies[label].tolist()),
        "pictures": hash_of(images.stamps(tables.paths_of(galaxies["image"], table_path))),
    }


def batches_of(
    accelerator: Accelerator, to_fit: Galaxies, to_validate: Galaxies, batch: int
) -> tuple[DataLoader, DataLoader]:
    """Return the batches of the galaxies to fit, in random order, and of those to validate.

    Each process gets its share of each batch.
    """
    workers = processes.readers(accelerator)
    fit_batches = DataLoader(to_fit, batch, shuffle=True, drop_last=True, num_workers=workers)
    valid_batches = DataLoader(to_validate, 4 * batch, num_workers=workers)
    return accelerator.prepare(fit_batches, valid_batches)


def train_epoch(
    accelerator: Accelerator,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    batches: Iterable,
    progress: Iterable[float],
) -> None:
    """Train on all batches once; model and optimizer are those of `accelerator.prepare`.

    Parameters
    ----------
    batches : iterable
        Standardized pictures (n, 3, SIZE, SIZE) and labels (n,).
    progress : iterable of float
        For each step, the part of the whole training that is done before it.
    """
    model.train()
    for (pictures, labels), done in zip(batches, progress, strict=True):
        network.set_rate(optimizer, done)
        loss = F.mse_loss(model(pictures)[:, 0].float(), labels)
        accelerator.backward(loss)
        optimizer.step()
        optimizer.zero_grad()


def standardized(batches: Iterable, scales: Scales) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Pass batches on, with pictures whose colors are around 0."""
    for pictures, labels in batches:
        yield network.standardize(pictures, scales.mean, scales.std), labels


def colors_of_fitted(
    accelerator: Accelerator, galaxies: pd.DataFrame, table_path: Path
) -> tuple[torch.Tensor, torch.Tensor]:
    """Read all pictures; return mean and std (3,) of the colors of the galaxies to fit, on the device."""
    fitted = torch.from_numpy(~tables.kept_apart(galaxies["id"]))
    paths = tables.paths_of(galaxies["image"], table_path)
    workers = processes.readers(accelerator)
    mean, std = color_scale(paths, fitted, workers, quiet_unless_main(accelerator))
    return mean.to(accelerator.device), std.to(accelerator.device)


def quiet_unless_main(accelerator: Accelerator) -> bool | None:
    """Return what tqdm calls `disable`: one process shows a bar, where there is a terminal."""
    return None if accelerator.is_main_process else True


def run_epochs(
    accelerator: Accelerator,
    loaders: tuple[DataLoader, DataLoader],
    scales: Scales,
    recipe: dict,
    out: Path,
) -> tuple[torch.nn.Module, list[float]]:
    """Train from nothing or from the checkpoint in `out`; save one after each epoch.

    Returns
    -------
    model : torch.nn.Module
        The trained network, as this process has it.
    history : list of float
        Validation RMSE (unit of the label) of each epoch.
    """
    fit_batches, valid_batches = loaders
    epochs, seed = recipe["epochs"], recipe["seed"]
    set_seed(seed)
    # `own` is the network of this process, with the names of weights that files have; `model` wraps it, and
    # averages its gradients over all processes.
    own = network.untrained().to(accelerator.device, memory_format=layout(accelerator.device))
    model, optimizer = accelerator.prepare(own, network.adamw(own.parameters()))
    history = load_checkpoint(out, recipe, own, optimizer)
    if history:
        accelerator.print(f"Going on after epoch {len(history)} of {epochs}.")
    for epoch in range(len(history), epochs):
        set_seed(seed + epoch, device_specific=True)  # each process turns its pictures in its own way
        fit_batches.set_epoch(epoch)
        progress = (epoch + np.arange(len(fit_batches)) / len(fit_batches)) / epochs
        bar = tqdm(fit_batches, f"epoch {epoch + 1}", leave=False, disable=quiet_unless_main(accelerator))
        train_epoch(accelerator, model, optimizer, standardized(bar, scales), progress)
        history.append(validation_rmse(accelerator, model, valid_batches, scales))
        if not np.isfinite(history[-1]):
            raise DataError(f"the training ran away in epoch {epoch + 1}: another --seed or --batch may help")
        accelerator.print(f"epoch {epoch + 1:3d} of {epochs}: validation RMSE {history[-1]:.4g}", flush=True)
        if accelerator.is_main_process:
            save_checkpoint(out, recipe, history, own, optimizer)
    return own, history


def save_weights(out: Path, model: torch.nn.Module, scales: Scales) -> None:
    """Save the network and its scales."""
    save_whole(out / WEIGHTS, {"weights": model.state_dict(), **scales._asdict()})


def train(table_path: Path, label: str, out: Path, settings: Settings) -> torch.nn.Module:
    """Train on a table; leave a checkpoint and `weights.pt` in the folder `out`.

    Parameters
    ----------
    table_path : Path
        The table (see the top of this file).
    label : str
        Name of the column that is to be predicted.
    out : Path
        Folder of the checkpoint and the weights.
    settings : Settings

    Returns
    -------
    torch.nn.Module
        The trained network, as this process has it.

    Raises
    ------
    DataError
        The table or its pictures are not what they should be, the batch cannot be shared equally or filled,
        `out` holds another training, or the validation RMSE is no finite number any more.
    """
    check_settings(settings)
    loading = DataLoaderConfiguration(split_batches=True, use_seedable_sampler=True, data_seed=settings.seed)
    accelerator = processes.start(settings.bf16, dataloader_config=loading)
    accelerator.print(f"Processes: {accelerator.num_processes}, on {accelerator.device.type}")
    galaxies = load(table_path, label, settings.missing, accelerator.print)
    fit, valid = split(galaxies)
    accelerator.print(description(galaxies, fit, label))
    check_sizes(len(fit), len(valid), settings.batch, accelerator.num_processes)
    label_mean, label_std = float(fit[label].mean()), float(fit[label].std())
    check_label(label, label_std, len(fit))
    mean, std = colors_of_fitted(accelerator, galaxies, table_path)
    scales = Scales(mean, std, label, label_mean, label_std)
    recipe = recipe_of(galaxies, table_path, label, settings)
    to_fit = Galaxies(fit, table_path, scales, augment=True)
    to_validate = Galaxies(valid, table_path, scales, augment=False)
    loaders = batches_of(accelerator, to_fit, to_validate, settings.batch)
    with locked(out) if accelerator.is_main_process else contextlib.nullcontext():
        model, history = run_epochs(accelerator, loaders, scales, recipe, out)
        if accelerator.is_main_process:
            save_weights(out, model, scales)
    found = f"RMSE {history[-1]:.4g}, spread of {label} {valid[label].std():.4g}"
    accelerator.print(f"{len(valid)} validation galaxies: {found}")
    accelerator.end_training()
    return model


def main() -> None:
    """Train as the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", type=Path, help="CSV or Parquet: id, image, and the label")
    parser.add_argument("--label", required=True, help="the column to be predicted")
    parser.add_argument("--out", type=Path, required=True, help="folder of checkpoint and weights")
    parser.add_argument("--epochs", type=int, default=Settings.epochs)
    parser.add_argument(
        "--batch", type=int, default=Settings.batch, help="galaxies per step, all processes together"
    )
    parser.add_argument("--seed", type=int, default=Settings.seed)
    parser.add_argument("--bf16", action="store_true", help="calculate in bfloat16, where that is fast")
    parser.add_argument(
        "--missing",
        type=float,
        action="append",
        default=list(Settings.missing),
        help="a label that means missing: leave it out",
    )
    given = parser.parse_args()
    settings = Settings(
        epochs=given.epochs,
        batch=given.batch,
        seed=given.seed,
        bf16=given.bf16,
        missing=tuple(given.missing),
    )
    train(given.table, given.label, given.out, settings)
