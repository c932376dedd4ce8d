"""A notebook is run once for each class of tests; all of them read that run, and may ask its kernel."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table
from PIL import Image
from runs import offline, varied

from cells import NOTEBOOKS, ROOT, read, solved
from kernels import ask, live


@pytest.fixture(scope="class")
def run(request, tmp_path_factory):
    """Return the run of a class of tests that names `part`, `universe` and `fast`.

    It has `nb` (with outputs), `failure`, `client`, `ask(source)`, which runs more code in the kernel and
    returns its outputs (an error in that code is a CellExecutionError), and `asked`, the file with the names
    of the other machines that it tried to reach. None can be reached.
    """
    part, universe, fast = request.cls.part, request.cls.universe, request.cls.fast
    asked = tmp_path_factory.mktemp("offline") / "asked.txt"
    env = {"XGASS_SOURCE": "mock", "TUTORIAL_FAST": "1" if fast else "", **offline(asked)}
    if universe != "mock":
        needed = {"xgass": "real_catalog", "stand-in": "stand_in"}[universe]
        env |= {"XGASS_SOURCE": "xgass", "XGASS_DATA": str(request.getfixturevalue(needed).parent)}
    if request.cls.real_practice:
        env["PRACTICE_DATA"] = str(request.getfixturevalue("real_practice"))
    else:
        env["PRACTICE_SOURCE"] = "mock"
    nb = solved(read(part))
    with live(nb, NOTEBOOKS[part], ROOT / "day2", **env) as (client, failure):
        yield SimpleNamespace(nb=nb, failure=failure, client=client, ask=partial(ask, client), asked=asked)


@pytest.fixture
def done(run):
    """Return the same, for tests that make no sense if the run broke off."""
    if run.failure:
        pytest.fail(f"the run broke off: {run.failure}", pytrace=False)
    return run


@pytest.fixture(scope="session")
def stand_in(real_catalog, real_place, tmp_path_factory):
    """Return the catalog in a folder that looks like a whole download: the universe of Colab's main path.

    Each galaxy gets a turned, scaled, noisy copy of one of the three real pictures whose galaxies are nearest
    to it in lgGF and NUVr; as with the real services, some (14) have none.
    """
    beside = real_place if real_place.is_dir() else real_place.parent
    table = beside / "images27-labels.csv"
    if not table.is_file():
        pytest.skip(f"no real pictures: {table.name} is not beside the real catalog")
    rng = np.random.default_rng(42)
    axes, models = ["lgGF", "NUVr"], pd.read_csv(table, index_col="GASS")
    galaxies = Table.read(real_catalog)[["GASS", *axes]].to_pandas().set_index("GASS")
    pictures = {id: Image.open(table.parent / f"images27/{id}.jpg").convert("RGB") for id in models.index}
    folder = tmp_path_factory.mktemp("stand-in")
    (folder / "images").mkdir()
    (folder / real_catalog.name).symlink_to(real_catalog)
    galaxies = galaxies.where(galaxies > -90, galaxies.median(), axis=1)
    where, known = (galaxies / galaxies.std()).to_numpy(), (models[axes] / galaxies.std()).to_numpy()
    missing = rng.choice(galaxies.index, 14, replace=False)
    for id, place in zip(galaxies.index, where, strict=True):
        nearest = np.argsort(((known - place) ** 2).sum(axis=1))[:3]
        picture = varied(pictures[models.index[rng.choice(nearest)]], rng)
        if id not in missing:
            picture.save(folder / "images" / f"{id}.jpg", quality=88)
    return folder / real_catalog.name
