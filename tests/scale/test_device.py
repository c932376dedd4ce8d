"""An accelerator is tested before it is trusted, and the cores of a machine are shared."""

from types import SimpleNamespace

import pytest
import torch

from scale import device, processes


@pytest.mark.parametrize("fault", ["no kernel image", "wrong gradients"])
def test_an_accelerator_that_cannot_be_used_is_passed_over_with_a_line(monkeypatch, capsys, fault):
    plain = device.gradients

    def gradients(network, pictures, where):
        if where.type == "cpu":
            return plain(network, pictures, where)
        if fault == "no kernel image":
            raise RuntimeError("CUDA error: no kernel image is available\nmore")
        return [2 * weight for weight in plain(network, pictures, torch.device("cpu"))]

    monkeypatch.setattr(device, "gradients", gradients)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    assert device.best_device() == torch.device("cpu")
    assert fault in capsys.readouterr().out


def test_a_device_that_calculates_rightly_is_trusted(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cpu", 0))
    assert device.best_device() == torch.device("cpu", 0)


def test_bfloat16_leaves_one_core_and_gives_ordinary_numbers(monkeypatch):
    threads = torch.get_num_threads()
    monkeypatch.setattr(device, "THREADS", 3)
    monkeypatch.setattr(device, "uses_bf16", lambda device: True)
    try:
        network = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3))
        for _ in range(3):  # part 2 makes thirty networks
            device.faster(network, torch.device("cpu"))
        assert torch.get_num_threads() == 2
        assert network(torch.randn(1, 3, 8, 8)).dtype == torch.float32
    finally:
        torch.set_num_threads(threads)


def test_omp_num_threads_is_obeyed(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert device.cores() == 1


@pytest.mark.parametrize("wanted", ["0", "-3", "many", "\u00b2", ""])
def test_a_number_of_threads_that_is_none_is_passed_over(monkeypatch, wanted):
    monkeypatch.setenv("OMP_NUM_THREADS", wanted)
    there = device.cores()
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert there == device.cores()


def test_the_processes_of_this_machine_alone_share_its_cores(monkeypatch):
    """Eight machines with two processes each: those elsewhere use cores elsewhere."""
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setattr(processes, "cores", lambda: 8)
    accelerator = SimpleNamespace(device=torch.device("cuda"), num_processes=16)
    assert processes.readers(accelerator) == 4
