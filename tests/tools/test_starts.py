"""The table over rounds and starts: which way is better, and by how much for sure."""

import numpy as np
import pandas as pd

from starts import practice_table


def test_a_smaller_error_is_a_gain_with_an_interval_above_zero():
    rng = np.random.default_rng(1)
    label = pd.Series(rng.normal(0, 1, 300), [f"g{i}" for i in range(300)])
    index = pd.MultiIndex.from_product([[0, 1], label.index], names=["round", "id"])
    doubled = np.tile(label.to_numpy(), 2)
    said = {way: doubled + rng.normal(0, 0.5, 600) for way in ("rings", "random kernels", "from nothing")}
    said["probe"] = doubled + rng.normal(0, 0.1, 600)
    table = practice_table(pd.DataFrame(said, index), label)
    assert abs(table.loc["probe", "RMSE"] - 0.1) < 0.02 and table.loc["probe", "R2"] > 0.97
    low, high = map(float, table.loc["probe", "rings minus this"].split(" to "))
    assert 0.3 < low < high < 0.5
    low, high = map(float, table.loc["random kernels", "rings minus this"].split(" to "))
    assert low < 0 < high
