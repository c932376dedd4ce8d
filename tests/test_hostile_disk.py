"""Disks and processes that fail: full, read-only, shared, killed at any moment. Nothing that came is lost."""

import csv
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from urllib.parse import parse_qs, urlsplit

import pytest
import xgass_tables as tables
from misbehaving_server import file_with_range, jpeg, reply, serve, wait_for
from xgass_tables import FITS, ROOT

from xgass import DataError, pictures

N_PICTURES = 60
GOOD = jpeg()
WAY_OUT = "What has arrived is kept: put that right, and `make data` goes on from there."

# `make data` (or load_catalog), with the services on the loopback interface and the first 60 galaxies only.
CHILD = f"""
import json, signal, sys
from functools import partial
from pathlib import Path
import xgass
from xgass import __main__, catalog, download, pictures
what, url, sha256, folder = sys.argv[1:]
files = download.Source("{FITS}", url + "/{FITS}", sha256, ""),
sky = download.Source("sky", url + "/sky?ra={{ra}}&dec={{dec}}", None, ""),
get = partial(download.download_catalogue, files=files)
def get_pictures(df, folder):
    return pictures.download_pictures(df.head({N_PICTURES}), folder, sky, pause=0.0, backoff=0.01)
catalog.DATA = __main__.DATA = Path(folder)
catalog.download_catalogue = get
catalog.download_pictures = __main__.download_pictures = get_pictures
signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is ignored
print("ready", flush=True)
if what == "make":
    status = __main__.main()
else:
    status = 0
    try:
        xgass.load_catalog(images=what == "images")
    except xgass.DataError as error:
        print(error, file=sys.stderr)
        status = 1
kept = [str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file()]
print(json.dumps([name for name in kept if not name.startswith("mock")]))
sys.exit(status)
"""


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    return tables.write_fits(tables.as_real(), tmp_path_factory.mktemp("fits") / FITS).read_bytes()


@pytest.fixture
def data(tmp_path):
    """A data folder with the simulated catalogue, so that there is something to fall back on."""
    (tmp_path / "data" / "mock").mkdir(parents=True)
    shutil.copy(tables.MOCK / "catalog.csv", tmp_path / "data" / "mock")
    return tmp_path / "data"


def start(server, raw, folder, what="make", before=()):
    sha256 = hashlib.sha256(raw).hexdigest()
    return subprocess.Popen(
        [*before, sys.executable, "-c", CHILD, what, server.url, sha256, str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "day2"), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def end(process):
    """What it printed, its last line of errors (a progress bar uses the same channel), what it left."""
    out, errors = process.communicate(timeout=120)
    assert "Traceback" not in errors, errors
    *out, kept = out.strip().splitlines()
    last = errors.replace("\r", "\n").strip().splitlines()
    return out[1:], last[-1].strip() if last else "", json.loads(kept)


def services(raw, delay=0.0):
    def answer(path, headers):
        time.sleep(delay)
        return file_with_range(raw, headers) if path.endswith(".fits") else reply(GOOD)

    return answer


def whole(data, raw):
    """The ids of the pictures: each, and the catalogue if there is one, must be whole."""
    folder = data / "xgass"
    for path in folder.glob("xGASS*"):
        assert path.read_bytes() == raw
    for path in folder.glob("images/*.jpg"):
        pictures.check_picture(path.read_bytes())
    return {int(path.stem) for path in folder.glob("images/*.jpg")}


def lines_of(folder):
    with open(folder / "manifest.csv", newline="", encoding="utf-8") as file:
        return {int(line["id"]): line for line in csv.DictReader(file)}


def nothing_half_written(data):
    """Neither in sight nor hidden: only a released piece of the catalogue may wait for the next run."""
    left = [path.name for path in (data / "xgass").rglob("*") if path.is_file()]
    assert not [name for name in left if name.endswith(".tmp") or name.startswith(".")], left


# ------------------------------------------------------------------------------------ two processes


def test_two_notebooks_may_download_everything_at_once(raw, data):
    with serve(services(raw, delay=0.02)) as server:
        two = [start(server, raw, data) for _ in range(2)]
        results = [end(process) for process in two]
    assert [process.returncode for process in two] == [0, 0], results
    assert len(whole(data, raw)) == N_PICTURES
    nothing_half_written(data)
    lines = lines_of(data / "xgass" / "images")
    assert len(lines) == N_PICTURES
    assert sum(not line["url"] for line in lines.values()) <= 8  # each process knows where its own are from
    assert {line["sha256"] for line in lines.values()} == {hashlib.sha256(GOOD).hexdigest()}
    assert [path.name for path in (data / "xgass" / "images").glob("*.csv")] == ["manifest.csv"]


def test_two_processes_may_clean_one_spoilt_folder(raw, data):
    folder = data / "xgass" / "images"
    folder.mkdir(parents=True)
    (data / "xgass" / FITS).write_bytes(raw)
    for gass in tables.as_real()["GASS"].head(N_PICTURES):
        (folder / f"{gass}.jpg").write_bytes(GOOD[:9000])
    with serve(services(raw)) as server:
        two = [start(server, raw, data) for _ in range(2)]
        results = [end(process) for process in two]
    assert [process.returncode for process in two] == [0, 0], results
    assert len(whole(data, raw)) == N_PICTURES


def test_files_that_another_process_moves_away_stop_nothing(data, monkeypatch):
    """The two moments at which another process may be faster, made certain."""
    df = tables.as_real().set_index("GASS").head(3)
    folder = data / "images"
    folder.mkdir()
    for gass in df.index:
        (folder / f"{gass}.jpg").write_bytes(b"spoilt" if gass == df.index[0] else GOOD)
    (folder / ".1.jpg.0.tmp").symlink_to("nowhere")  # listed, and gone when it is looked at

    def removed_by_another(raw):
        (folder / f"{df.index[0]}.jpg").unlink(missing_ok=True)
        raise DataError("bad")

    monkeypatch.setattr(pictures, "check_picture", removed_by_another)
    assert pictures._start(folder, df.index.tolist()) == {}


# --------------------------------------------------------------------------------- disks that refuse


def in_own_mounts(mount):
    """Words that run a command behind its own mounts; skips where the system does not allow them."""
    if sys.platform != "linux" or not shutil.which("unshare"):
        pytest.skip("needs the mount namespaces of Linux (unshare)")
    for user in ("-m", "-rm"):  # as root, else as root of a user namespace
        before = ["unshare", user, "sh", "-ec", mount + '; exec "$@"', "sh"]
        if subprocess.run([*before, "true"], capture_output=True).returncode == 0:
            return before
    pytest.skip("this system does not let the test mount a file system (unshare -rm, mount)")


@pytest.mark.parametrize("size", [8, 100, 400])  # kB: too small for anything, the catalogue, all pictures
@pytest.mark.parametrize("what", ["make", "auto"])
def test_a_full_disk_is_one_clear_line(what, size, raw, data):
    (data / "xgass").mkdir()
    before = in_own_mounts(f"mount -t tmpfs -o size={size}k none '{data}/xgass'")
    with serve(services(raw)) as server:
        process = start(server, raw, data, what if what == "make" or size < 400 else "images", before)
        if what == "make" or size == 400:
            out, error, kept = end(process)
            assert process.returncode == 1 and "No space left on device" in error, (out, error)
        else:
            out, _, kept = end(process)
            assert process.returncode == 0 and "SIMULATED" in out[-1] and "No space left on device" in out[-1]
    if what == "make":
        assert error.endswith(WAY_OUT)
    shown = [name for name in kept if "/.download/" not in name]
    assert not [name for name in shown if name.endswith((".tmp", ".part"))], shown
    assert (f"xgass/{FITS}" in shown) == (size == 400)
    assert size < 400 or any(name.endswith(".jpg") for name in shown)


def read_only(data):
    """Words that run a command for which `data` is read-only, as root or not."""
    return in_own_mounts(f"mount --bind '{data}' '{data}'; mount -o remount,bind,ro '{data}'")


@pytest.mark.parametrize("there", ["nothing", "the folder", "the catalogue", "a spoilt picture"])
def test_a_read_only_folder_is_one_clear_line(there, raw, data):
    if there != "nothing":
        (data / "xgass" / "images").mkdir(parents=True)
    if there in ("the catalogue", "a spoilt picture"):
        (data / "xgass" / FITS).write_bytes(raw)
    if there == "a spoilt picture":
        (data / "xgass" / "images" / f"{tables.as_real()['GASS'][0]}.jpg").write_bytes(b"spoilt")
    before = read_only(data)
    with serve(services(raw)) as server:
        process = start(server, raw, data, "make", before)
        out, error, kept = end(process)
        assert process.returncode == 1 and error.endswith(f": Read-only file system. {WAY_OUT}"), error
        if "catalogue" not in there:
            assert server.requests == [] or there == "a spoilt picture"  # nothing is asked for in vain
        process = start(server, raw, data, "auto", before)
        out, _, _ = end(process)
    assert process.returncode == 0
    assert ("the real xGASS" in out[-1]) == (there in ("the catalogue", "a spoilt picture"))
    assert "SIMULATED" not in out[-1] or "Read-only file system" in out[-1]


def test_a_complete_read_only_folder_is_used(raw, data):
    (data / "xgass" / "images").mkdir(parents=True)
    (data / "xgass" / FITS).write_bytes(raw)
    for gass in tables.as_real()["GASS"]:
        (data / "xgass" / "images" / f"{gass}.jpg").write_bytes(GOOD)
    with serve(services(raw)) as server:
        process = start(server, raw, data, "images", read_only(data))
        out, _, _ = end(process)
    assert process.returncode == 0 and out[-1].startswith("Using the real xGASS catalogue: 1179 galaxies (")
    assert server.requests == []


# ------------------------------------------------------------------------------------------- killed


def galaxy(path, df):
    """Which galaxy a request is for."""
    ra = float(parse_qs(urlsplit(path).query)["ra"][0])
    return int(df["GASS"].iloc[(df["RA"] - ra).abs().argmin()])


def test_a_run_that_is_killed_again_and_again_loses_nothing(raw, data):
    """Killed at twelve moments from the first byte of the catalogue to the last picture; then left alone."""
    df = tables.as_real().head(N_PICTURES)
    chance = random.Random(4)

    def slowly(path, headers):
        if path.endswith(".fits"):  # in pieces: 40 kB of 144 kB, then silence for a while
            time.sleep(0.05)
            return file_with_range(raw, headers, **({"cut": 40_000, "fault": "stall"} if stall else {}))
        time.sleep(0.1)
        return reply(GOOD)

    kept, moments = {}, []
    for kill in range(12):
        stall = kill < 3
        with serve(slowly) as server:

            def pictures_asked():
                return [path for path, _ in server.requests if "ra=" in path]  # noqa: B023

            process = start(server, raw, data)
            assert process.stdout.readline() == "ready\n"
            enough = chance.randint(1, 9) if kill > 4 else 0
            wait_for(lambda: server.requests and len(pictures_asked()) >= enough, 30)  # noqa: B023
            time.sleep(chance.uniform(0.0, 0.1 if enough else 0.8))
            process.send_signal(signal.SIGKILL)
            process.communicate()
            new = pictures_asked()
        moments.append(len(new))
        got = whole(data, raw)  # nothing in sight is half-written
        folder = data / "xgass" / "images"
        assert set(kept) <= got and not {galaxy(path, df) for path in new} & set(kept)  # nothing came twice
        for gass in kept:
            assert (folder / f"{gass}.jpg").stat().st_ino == kept[gass]
        kept = {gass: (folder / f"{gass}.jpg").stat().st_ino for gass in got}
        for path in data.rglob("xgass/**/*"):  # a minute passes: nobody else is writing these
            if path.suffix in (".tmp", ".part"):
                os.utime(path, (time.time() - 120,) * 2)
    assert sum(count > 0 for count in moments) >= 5 and len(kept) >= 5, moments
    with serve(services(raw)) as server:
        process = start(server, raw, data)
        out, error, _ = end(process)
    assert process.returncode == 0 and whole(data, raw) == set(df["GASS"]), error
    assert f"Pictures: {N_PICTURES} of 1179 are in data/xgass/images." in out
    assert "`make data` asks again" in out[-1]
    assert set(lines_of(data / "xgass" / "images")) == set(df["GASS"])
    nothing_half_written(data)


@pytest.mark.parametrize("after", [0, 3, 20])
def test_an_interrupted_run_says_what_to_do(after, raw, data):
    """Ctrl-C, or the stop button of a notebook."""
    with serve(services(raw, delay=0.1)) as server:
        process = start(server, raw, data)
        while len(server.requests) <= after and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, error, _ = end(process)
    assert process.returncode == 130
    assert error == "Interrupted. What has arrived is kept: `make data` goes on from there."
    whole(data, raw)
    nothing_half_written(data)
