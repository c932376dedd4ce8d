"""The processes that `torchrun` starts, and those that read pictures for them."""

import os

import torch
from accelerate import Accelerator

from xgass import DataError

from .device import best_device, cores


def start(bf16: bool, **options: object) -> Accelerator:
    """Join the processes that `torchrun` has started: on the CPU if there is nothing faster.

    The options are those of `accelerate.Accelerator`; `bf16` calculates in bfloat16.

    Raises
    ------
    DataError
        The device cannot calculate in bfloat16, or the processes do not find each other.
    """
    try:
        precision = "bf16" if bf16 else "no"
        accelerator = Accelerator(cpu=best_device().type == "cpu", mixed_precision=precision, **options)
    except ValueError as error:
        raise DataError(str(error)) from error
    started = int(os.environ.get("WORLD_SIZE", 1))
    if started != accelerator.num_processes:
        raise DataError(f"{started} processes were started, which do not find each other (`accelerate env`)")
    if accelerator.device.type == "cpu":  # two processes with all the cores each would wait for each other
        torch.set_num_threads(max(1, cores() // processes_here()))
    return accelerator


def processes_here() -> int:
    """Return how many processes of the training this machine has: they share its cores."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", 1))  # torchrun sets it


def readers(accelerator: Accelerator) -> int:
    """Return how many further processes should read pictures for this one."""
    if accelerator.device.type == "cpu":  # the network needs the cores
        return 0
    return min(8, cores() // processes_here())
