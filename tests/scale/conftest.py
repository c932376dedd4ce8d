"""What the tests of the scripts share: a table as a learner may have it, and weights to predict with."""

import pytest
import torch
from accelerate.state import AcceleratorState
from processes import own_table

from scale import network


@pytest.fixture
def folder(tmp_path):
    """Make a folder with a blank in its name and 40 galaxies in `my_table.csv`."""
    own_table(tmp_path / "my data", 40)
    yield tmp_path / "my data"
    AcceleratorState._reset_state(reset_partial_state=True)  # it outlives a training in the same process


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """Save an untrained network, which predicts as well as it can: the same for the same picture."""
    torch.manual_seed(0)
    saved = {"mean": torch.full((3,), 0.1), "std": torch.full((3,), 0.2)}
    saved |= {"weights": network.untrained().state_dict()}
    path = tmp_path_factory.mktemp("weights") / "weights.pt"
    torch.save({**saved, "label": "v", "label_mean": 7100.0, "label_std": 400.0}, path)
    return path
