"""A table that nobody has seen, to practice on."""

import numpy as np
import pandas as pd


def practice_table():
    """Return 240 spectra of 60 simulated stars: eight lines (999: not measured), ids, metallicity."""
    rng, star = np.random.default_rng(7), np.repeat(np.arange(60), 4)
    true = rng.normal(1, 0.3, (60, 8))
    feh = true[:, 0] - 0.7 * true[:, 1] + true[:, 0] * true[:, 2] - 1.8 + rng.normal(0, 0.3, 60)
    feh = feh.clip(max=0.5).round(2)  # hardly any star has more iron than three times the Sun's
    table = pd.DataFrame(true[star] + rng.normal(0, 0.01, (240, 8))).round(3).add_prefix("line_")
    table["line_0"] = table["line_0"].where(rng.random(240) > 0.05, 999)
    return table.assign(spectrum=np.arange(5001, 5241), star=star + 101, feh=feh[star], iron=feh[star] + 7.5)
