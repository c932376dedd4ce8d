"""Downloads from servers, disks and processes that fail: nothing bad is kept, and nothing good is lost."""

import errno
import hashlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import data_made as made
import pandas as pd
import pytest
from data_made import FITS, GOOD, HALF, http, put, put_pictures, serve

from xgass import DataError, __main__, catalog, load_catalog, pictures
from xgass.fetch import fetch, write_atomic

ASCII = FITS.replace(".fits", ".ascii")
ENV = {**os.environ, "PYTHONPATH": str(made.ROOT / "day2")}


def come_from(monkeypatch, server, fits=b""):
    """Let the catalogue (FITS with its hash, or text) and the pictures (two services) come from a server."""
    known = {f"{server.url}/{FITS}": hashlib.sha256(fits).hexdigest(), f"{server.url}/{ASCII}": None}
    monkeypatch.setattr(catalog, "CATALOGUE", known)
    monkeypatch.setattr(
        pictures, "PICTURES", {n: f"{server.url}/{n}?ra={{ra:f}}&dec={{dec:f}}" for n in ("first", "second")}
    )


def galaxies(n):
    """Return a catalogue of n galaxies with ids 1000, 1001, ...; the position tells which one it is."""
    return pd.DataFrame({"RA": [i / 100 for i in range(n)], "DEC": 1.5}, index=range(1000, 1000 + n))


def there(folder):
    """Return the ids of the pictures in a folder: all good, and nothing else but what a kill may leave."""
    files = [path for path in folder.iterdir() if not path.name.endswith(".tmp")]
    assert all(path.suffix == ".jpg" and path.read_bytes() == GOOD for path in files)
    return sorted(int(path.stem) for path in files)


def trickle():
    yield http(GOOD)[:100]
    while True:
        time.sleep(0.2)
        yield b"x"


TURNS = itertools.cycle([200, 429])
FAULTS = {
    "404": lambda: [http(status=404)],
    "429": lambda: [http(status=429, Retry_After="3600")],
    "429 now and then": lambda: [http(GOOD, next(TURNS))],
    "429 until a day": lambda: [http(status=429, Retry_After="Fri, 31 Dec 2100 23:59:59 GMT")],
    "500": lambda: [http(status=500)],
    "a web page": lambda: [http(b"<html>maintenance</html>")],
    "nothing": lambda: [http()],
    "no HTTP": lambda: [b"\r\n"],
    "endless": lambda: [b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 100_000] * 600],
    "hanging": lambda: [None],
    "trickling": trickle,
    "cut": lambda: [http(GOOD)[:-500]],
    "cut in silence": lambda: [http(HALF)],
    "another file": lambda: [http(made.jpeg(128))],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_after_a_bad_answer_the_text_file_is_taken(fault, df, fits, data, monkeypatch):
    monkeypatch.setitem(catalog.SECONDS, "auto", 5.0)
    text = made.text(df).encode()
    with serve(lambda path: FAULTS[fault]() if path.endswith(".fits") else [http(text)]) as server:
        come_from(monkeypatch, server, fits)
        assert load_catalog().attrs["source"] == "xgass"
    assert [path.name for path in (data / "xgass").iterdir()] == [ASCII]


def test_no_more_than_5_megabytes_are_taken(data):
    with (
        serve(lambda path: FAULTS["endless"]()) as server,
        pytest.raises(DataError, match="larger than 5 MB"),
    ):
        fetch(server.url)


def test_a_good_copy_is_never_replaced_by_a_bad_one_and_a_bad_one_is(fits, data, monkeypatch):
    put(data / "xgass", b"<html>")
    with serve(lambda path: [http(fits[:50_000])]) as server:
        come_from(monkeypatch, server, fits)
        with pytest.raises(DataError, match=f"{FITS}: a web page.* known hash.* cut off.*make data"):
            load_catalog("xgass")
        put(data / "xgass", fits)
        assert load_catalog("xgass").attrs["source"] == "xgass"
    put(data / "xgass", b"<html>")
    with serve(lambda path: [http(fits)]) as server:
        come_from(monkeypatch, server, fits)
        assert load_catalog().attrs["source"] == "xgass"
    assert (data / "xgass" / FITS).read_bytes() == fits and len([*(data / "xgass").iterdir()]) == 1


@pytest.mark.parametrize("images", [False, True])
def test_a_name_look_up_that_hangs_ends_with_the_time_allowed(images, fits, data, monkeypatch, capsys):
    """It would hang for a minute, and then say something else."""
    assert catalog.SECONDS["auto"] < 10
    if images:
        put(data / "xgass", fits)
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: over.wait(60) and [])
    monkeypatch.setitem(catalog.SECONDS, "auto", 0.5)
    assert load_catalog(images=images).attrs["source"] == "mock"
    over.set()
    assert "no answer in time" in capsys.readouterr().out


@pytest.mark.parametrize("when", ["from the start", "later"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_service_is_left_for_the_next_one(fault, when, monkeypatch, tmp_path):
    monkeypatch.setattr(pictures, "STALL", 3.0)

    def answer(path):
        bad = path.startswith("/first") and (when == "from the start" or "ra=187" not in path)
        time.sleep(0.1 if bad else 0)  # as long as any real one takes: whoever counts the failures keeps up
        return FAULTS[fault]() if bad else [http(GOOD)]

    with serve(answer) as server:
        come_from(monkeypatch, server)
        assert pictures.download_pictures(galaxies(120), tmp_path / "images", 5.0) == ""
        first = [path for path in server.paths if path.startswith("/first")]
    assert there(tmp_path / "images") == list(range(1000, 1120))
    assert len(first) <= (80 if fault != "500" else 240)  # 1 + 8 + 8, and some; 500 is asked three times


def test_pictures_are_asked_for_politely_and_one_that_nobody_has_stops_nothing(monkeypatch, tmp_path):
    def answer(path):
        time.sleep(0.05)
        yield http(status=404) if "ra=0.04" in path else http(GOOD)

    with serve(answer) as server:
        come_from(monkeypatch, server)
        said = pictures.download_pictures(galaxies(40), tmp_path / "images", 10.0)
    assert said == "1 pictures did not come (first: HTTP 404; second: HTTP 404)"
    assert there(tmp_path / "images") == [1000, 1001, 1002, 1003, *range(1005, 1040)]
    assert 2 <= server.most <= pictures.AT_ONCE + 1 <= 9  # the trial of the second service is one more
    assert "/first?ra=0.050000&dec=1.500000" in server.paths


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS])
@pytest.mark.parametrize("what", ["data/xgass", "xgass/images"])
def test_a_full_or_read_only_disk_is_named(what, error, fits, data, monkeypatch, capsys):
    def refuse(old, new):
        raise OSError(error, os.strerror(error))

    if what == "xgass/images":
        put(data / "xgass", fits)
    with serve(lambda path: [http(fits if path.endswith(".fits") else GOOD)]) as server:
        come_from(monkeypatch, server, fits)
        monkeypatch.setattr(os, "replace", refuse)
        assert load_catalog(images=True).attrs["source"] == "mock"
        assert f"{what} cannot be written: {os.strerror(error)}" in capsys.readouterr().out
        with pytest.raises(DataError, match=f"{what} cannot be written: {os.strerror(error)}.*What to do"):
            load_catalog("xgass", images=True)
    assert [path.name for path in (data / "xgass").rglob("*.*")] == [FITS] * (what == "xgass/images")


def test_a_file_that_cannot_be_written_whole_leaves_the_old_one(monkeypatch, tmp_path):
    path = put(tmp_path / "folder", "the old one", "file") / "file"
    monkeypatch.setattr(os, "fsync", lambda file: os.close(file) or os.write(file, b""))
    with pytest.raises(OSError):
        write_atomic(path, b"the new one")
    assert [path.read_text() for path in path.parent.iterdir()] == ["the old one"]


MAKE_DATA = """
import signal, sys
from pathlib import Path
from xgass import __main__, catalog, pictures
signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is ignored
url, sha256, folder = sys.argv[1:]
catalog.DATA = Path(folder)
catalog.CATALOGUE = {url + "/xGASS_representative_sample.fits": sha256}
pictures.PICTURES = {"sky": url + "/?ra={ra}"}
sys.exit(__main__.main())
"""


def make_data(server, fits, data):
    """Start `make data` in a process of its own."""
    command = [sys.executable, "-c", MAKE_DATA, server.url, hashlib.sha256(fits).hexdigest(), data]
    return subprocess.Popen(command, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(condition):
    end = time.monotonic() + 60
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition(), "waited in vain"


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_killed_or_interrupted_goes_on_from_there(kill, df, fits, data):
    images, silent = data / "xgass" / "images", threading.Event()

    def answer(path):
        if path.endswith(".fits"):
            yield from [http(fits)[:90_000], None]
        yield None if silent.is_set() and "ra=187" not in path and len(server.paths) > 60 else http(GOOD)

    with serve(answer) as server:  # in the middle of the catalogue
        process = make_data(server, fits, data)
        wait_for(lambda: server.paths)
        process.send_signal(kill)
        process.communicate()
        assert not (data / "xgass").exists()
    put_pictures(put(data / "xgass", fits), df["GASS"][:1000])
    silent.set()
    with serve(answer) as server:  # in the middle of the pictures
        process = make_data(server, fits, data)
        wait_for(lambda: len([*images.glob("[0-9]*")]) > 1040)
        process.send_signal(kill)
        _, said = process.communicate()
    assert kill == signal.SIGKILL or said.rstrip().endswith("What has arrived is kept: `make data` goes on.")
    kept = len([*images.glob("[0-9]*")])
    silent.clear()
    with serve(answer) as server:
        two = [make_data(server, fits, data) for _ in range(2)]  # and two at once do no harm
        (out, _), _ = [process.communicate() for process in two]
        assert len(server.paths) <= 2 * (1 + 1179 - kept)
    assert [process.returncode for process in two] == [0, 0] and len(there(images)) == 1179
    assert "1179 galaxies (Cat" in out and "Sloan Digital Sky Survey" in out


def test_make_data_without_a_network_says_so_and_fails(capsys):
    assert __main__.main() == 1
    assert "127.0.0.1:9: no network connection. What has arrived is kept" in capsys.readouterr().err
