"""The training of part 2 as a script: on one process or many, on one machine or several.

    accelerate launch train_cnn.py --out models/cnn
    accelerate launch --multi_gpu --num_processes 2 train_cnn.py --out models/cnn
    accelerate launch --multi_gpu --mixed_precision bf16 train_cnn.py --out models/cnn

The loop is that of section 7, with the recipe of section 2. Every process works on its share of each batch,
and after each step all hold the same weights. After an interruption the same command goes on from the last
whole epoch.

With --multi_gpu on a machine without a GPU, the processes train on the CPU (with --cpu, accelerate starts one
process, whatever --num_processes says). For several machines see `accelerate launch --help` (--num_machines,
--machine_rank, --main_process_ip); all of them need the folder of --out.
"""
# ruff: noqa: E402

import argparse
import contextlib
import json
import os
import shutil
import sys
import warnings
from pathlib import Path

warnings.filterwarnings("ignore", message=".*torch.jit.script.*")  # a note to the developers of a library

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator, DataLoaderConfiguration
from accelerate.utils import set_seed
from fastai.vision.models.xresnet import xresnet18
from PIL import Image
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, Dataset
from tqdm.auto import tqdm

from xgass import DataError, load_catalog

SEED, SIZE, EPOCHS, BATCH, LEARNING_RATE = 42, 64, 16, 32, 5e-3  # as in part 2
MAX_PIXELS = 25_000_000  # of a picture file; a small file can claim more than the memory holds


def read(path):
    """The middle 4/7 of a picture (51 of 89 arcsec): uint8 tensor of shape (3, SIZE, SIZE).

    Raises
    ------
    OSError
        There is no such file, or it is not a whole picture, or one of absurd size.
    """
    with Image.open(path) as picture:
        if picture.width * picture.height > MAX_PIXELS:
            raise OSError(f"{picture.width} x {picture.height} px are too many")
        low, high = picture.width * 3 // 14, picture.width * 11 // 14
        middle = picture.convert("RGB").resize((SIZE, SIZE), box=(low, low, high, high))
    return torch.from_numpy(np.array(middle)).permute(2, 0, 1)


def network():
    """The network of part 2, untrained."""
    return xresnet18(n_out=1).to(memory_format=torch.channels_last)


def standardised(pictures, mean, std):
    """Pictures (n, 3, SIZE, SIZE) from 0 to 255 as a network likes them: around 0, with a spread of 1."""
    pictures = (pictures / 255 - mean[:, None, None]) / std[:, None, None]
    return pictures.contiguous(memory_format=torch.channels_last)


class Pictures(Dataset):
    """Pictures and lgGF of a table with columns `image` and `lgGF`; each is read when it is asked for."""

    def __init__(self, table, augment=False):
        self.paths, self.lgGF, self.augment = table["image"].tolist(), table["lgGF"].tolist(), augment

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, row):
        picture = read(self.paths[row])
        if self.augment:  # turned and mirrored at random, in eight ways
            picture = torch.rot90(picture, torch.randint(4, ()).item(), (1, 2))
            picture = picture.flip(2) if torch.rand(()) < 0.5 else picture
        return picture, self.lgGF[row]


def start(**options):
    """Join the processes that `accelerate launch` has started: on the CPU if there is nothing faster."""
    accelerator = Accelerator(cpu=not torch.accelerator.is_available(), **options)
    started = int(os.environ.get("WORLD_SIZE", 1))
    if started != accelerator.num_processes:
        raise DataError(
            f"{started} processes were started that do not find each other (see `accelerate env`)"
        )
    if accelerator.device.type == "cpu":  # two processes with all the cores each would wait for each other
        torch.set_num_threads(max(1, os.cpu_count() // int(os.environ.get("LOCAL_WORLD_SIZE", 1))))
    return accelerator


def readers(accelerator):
    """How many further processes should read pictures: none on the CPU, where the network needs the cores."""
    return 0 if accelerator.device.type == "cpu" else min(8, os.cpu_count() // accelerator.num_processes)


def split(catalogue):
    """The galaxies to fit and those to validate, as in the notebooks; the test set stays locked."""
    train_ids, _ = train_test_split(sorted(catalogue.index), test_size=0.2, random_state=SEED)
    fit_ids, valid_ids = train_test_split(train_ids, test_size=0.2, random_state=SEED)
    return catalogue.loc[fit_ids], catalogue.loc[valid_ids]


def colour_scale(table):
    """Mean and standard deviation of each colour (0 to 1), two of (3,), from 2000 pictures at most."""
    some = table.sample(min(2000, len(table)), random_state=SEED)
    pixels = torch.stack([read(path) for path in some["image"]]).double() / 255
    return pixels.mean((0, 2, 3)).float(), pixels.std((0, 2, 3), correction=0).float()


def optimizer_and_schedule(model, steps):
    """Adam and the one-cycle schedule with the settings that fastai has for `fit_one_cycle`."""
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]  # biases and batch normalization
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=(0.95, 0.99), eps=1e-5)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        LEARNING_RATE,
        max(8, steps),  # fewer leave no room for the way up
        pct_start=0.25,
        div_factor=25,
        final_div_factor=4000,
    )
    return optimizer, schedule


def save_checkpoint(accelerator, out, recipe, history):
    """Save what the next epoch needs; a checkpoint gets its name when it is whole, and replaces the last."""
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


def load_checkpoint(accelerator, out, recipe):
    """Go back to the last checkpoint, if there is one; return the history of its epochs."""
    checkpoints = sorted(out.glob("checkpoint-*"))
    if not checkpoints:
        return []
    progress = json.loads((checkpoints[-1] / "progress.json").read_text(encoding="utf-8"))
    if progress["recipe"] != recipe:
        raise DataError(
            f"{out} holds the training of another recipe, {progress['recipe']}: name a new folder with --out"
        )
    accelerator.load_state(checkpoints[-1])
    accelerator.print(f"Going on after epoch {len(progress['history'])} of {recipe['epochs']}.")
    return progress["history"]


def validation_rmse(accelerator, model, valid_dl, colours):
    """Root mean squared error (dex) on the validation galaxies of all processes."""
    model.eval()
    squared = []
    with torch.no_grad():
        for pictures, lgGF in valid_dl:
            residual = model(standardised(pictures, *colours))[:, 0].float() - lgGF
            squared.append(accelerator.gather_for_metrics(residual**2))
    return torch.cat(squared).mean().sqrt().item()


def train(out, epochs, batch, seed):
    """Train on the catalogue of the tutorial; leave the checkpoint and `weights.pt` in the folder `out`.

    Raises
    ------
    DataError
        The batch cannot be shared equally or filled, or `out` holds a training of another recipe.
    """
    loading = DataLoaderConfiguration(split_batches=True, use_seedable_sampler=True, data_seed=seed)
    accelerator = start(dataloader_config=loading)
    accelerator.print(f"Processes: {accelerator.num_processes}, on {accelerator.device.type}")
    if batch % accelerator.num_processes:
        raise DataError(
            f"a batch of {batch} cannot be shared equally by {accelerator.num_processes} processes"
        )
    quiet = contextlib.nullcontext() if accelerator.is_main_process else contextlib.redirect_stdout(None)
    with accelerator.local_main_process_first(), quiet:  # one process downloads, the others find the files
        catalogue = load_catalog(images=True)
    fit, valid = split(catalogue)
    if len(fit) < batch:
        raise DataError(f"{len(fit)} galaxies to fit do not fill a batch of {batch}: make --batch smaller")
    colours = [colour.to(accelerator.device) for colour in colour_scale(fit)]

    set_seed(seed)
    model = network()
    n = readers(accelerator)
    train_dl = DataLoader(Pictures(fit, augment=True), batch, shuffle=True, drop_last=True, num_workers=n)
    valid_dl = DataLoader(Pictures(valid), 4 * batch, num_workers=n)
    optimizer, schedule = optimizer_and_schedule(model, epochs * len(train_dl))
    model, optimizer, train_dl, valid_dl = accelerator.prepare(model, optimizer, train_dl, valid_dl)
    accelerator.register_for_checkpointing(schedule)
    out.mkdir(parents=True, exist_ok=True)
    recipe = {
        "universe": catalogue.attrs.get("source", "own"),
        "galaxies": len(fit),
        "epochs": epochs,
        "batch": batch,
        "seed": seed,
    }
    history = load_checkpoint(accelerator, out, recipe)

    for epoch in range(len(history), epochs):
        set_seed(seed + epoch, device_specific=True)  # each process turns its pictures in its own way
        train_dl.set_epoch(epoch)
        model.train()
        for pictures, lgGF in tqdm(
            train_dl, f"epoch {epoch + 1}", leave=False, disable=None if accelerator.is_main_process else True
        ):
            loss = F.mse_loss(model(standardised(pictures, *colours))[:, 0].float(), lgGF)
            accelerator.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
        history.append(validation_rmse(accelerator, model, valid_dl, colours))
        accelerator.print(
            f"epoch {epoch + 1:3d} of {epochs}: validation RMSE {history[-1]:.3f} dex", flush=True
        )
        save_checkpoint(accelerator, out, recipe, history)

    if accelerator.is_main_process:
        weights = accelerator.unwrap_model(model).state_dict()
        torch.save({"weights": weights, "mean": colours[0], "std": colours[1]}, out / ".weights.pt")
        os.replace(out / ".weights.pt", out / "weights.pt")
        spread = valid["lgGF"].std()
        print(
            f"{len(valid)} validation galaxies: RMSE {history[-1]:.3f} dex, spread of lgGF {spread:.3f} dex"
        )
    accelerator.end_training()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of checkpoint and weights, shared by all machines"
    )
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--batch", type=int, default=BATCH, help="galaxies per step, all processes together")
    parser.add_argument("--seed", type=int, default=SEED)
    args = parser.parse_args()
    try:
        train(args.out, args.epochs, args.batch, args.seed)
    except (DataError, OSError) as error:
        sys.exit(f"train_cnn.py: {error}")


if __name__ == "__main__":
    main()
