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
from unittest.mock import Mock

import data_made as made
import pandas as pd
import pytest
from data_made import FITS, GOOD, HALF, http, put, put_pictures, serve

from xgass import DataError, __main__, catalog, load_catalog, pictures
from xgass.fetch import fetch, write_atomic

ASCII = FITS.replace(".fits", ".ascii")


def come_from(monkeypatch, server, fits=b""):
    """Let the catalogue (FITS with its hash, or text) and the pictures (two services) come from a server."""
    known = {f"{server.url}/{FITS}": hashlib.sha256(fits).hexdigest(), f"{server.url}/{ASCII}": None}
    two = {name: f"{server.url}/{name}?ra={{ra:f}}&dec={{dec:f}}" for name in ("first", "second")}
    monkeypatch.setattr(catalog, "CATALOGUE", known)
    monkeypatch.setattr(pictures, "PICTURES", two)


def galaxies(n):
    """Return a catalogue of n galaxies with ids 1000, 1001, ...; the position tells which one it is."""
    return pd.DataFrame({"RA": [i / 100 for i in range(n)], "DEC": 1.5}, index=range(1000, 1000 + n))


def there(folder):
    """Return the ids of the pictures in a folder: all good, and nothing else but what a kill may leave."""
    files = [path for path in folder.iterdir() if not path.name.endswith(".tmp")]
    assert all(path.suffix == ".jpg" and path.read_bytes() == GOOD for path in files)
    return sorted(int(path.stem) for path in files)


TURNS = itertools.cycle([200, 429])
A_DAY = "Fri, 31 Dec 2100 23:59:59 GMT"
FAULTS = {
    "404": lambda: [http(status=404)], "500": lambda: [http(status=500)],
    "429": lambda: [http(status=429, Retry_After="3600")],
    "429 until a day": lambda: [http(status=429, Retry_After=A_DAY)],
    "429 now and then": lambda: [http(GOOD, next(TURNS))],
    "a web page": lambda: [http(b"<html>maintenance</html>")],
    "nothing": lambda: [http()], "no HTTP": lambda: [b"\r\n"],
    "endless": lambda: [b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 100_000] * 600],
    "hanging": lambda: [None], "trickling": lambda: made.trickle(GOOD, 100),
    "cut": lambda: [http(GOOD)[:-500]], "cut in silence": lambda: [http(HALF)],
    "another size": lambda: [http(made.jpeg(128))], "an empty sky": lambda: [http(made.jpeg(peak=9))],
    "broken inside": lambda: [http(GOOD.replace(b"\xff\xdb", b"\xff\xfe"))],
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_after_a_bad_answer_the_text_file_is_taken(fault, df, fits, data, monkeypatch):
    monkeypatch.setitem(catalog.SECONDS, "auto", 5.0)
    text = made.text(df).encode()
    with serve(lambda path: FAULTS[fault]() if path.endswith(".fits") else [http(text)]) as server:
        come_from(monkeypatch, server, fits)
        assert load_catalog().attrs["source"] == "xgass"
        if fault == "endless":
            with pytest.raises(DataError, match="larger than 5 MB"):
                fetch(f"{server.url}/{FITS}")
    assert [path.name for path in (data / "xgass").iterdir()] == [ASCII]


def test_a_good_copy_is_never_replaced_by_a_bad_one_and_a_bad_one_is(fits, data, monkeypatch):
    answer = fits[:50_000]
    put(data / "xgass", b"<html>")
    with serve(lambda path: [http(answer)]) as server:
        come_from(monkeypatch, server, fits)
        with pytest.raises(DataError, match=f"{FITS}: a web page.* known hash.* cut off.*make data"):
            load_catalog("xgass")
        put(data / "xgass", fits)
        assert load_catalog("xgass").attrs["source"] == "xgass"
        answer = fits
        put(data / "xgass", b"<html>")
        assert load_catalog().attrs["source"] == "xgass"
    assert (data / "xgass" / FITS).read_bytes() == fits and len([*(data / "xgass").iterdir()]) == 1


@pytest.mark.parametrize("what", ["catalogue", "pictures", "archive"])
def test_a_name_look_up_that_hangs_ends_with_the_time_allowed(what, fits, data, monkeypatch, capsys):
    """It would hang for a minute, and then say something else."""
    assert catalog.SECONDS["auto"] < 10
    if what != "catalogue":
        put(data / "xgass", fits)
    if what == "archive":
        put(data, f"x.zip {'0' * 64} http://nowhere/x.zip", "registry.txt")
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: over.wait(60) and [])
    monkeypatch.setitem(catalog.SECONDS, "auto", 0.5)
    assert load_catalog(images=what != "catalogue").attrs["source"] == "mock"
    over.set()
    assert capsys.readouterr().out.count("no answer in time") == (2 if what == "archive" else 1)


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
        busy = http(status=503, Retry_After="3600")  # an hour that nobody waits
        yield http(GOOD) if "ra=0.04" not in path else busy if "second" in path else http(status=404)

    with serve(answer) as server:
        come_from(monkeypatch, server)
        said = pictures.download_pictures(galaxies(40), tmp_path / "images", 10.0)
    assert said == "1 pictures did not come (first: HTTP 404; second: HTTP 503)"
    assert there(tmp_path / "images") == [1000, 1001, 1002, 1003, *range(1005, 1040)]
    assert 2 <= server.most <= 9 and "/first?ra=0.050000&dec=1.500000" in server.paths  # 8, and a trial


@pytest.mark.parametrize("what", ["data/xgass", "xgass/images"])
def test_a_full_disk_is_named_and_nothing_is_left_on_it(what, fits, data, monkeypatch, capsys):
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if what == "xgass/images":
        put(data / "xgass", fits)
    with serve(lambda path: [http(fits if path.endswith(".fits") else GOOD)]) as server:
        come_from(monkeypatch, server, fits)
        monkeypatch.setattr(os, "replace", Mock(side_effect=full))
        assert load_catalog(images=True).attrs["source"] == "mock"
        assert f"{what} cannot be written: {full.strerror}" in capsys.readouterr().out
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
catalog.DATA = Path(sys.argv[1])
pictures.PICTURES = {"sky": sys.argv[2] + "/?ra={ra}"}
sys.exit(__main__.main())
"""


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_killed_or_interrupted_goes_on_from_there(kill, df, fits, data):
    put_pictures(put(data / "xgass", fits), df["GASS"][:1000])
    images, silent, env = (
        data / "xgass" / "images",
        True,
        {**os.environ, "PYTHONPATH": str(made.ROOT / "day2")},
    )
    with serve(lambda path: [None if silent and len(server.paths) > 60 else http(GOOD)]) as server:
        command = [sys.executable, "-c", MAKE_DATA, data, server.url]
        process, end = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True), time.time() + 60
        while len(there(images)) < 1040 and time.time() < end:
            time.sleep(0.02)
        process.send_signal(kill)
        said = process.communicate()[1].rstrip()
        assert kill == signal.SIGKILL or said.endswith("What has arrived is kept: `make data` goes on.")
        kept, silent, asked = len(there(images)), False, len(server.paths)
        out = subprocess.run(command, env=env, capture_output=True, text=True).stdout
        assert 1040 <= kept < 1179 == len(there(images)) and len(server.paths) == asked + 1 + 1179 - kept
    assert "1179 galaxies (Cat" in out and "Sloan Digital Sky Survey" in out


def test_make_data_without_a_network_says_so_and_fails(capsys):
    assert __main__.main() == 1
    assert "127.0.0.1:9: no network connection. What has arrived is kept" in capsys.readouterr().err
