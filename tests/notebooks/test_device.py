"""Where part 2 trains: on no device that only seems to be there."""

import pytest
from runs import read

fastai = pytest.importorskip("fastai.vision.all", reason="part 2 is not installed (make oldest)")
torch, default_device, defaults = fastai.torch, fastai.default_device, fastai.defaults


def test_an_apple_gpu_that_is_built_in_and_absent_is_not_used(monkeypatch, capsys):
    """fastai takes one, unless told not to; its own transforms would then be elsewhere than the data."""
    monkeypatch.setattr(defaults, "use_cuda", None)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_built", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    names = {"torch": torch, "default_device": default_device}
    exec(next(cell.source for cell in read(2).cells if "\ndevice = " in cell.source), names)
    assert names["device"].type == default_device().type == "cpu"
    assert "the CPU" in capsys.readouterr().out
