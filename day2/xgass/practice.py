"""500 real pictures with the oxygen abundance of their gas; simulated ones where they cannot be had."""

import io
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

import numpy as np
import pandas as pd

from . import DATA, DataError, DiskError, is_fast
from .catalog import simulated_universe
from .fetch import fetch_in_time, why, write_atomic
from .pictures import cannot_be_read, file_fault
from .words import cannot_be_used

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
            raise DataError(cannot_be_used("PRACTICE_DATA", error)) from error
        print(_real_line(table))
        return table
    if "mock" in (os.environ.get("PRACTICE_SOURCE"), os.environ.get("XGASS_SOURCE")):
        return _simulated("as chosen")
    try:
        table = get_practice()
    except DataError as error:
        return _simulated(str(error))
    print(_real_line(table))
    return table


def get_practice() -> pd.DataFrame:
    """Read ``data/practice``; if it is not there, or spoiled, after a download of it.

    Returns and raises as `read_practice` and `download_practice` do.
    """
    folder = DATA / "practice"
    try:
        return read_practice(folder)
    except DiskError:
        raise
    except DataError:
        pass  # a download puts it right
    download_practice(folder)
    return read_practice(folder)


def _real_line(table: pd.DataFrame) -> str:
    """Return the line that says that these are the real pictures."""
    return f"Using {len(table)} real pictures with their oxygen abundance (SDSS; Tremonti et al. 2004)."


def read_practice(folder: Path) -> pd.DataFrame:
    """Read a folder with ``train/``, ``test/`` and ``catalogs/``, and verify all of it.

    Raises
    ------
    DiskError
        The disk does not let a file be read.
    DataError
        Something is missing, spoiled, or not what was published.
    """
    parts = [_read_part(folder, part) for part in COUNTS]
    table = pd.concat(parts)
    if table.index.has_duplicates:
        raise DataError(f"galaxy {table.index[table.index.duplicated()][0]} comes twice")
    table.attrs.update(source="sdss", label=REAL_LABEL)
    return _fast_subset(table)


def _read_part(folder: Path, part: str) -> pd.DataFrame:
    """Read "train" or "test": its table and its pictures."""
    name = f"catalogs/{part}.csv"
    raw = _read_bytes(folder, name)
    try:
        table = pd.read_csv(io.BytesIO(raw), dtype={"objID": str})
    except ValueError as error:
        raise DataError(f"{name}: no table ({type(error).__name__})") from error
    if not {"objID", "oh_p50"} <= set(table):
        raise DataError(f"{name}: the columns are objID and oh_p50, not {', '.join(map(str, table))[:80]}")
    if len(table) != COUNTS[part]:
        raise DataError(f"{name}: {len(table)} galaxies, {COUNTS[part]} are needed")
    label = pd.to_numeric(table["oh_p50"], errors="coerce")
    is_wrong = ~label.between(*RANGE)
    if is_wrong.any():
        raise DataError(f"{name}: a value of oh_p50 that cannot be, in row {int(is_wrong.argmax()) + 1}")
    images = [folder / part / f"{galaxy}.jpg" for galaxy in table["objID"]]
    for image in images:
        fault = file_fault(image, SIDE)
        if fault:
            raise DataError(f"{part}/{image.name}: {fault}")
    columns = {
        "image": [str(image) for image in images],
        "label": label.to_numpy(float),
        "test": part == "test",
    }
    return pd.DataFrame(columns, index=pd.Index(table["objID"], name="id"))


def _read_bytes(folder: Path, name: str) -> bytes:
    """Read a file of a folder; raises as `read_practice` does."""
    try:
        return (folder / name).read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise DataError(f"{name}: {why(error)}") from error
    except OSError as error:
        raise DiskError(cannot_be_read(name, error)) from error


def download_practice(folder: Path) -> None:
    """Get the archive in one request, verify it, and put it into `folder`: whole or not at all.

    Where there is a folder already, its files are replaced one by one, each whole, and whatever else a
    learner keeps there stays. The folder may be a link, to a scratch disk, say.

    Raises
    ------
    DataError
        The archive cannot be had, is not what was published, or cannot be written.
    """
    raw = fetch_in_time(ADDRESS, SECONDS, most=MOST)
    target = folder.resolve()  # what a link leads to may have to be made first
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{folder.name}.", dir=target.parent) as place:
            unpacked = Path(place) / "unpacked"
            _unpack(raw, unpacked)
            read_practice(unpacked)
            if not target.exists():
                os.replace(unpacked, target)
                return
            for path in unpacked.glob("*/*"):
                write_atomic(target / path.relative_to(unpacked), path.read_bytes())
    except OSError as error:
        raise DataError(f"data/{folder.name} cannot be written: {why(error)}") from error


def _unpack(raw: bytes, folder: Path) -> None:
    """Write the tables and pictures of the archive, and nothing else of it, below `folder`."""
    wanted = {"train": ".jpg", "test": ".jpg", "catalogs": ".csv"}
    total = 0
    try:
        with ZipFile(io.BytesIO(raw)) as archive:
            for info in archive.infolist():
                names = Path(info.filename).parts[1:]  # below the folder named by the commit
                if len(names) != 2 or Path(names[1]).suffix != wanted.get(names[0]):
                    continue
                total += info.file_size
                if total > MOST:
                    raise DataError(f"the archive holds more than {MOST / 1e6:.0f} MB")
                path = folder / names[0] / names[1]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(archive.read(info))
    except (OSError, DataError):
        raise
    except Exception as error:  # zipfile and zlib raise half a dozen kinds on broken archives
        raise DataError(f"the archive is no whole zip file ({type(error).__name__})") from error


def _simulated(reason: str) -> pd.DataFrame:
    """Take 500 simulated galaxies and another label; say why."""
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
    table = _fast_subset(table)
    print(f"Using {len(table)} SIMULATED pictures; the label is {MOCK_LABEL} ({reason}).")
    return table


def _fast_subset(table: pd.DataFrame) -> pd.DataFrame:
    """Keep a fixed subset in the fast mode."""
    if not is_fast():
        return table
    train = table[~table["test"]].head(FAST_COUNTS["train"])
    test = table[table["test"]].head(FAST_COUNTS["test"])
    fast = pd.concat([train, test])
    fast.attrs.update(table.attrs)
    return fast
