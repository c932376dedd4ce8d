"""Where to calculate: an accelerator that was tested, or the CPU and its cores."""

import copy
import os
from pathlib import Path

import torch

from .errors import first_line

THREADS = torch.get_num_threads()  # before anybody changed it


def best_device() -> torch.device:
    """Return the accelerator if there is one that calculates rightly; else the CPU, and a line says why."""
    try:
        if not torch.accelerator.is_available():
            return torch.device("cpu")
        device = torch.accelerator.current_accelerator()
        fault = fault_of(device)
    except Exception as error:  # a driver that does not fit
        return _cpu_instead("the accelerator", first_line(error))
    if fault:
        return _cpu_instead(str(device), fault)
    return device


def _cpu_instead(name: str, fault: str) -> torch.device:
    """Return the CPU; a line says what is wrong with the accelerator of that name."""
    print(f"{name} cannot be used ({fault}): the CPU is used.")
    return torch.device("cpu")


def fault_of(device: torch.device) -> str:
    """Train a small network on a device and on the CPU; say what is wrong with the device, or nothing."""
    with torch.random.fork_rng(devices=[]):
        layers = [
            torch.nn.Conv2d(3, 8, 3),
            torch.nn.BatchNorm2d(8),
            torch.nn.ReLU(),
            torch.nn.Conv2d(8, 1, 3),
        ]
        small = torch.nn.Sequential(*layers)
        pictures = torch.randn(8, 3, 16, 16)
    expected = gradients(small, pictures, torch.device("cpu"))
    try:
        found = gradients(small, pictures, device)
    except Exception as error:  # built in and not available, or too old: each driver has its own kind
        return first_line(error)
    same = [torch.allclose(a, b, rtol=1e-2, atol=1e-4) for a, b in zip(expected, found, strict=True)]
    return "" if all(same) else "it gives wrong gradients with this torch"


def gradients(network: torch.nn.Module, pictures: torch.Tensor, device: torch.device) -> list[torch.Tensor]:
    """Return the gradients of all weights, found on a device."""
    there = copy.deepcopy(network).to(device)
    there(pictures.to(device)).square().mean().backward()
    return [weight.grad.cpu() for weight in there.parameters()]


def cores() -> int:
    """Return how many cores this process may use; OMP_NUM_THREADS can make them fewer."""
    if hasattr(os, "sched_getaffinity"):
        there = len(os.sched_getaffinity(0))
    else:
        there = os.cpu_count()
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()  # "4,2" is for threads in threads
    if wanted.isdecimal() and int(wanted) > 0:
        return min(there, int(wanted))
    return there


def layout(device: torch.device) -> torch.memory_format:
    """Return how pictures should lie in the memory of a device: colors last, which is faster.

    Not on Apple's GPU, where some torch releases then miscalculate.
    """
    return torch.contiguous_format if device.type == "mps" else torch.channels_last


def uses_bf16(device: torch.device) -> bool:
    """Tell whether `faster` calculates in bfloat16 there: on a CPU that is quicker at it."""
    flags = Path("/proc/cpuinfo")
    return device.type == "cpu" and flags.exists() and "bf16" in flags.read_text()


def faster(network: torch.nn.Module, device: torch.device) -> torch.nn.Module:
    """Make a network fast on a device: its layout in memory, and bfloat16 where that is quicker.

    What comes out are ordinary numbers. Where bfloat16 is used, one core is left to other work: a busy one
    makes all threads wait, and a step takes five times as long.
    """
    network.to(memory_format=layout(device))
    if uses_bf16(device):
        torch.set_num_threads(max(1, THREADS - 1))
        calculate_in_bf16(network, device)
    return network


def calculate_in_bf16(network: torch.nn.Module, device: torch.device) -> None:
    """Make a network calculate in bfloat16 and give ordinary numbers."""
    plain_forward = network.forward

    def forward(images: torch.Tensor) -> torch.Tensor:
        with torch.autocast(device.type, torch.bfloat16):
            return plain_forward(images).float()

    network.forward = forward
