"""The network of part 2 and its recipe: optimizer, schedule, and the scale of its pictures."""

import math
import warnings
from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

import torch

warnings.filterwarnings("ignore", message=".*torch.jit.script.*")  # a note to the developers of a library
from fastai.optimizer import OptimWrapper  # noqa: E402
from fastai.vision.models.xresnet import xresnet18  # noqa: E402

LEARNING_RATE = 5e-3  # the highest of the schedule
EPOCHS = 16
BATCH = 32  # galaxies per step
WEIGHT_DECAY = 0.01


class Scales(NamedTuple):
    """What the numbers of a trained network mean, measured on the galaxies that were fitted."""

    mean: torch.Tensor  # of each color, (3,), from 0 to 1
    std: torch.Tensor  # likewise
    label: str  # its name
    label_mean: float  # unit of the label, as `label_std`
    label_std: float


def untrained() -> torch.nn.Module:
    """Return the network before its training: (n, 3, 64, 64) standardized pixels to (n, 1)."""
    return xresnet18(n_out=1)


def standardize(pictures: torch.Tensor, mean: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
    """Bring pixels (n, 3, rows, columns; 0 to 255) around 0; mean and std (3,) are on a scale to 1."""
    return (pictures / 255 - mean[:, None, None]) / std[:, None, None]


def adamw(parameters: Iterable, lr: float = LEARNING_RATE) -> torch.optim.AdamW:
    """Return AdamW with the settings of fastai's Adam; all weights decay, biases too."""
    return torch.optim.AdamW(
        parameters, lr=lr, betas=(0.9, 0.99), eps=1e-5, weight_decay=WEIGHT_DECAY, fused=True
    )


fastai_adamw = partial(OptimWrapper, opt=adamw)  # the same, as `opt_func` of a fastai Learner


def one_cycle(done: float) -> tuple[float, float]:
    """Return learning rate and momentum as fastai's `fit_one_cycle` sets them before a step.

    Parameters
    ----------
    done : float
        The part of all steps that is done, from 0 to below 1. The rate climbs for the first quarter.
    """
    if done < 0.25:
        way = 4 * done
        return cosine(LEARNING_RATE / 25, LEARNING_RATE, way), cosine(0.95, 0.85, way)
    way = (done - 0.25) / 0.75
    return cosine(LEARNING_RATE, LEARNING_RATE / 1e5, way), cosine(0.85, 0.95, way)


def cosine(start: float, end: float, way: float) -> float:
    """Go from start to end along half a cosine; `way` is from 0 to 1."""
    return end + (start - end) * (1 + math.cos(math.pi * way)) / 2


def set_rate(optimizer: torch.optim.Optimizer, done: float) -> None:
    """Set learning rate and momentum of the optimizer for the step after `done` (see `one_cycle`)."""
    rate, momentum = one_cycle(done)
    for group in optimizer.param_groups:
        group["lr"] = rate
        group["betas"] = (momentum, group["betas"][1])
