"""A table that nobody has seen, to practice on."""

import numpy as np
import pandas as pd

N_STARS = 60
N_SPECTRA = 4  # of each star
N_LINES = 8
HIGHEST_FEH = 0.5  # dex: hardly any star has more than three times the iron of the Sun


def practice_table():
    """Return 240 spectra of 60 simulated stars, with three traps.

    A number stands for a missing value, a star has several spectra, and a column is made from the label.

    Returns
    -------
    pandas.DataFrame
        `line_0` to `line_7`, strengths of eight lines (999: not measured); `spectrum` and `star`, the
        numbers of both; `feh`, the metallicity of the star in dex; `iron`, which is `feh` + 7.5.
    """
    rng = np.random.default_rng(7)
    star = np.repeat(np.arange(N_STARS), N_SPECTRA)
    strength = rng.normal(1, 0.3, (N_STARS, N_LINES))
    feh = strength[:, 0] - 0.7 * strength[:, 1] + strength[:, 0] * strength[:, 2] - 1.8
    feh = feh + rng.normal(0, 0.3, N_STARS)
    feh = feh.round(2).clip(max=HIGHEST_FEH)

    measured = strength[star] + rng.normal(0, 0.01, (len(star), N_LINES))
    table = pd.DataFrame(measured).round(3).add_prefix("line_")
    is_measured = rng.random(len(star)) > 0.05
    table["line_0"] = table["line_0"].where(is_measured, 999)
    table["spectrum"] = np.arange(5001, 5001 + len(star))
    table["star"] = star + 101
    table["feh"] = feh[star]
    table["iron"] = feh[star] + 7.5
    return table
