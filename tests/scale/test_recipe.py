"""The scripts and part 2 train alike, and a checkpoint is trusted only when it is whole."""

import fastai.callback.schedule  # noqa: F401  # gives the Learner its fit_one_cycle
import pytest
import torch
from fastai.callback.core import Callback
from fastai.data.core import DataLoaders
from fastai.learner import Learner
from torch.utils.data import DataLoader, TensorDataset

from scale import network
from scale.archives import load_whole, save_whole
from xgass import DataError

HELD = ("lr", "betas", "eps", "weight_decay")


class Note(Callback):
    """Note what the optimizer holds at each step."""

    order = 70  # after the schedule has set it

    def before_fit(self):
        self.held = []

    def before_batch(self):
        if self.training:
            self.held.append([[group[name] for name in HELD] for group in self.learn.opt.opt.param_groups])


def test_the_optimizer_holds_at_each_step_what_that_of_part_2_holds():
    data = TensorDataset(torch.randn(12, 3), torch.randn(12, 1))
    loaders = DataLoaders(DataLoader(data, 4), DataLoader(data, 4))
    learn = Learner(loaders, torch.nn.Linear(3, 1), torch.nn.MSELoss(), opt_func=network.fastai_adamw)
    learn.remove_cbs(learn.cbs.filter(lambda callback: callback.name in ("progress", "recorder")))
    learn.add_cb(Note())
    learn.fit_one_cycle(4, lr_max=network.LEARNING_RATE)
    own = network.adamw(torch.nn.Linear(3, 1).parameters())
    assert len(learn.note.held) == 12
    for step, (group,) in enumerate(learn.note.held):
        network.set_rate(own, step / 12)
        (there,) = own.param_groups
        rate, betas, eps, decay = group
        assert there["lr"] == pytest.approx(rate, rel=1e-4)
        assert there["betas"] == pytest.approx(betas, rel=1e-5)
        assert (there["eps"], there["weight_decay"]) == (eps, decay) == (1e-5, 0.01)


@pytest.mark.parametrize("cut", ["empty", "half", "one bit"])
def test_a_damaged_file_is_not_trusted(tmp_path, cut):
    path = tmp_path / "checkpoint.pt"
    save_whole(path, {"weights": torch.arange(10_000.0)})
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes({"empty": b"", "half": raw[: len(raw) // 2], "one bit": raw}[cut])
    with pytest.raises(DataError, match="is damaged or of another kind"):
        load_whole(path)


def test_what_a_pickle_says_is_not_run(tmp_path):
    class Runs:
        def __reduce__(self):
            return (open, (str(tmp_path / "was run"), "w"))

    torch.save({"weights": Runs()}, tmp_path / "checkpoint.pt")
    with pytest.raises(DataError, match="is damaged or of another kind"):
        load_whole(tmp_path / "checkpoint.pt")
    assert not (tmp_path / "was run").exists()
