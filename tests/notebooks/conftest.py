"""A notebook is run once for each class of tests; all of them read that run, and may ask its kernel."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image
from runs import NOTEBOOKS, read, varied

from notebooks import ROOT, live, solved


@pytest.fixture(scope="class")
def run(request):
    """Return the run of a class of tests that names `part`, `universe` and `fast`.

    It has `nb` (with outputs), `failure`, and `ask(source)`, which runs more code in the kernel and returns
    its outputs; an error in that code is a CellExecutionError.
    """
    part, universe, fast = request.cls.part, request.cls.universe, request.cls.fast
    env = {"XGASS_SOURCE": "mock", "TUTORIAL_FAST": "1" if fast else ""}
    if universe != "mock":
        needed = {"xgass": "real_catalogue", "stand-in": "stand_in"}[universe]
        env |= {"XGASS_SOURCE": "xgass", "XGASS_DATA": str(request.getfixturevalue(needed).parent)}
    nb = solved(read(part))
    with live(nb, NOTEBOOKS[part], ROOT / "day2", **env) as (client, failure):
        client.nb = new_notebook(cells=[new_code_cell()])  # what is asked leaves no trace in the run

        def ask(source):
            cell = new_code_cell(source)
            client.execute_cell(cell, 0, store_history=False)
            return cell.outputs

        yield SimpleNamespace(nb=nb, failure=failure, ask=ask)


@pytest.fixture
def done(run):
    """Return the same, for tests that make no sense if the run broke off."""
    if run.failure:
        pytest.fail(f"the run broke off: {run.failure}", pytrace=False)
    return run


@pytest.fixture(scope="session")
def stand_in(real_catalogue, tmp_path_factory):
    """Return the catalogue in a folder that looks like a whole download: the universe of Colab's main path.

    Each galaxy gets a turned, scaled, noisy copy of one of the three real pictures whose galaxies are nearest
    to it in lgGF and NUVr; as with the real services, some (14) have none.
    """
    table = real_catalogue.parent / "images27-labels.csv"
    if not table.is_file():
        pytest.skip(f"no real pictures: {table.name} is not beside the real catalogue")
    rng = np.random.default_rng(42)
    axes, models = ["lgGF", "NUVr"], pd.read_csv(table, index_col="GASS")
    galaxies = Table.read(real_catalogue)[["GASS", *axes]].to_pandas().set_index("GASS")
    pictures = {id: Image.open(table.parent / f"images27/{id}.jpg").convert("RGB") for id in models.index}
    folder = tmp_path_factory.mktemp("stand-in")
    (folder / "images").mkdir()
    (folder / real_catalogue.name).symlink_to(real_catalogue)
    galaxies = galaxies.where(galaxies > -90, galaxies.median(), axis=1)
    where, known = (galaxies / galaxies.std()).to_numpy(), (models[axes] / galaxies.std()).to_numpy()
    missing = rng.choice(galaxies.index, 14, replace=False)
    for id, place in zip(galaxies.index, where, strict=True):
        nearest = np.argsort(((known - place) ** 2).sum(axis=1))[:3]
        picture = varied(pictures[models.index[rng.choice(nearest)]], rng)
        if id not in missing:
            picture.save(folder / "images" / f"{id}.jpg", quality=88)
    return folder / real_catalogue.name
