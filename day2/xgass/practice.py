"""500 real pictures with the oxygen abundance of their gas; simulated ones where they cannot be had."""

import io
import os
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pandas as pd

from . import DATA, DataError, is_fast
from .fetch import fetch_in_time, why
from .pictures import picture_fault

COMMIT = "3469bbceb7d38b531ad16779d71f9f50627f76b6"
ADDRESS = f"https://github.com/jwuphysics/convnet-demo/archive/{COMMIT}.zip"
MOST = 20_000_000  # bytes; the archive has 2.9 MB
SECONDS = 60.0  # for the archive
COUNTS = {"train": 400, "test": 100}  # galaxies of each part, as published
FAST_COUNTS = {"train": 100, "test": 40}
SIDE = 128  # px of each picture
RANGE = (7.0, 10.0)  # of 12 + log10(O/H): no galaxy is beyond
REAL_LABEL = "12 + log10(O/H)"
MOCK_LABEL = "the concentration CINDX of simulated galaxies"
SEED = 42


def load_practice() -> pd.DataFrame:
    """Load 500 real SDSS pictures with a label, and print one line that says which they are.

    Taken from the folder that ``PRACTICE_DATA`` names; else from ``data/practice``, after one download into
    it; else simulated galaxies step in.

    Returns
    -------
    pandas.DataFrame
        By ``id`` (str): ``image`` (absolute path, str), ``label`` (float; what it is, says
        ``attrs["label"]``) and ``test`` (bool: 100 of the 500 that no model may be fitted on).
        ``attrs["source"]`` is "sdss" or "mock". With ``TUTORIAL_FAST=1``: a fixed 100 + 40 of them.

    Raises
    ------
    DataError
        The folder that ``PRACTICE_DATA`` names does not serve, or the simulated sample is not whole.
    """
    named = os.environ.get("PRACTICE_DATA", "").strip()
    if named:
        try:
            table = read_practice(Path(named).expanduser().absolute())
        except DataError as error:
            way_out = "put that right, or unset PRACTICE_DATA (then data/practice is taken)"
            raise DataError(f"PRACTICE_DATA cannot be used: {error}. What to do: {way_out}") from error
        print(_real_line(table))
        return table
    if "mock" in (os.environ.get("PRACTICE_SOURCE"), os.environ.get("XGASS_SOURCE")):
        return _simulated("as chosen")
    try:
        table = keep_practice()
    except DataError as error:
        return _simulated(str(error))
    print(_real_line(table))
    return table


def keep_practice() -> pd.DataFrame:
    """Read ``data/practice``; if it is not there, or spoilt, after a download of it.

    Returns and raises as `read_practice` and `download_practice` do.
    """
    folder = DATA / "practice"
    if folder.is_dir():
        try:
            return read_practice(folder)
        except DataError:
            pass
    download_practice(folder)
    return read_practice(folder)


def _real_line(table: pd.DataFrame) -> str:
    return f"Using {len(table)} real pictures with their oxygen abundance (SDSS; Tremonti et al. 2004)."


def read_practice(folder: Path) -> pd.DataFrame:
    """Read a folder with ``train/``, ``test/`` and ``catalogs/``, and verify all of it.

    Raises
    ------
    DataError
        Something is missing, spoilt, or not what was published.
    """
    parts = [_read_part(folder, part) for part in COUNTS]
    table = pd.concat(parts)
    if table.index.has_duplicates:
        raise DataError(f"galaxy {table.index[table.index.duplicated()][0]} comes twice")
    table.attrs.update(source="sdss", label=REAL_LABEL)
    return _fast_part(table)


def _read_part(folder: Path, part: str) -> pd.DataFrame:
    """Read "train" or "test": its table and its pictures."""
    path = folder / "catalogs" / f"{part}.csv"
    name = f"catalogs/{part}.csv"
    try:
        table = pd.read_csv(path, dtype={"objID": str})
    except OSError as error:
        raise DataError(f"{name}: {why(error)}") from error
    except ValueError as error:
        raise DataError(f"{name}: no table ({type(error).__name__})") from error
    if not {"objID", "oh_p50"} <= set(table):
        raise DataError(f"{name}: the columns are objID and oh_p50, not {', '.join(map(str, table))[:80]}")
    if len(table) != COUNTS[part]:
        raise DataError(f"{name}: {len(table)} galaxies, {COUNTS[part]} are needed")
    label = pd.to_numeric(table["oh_p50"], errors="coerce")
    if not label.between(*RANGE).all():
        raise DataError(
            f"{name}: a value of oh_p50 that cannot be, in row {int((~label.between(*RANGE)).argmax()) + 1}"
        )
    images = [folder / part / f"{galaxy}.jpg" for galaxy in table["objID"]]
    for image in images:
        fault = picture_fault(image, SIDE)
        if fault:
            raise DataError(f"{part}/{image.name}: {fault}")
    columns = {
        "image": [str(image) for image in images],
        "label": label.to_numpy(float),
        "test": part == "test",
    }
    return pd.DataFrame(columns, index=pd.Index(table["objID"], name="id"))


def download_practice(folder: Path) -> None:
    """Get the archive in one request, verify it, and put it into `folder`: whole or not at all.

    Raises
    ------
    DataError
        The archive cannot be had, is not what was published, or cannot be written.
    """
    raw = fetch_in_time(ADDRESS, SECONDS, most=MOST)
    new = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        _unpack(raw, new)
        read_practice(new)
        _remove(folder)
        os.replace(new, folder)
    except OSError as error:
        raise DataError(f"data/{folder.name} cannot be written: {why(error)}") from error
    finally:
        _remove(new)


def _unpack(raw: bytes, folder: Path) -> None:
    """Write the tables and pictures of the archive, and nothing else of it, below `folder`."""
    wanted = {"train": ".jpg", "test": ".jpg", "catalogs": ".csv"}
    total = 0
    try:
        with ZipFile(io.BytesIO(raw)) as archive:
            for info in archive.infolist():
                place = Path(info.filename).parts[1:]  # below the folder named by the commit
                if len(place) != 2 or Path(place[1]).suffix != wanted.get(place[0]):
                    continue
                total += info.file_size
                if total > MOST:
                    raise DataError(f"the archive holds more than {MOST / 1e6:.0f} MB")
                path = folder / place[0] / place[1]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(archive.read(info))
    except (OSError, DataError):
        raise
    except Exception as error:  # zipfile and zlib raise half a dozen kinds on broken archives
        raise DataError(f"the archive is no whole zip file ({type(error).__name__})") from error


def _remove(folder: Path) -> None:
    """Remove a folder of folders of files, if it is there."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink()
    if folder.is_dir():
        folder.rmdir()


def _simulated(reason: str) -> pd.DataFrame:
    """Take 500 simulated galaxies and another label; say why."""
    from .catalog import simulated_universe

    galaxies = simulated_universe(images=True).sort_index()
    chosen = np.random.default_rng(SEED).permutation(len(galaxies))[: sum(COUNTS.values())]
    galaxies = galaxies.iloc[chosen]
    columns = {
        "image": galaxies["image"].to_numpy(),
        "label": galaxies["CINDX"].to_numpy(),
        "test": np.arange(len(galaxies)) >= COUNTS["train"],
    }
    table = pd.DataFrame(columns, index=pd.Index(galaxies.index.astype(str), name="id"))
    table.attrs.update(source="mock", label=MOCK_LABEL)
    table = _fast_part(table)
    print(f"Using {len(table)} SIMULATED pictures; the label is {MOCK_LABEL} ({reason}).")
    return table


def _fast_part(table: pd.DataFrame) -> pd.DataFrame:
    """Keep a fixed subset in the fast mode."""
    if not is_fast():
        return table
    train = table[~table["test"]].head(FAST_COUNTS["train"])
    test = table[table["test"]].head(FAST_COUNTS["test"])
    fast = pd.concat([train, test])
    fast.attrs.update(table.attrs)
    return fast
