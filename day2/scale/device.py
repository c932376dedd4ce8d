"""Where and how to calculate: accelerators that can be trusted, cores, processes, short numbers."""

import copy
import os
from pathlib import Path

import torch
from accelerate import Accelerator

from xgass import DataError


def best_device() -> torch.device:
    """Return the accelerator if there is one that calculates right, else the CPU, with a printed line."""
    if not torch.accelerator.is_available():
        return torch.device("cpu")
    device = torch.accelerator.current_accelerator()
    if right_gradients(device):
        return device
    print(f"The accelerator ({device.type}) gives wrong gradients or none with this torch: the CPU is used.")
    return torch.device("cpu")


def right_gradients(device: torch.device) -> bool:
    """Tell whether a device finds the gradients of a small network that the CPU finds.

    Parameters
    ----------
    device : torch.device

    Returns
    -------
    bool
        False, too, for a device that is built in and not available.
    """
    with torch.random.fork_rng(devices=[]):
        layers = [
            torch.nn.Conv2d(3, 8, 3),
            torch.nn.BatchNorm2d(8),
            torch.nn.ReLU(),
            torch.nn.Conv2d(8, 1, 3),
        ]
        small, pictures = torch.nn.Sequential(*layers), torch.randn(8, 3, 16, 16)
    gradients = []
    try:
        for place in (torch.device("cpu"), device):
            there = copy.deepcopy(small).to(place)
            there(pictures.to(place)).square().mean().backward()
            gradients.append([weight.grad.cpu() for weight in there.parameters()])
    except Exception:  # a device that is built in and not available
        return False
    return all(torch.allclose(a, b, rtol=1e-2, atol=1e-4) for a, b in zip(*gradients, strict=True))


def layout(device: torch.device) -> torch.memory_format:
    """Return how pictures should lie in the memory of a device.

    Parameters
    ----------
    device : torch.device

    Returns
    -------
    torch.memory_format
        Colors last, which is faster; not on Apple's GPU, where some torch releases then miscalculate.
    """
    return torch.contiguous_format if device.type == "mps" else torch.channels_last


def uses_bf16(device: torch.device) -> bool:
    """Tell whether this is a CPU that calculates in bfloat16 faster than in ordinary numbers."""
    flags = Path("/proc/cpuinfo")
    return device.type == "cpu" and flags.exists() and "bf16" in flags.read_text()


def faster(network: torch.nn.Module, device: torch.device) -> torch.nn.Module:
    """Return the same network, calculating in bfloat16 where that is fast, with ordinary numbers coming out.

    Where bfloat16 is used, one core is left to other work: beside a busy process a step would otherwise take
    five times as long.
    """
    network.to(memory_format=layout(device))
    if not uses_bf16(device):
        return network
    torch.set_num_threads(max(1, cores() - 1))
    in_ordinary_numbers = network.forward

    def forward(images: torch.Tensor) -> torch.Tensor:
        with torch.autocast(device.type, torch.bfloat16):
            return in_ordinary_numbers(images).float()

    network.forward = forward
    return network


def cores() -> int:
    """Return how many cores this process may use.

    Returns
    -------
    int
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def start(bf16: bool, **options: object) -> Accelerator:
    """Join the processes that `torchrun` has started: on the CPU if there is nothing faster.

    Parameters
    ----------
    bf16 : bool
        Calculate in bfloat16.
    **options : object
        For `accelerate.Accelerator`.

    Returns
    -------
    accelerate.Accelerator

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
        torch.set_num_threads(max(1, cores() // int(os.environ.get("LOCAL_WORLD_SIZE", 1))))
    return accelerator


def readers(accelerator: Accelerator) -> int:
    """Return how many further processes should read pictures.

    Parameters
    ----------
    accelerator : accelerate.Accelerator

    Returns
    -------
    int
        0 on the CPU, where the network needs the cores.
    """
    return 0 if accelerator.device.type == "cpu" else min(8, cores() // accelerator.num_processes)
