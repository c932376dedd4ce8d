"""The network of part 2 and the recipe of its training."""

import warnings
from functools import partial

import torch

from .device import layout

warnings.filterwarnings("ignore", message=".*torch.jit.script.*")  # a note to the developers of a library
from fastai.optimizer import OptimWrapper  # noqa: E402
from fastai.vision.models.xresnet import xresnet18  # noqa: E402

# Chosen on the validation galaxies of the simulated sample, and checked on real pictures.
LEARNING_RATE, EPOCHS, BATCH, WEIGHT_DECAY = 5e-3, 16, 32, 0.01


def untrained(device: torch.device) -> torch.nn.Module:
    """Return the network of part 2 before its training, in the layout that suits a device.

    Parameters
    ----------
    device : torch.device
        Where it will calculate.

    Returns
    -------
    torch.nn.Module
        From (n, 3, SIZE, SIZE) standardized pixels to (n, 1), the standardized label.
    """
    return xresnet18(n_out=1).to(device, memory_format=layout(device))


def standardized(pictures: torch.Tensor, mean: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
    """Bring pictures around 0 with a spread of 1: a network likes that.

    Parameters
    ----------
    pictures : torch.Tensor, (n, 3, SIZE, SIZE)
        0 to 255.
    mean, std : torch.Tensor, (3,)
        Of each color, on a scale from 0 to 1.

    Returns
    -------
    torch.Tensor, (n, 3, SIZE, SIZE), float32
        In the layout of their device.
    """
    pictures = (pictures / 255 - mean[:, None, None]) / std[:, None, None]
    return pictures.contiguous(memory_format=layout(pictures.device))


def adamw(parameters, lr: float = LEARNING_RATE, **changed) -> torch.optim.AdamW:
    """Return PyTorch's AdamW with the settings of the recipe; weight decay on all weights, biases too.

    `fused` moves all weights in one go, which is quicker. `changed` holds other settings of AdamW.
    """
    settings = {"betas": (0.9, 0.99), "eps": 1e-5, "weight_decay": WEIGHT_DECAY, "fused": True}
    return torch.optim.AdamW(parameters, lr=lr, **settings | changed)


# The same for the `opt_func` of a Learner of fastai, which asks for groups of weights by its own names.
fastai_adamw = partial(
    OptimWrapper, opt=torch.optim.AdamW, betas=(0.9, 0.99), eps=1e-5, wd=WEIGHT_DECAY, fused=True
)
