"""Train for two steps on each of several processes (torchrun), and save the weights that each one holds."""
# ruff: noqa: E402

import os
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "day2"))
from scale.train import Settings, train

folder = Path(sys.argv[1])
settings = Settings(epochs=1, batch=64, missing=(-99.0,))
network = train(folder / "my_table.csv", "lgGF", folder / "ranks", settings)
torch.save(dict(network.named_parameters()), folder / f"rank{os.environ['RANK']}.pt")
