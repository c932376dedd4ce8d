"""Downloads from servers, disks and processes that fail: nothing bad is kept, and nothing good is lost."""

import errno
import hashlib
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
import requests
from data_made import FITS, GOOD, http, put, put_pictures, serve

from xgass import DataError, catalog, fetch, load_catalog, pictures

ASCII = FITS.replace(".fits", ".ascii")


def come_from(monkeypatch, server, fits=b""):
    """Let the catalog (FITS with its hash, or text) and the pictures (two services) come from a server."""
    known = {f"{server.url}/{FITS}": hashlib.sha256(fits).hexdigest(), f"{server.url}/{ASCII}": None}
    two = {name: f"{server.url}/{name}?ra={{ra:f}}&dec={{dec:f}}" for name in ("first", "second")}
    monkeypatch.setattr(catalog, "CATALOG", known)
    monkeypatch.setattr(pictures, "SERVICES", two)


def galaxies(n):
    """Return a catalog of n galaxies with ids 1000, 1001, ...; the position tells which one it is."""
    return pd.DataFrame({"RA": [i / 100 for i in range(n)], "DEC": 1.5}, index=range(1000, 1000 + n))


def there(folder):
    """Return the ids of the pictures in a folder: all good, and nothing else but what a kill may leave."""
    files = [path for path in folder.iterdir() if not path.name.endswith(".tmp")]
    assert all(path.suffix == ".jpg" and path.read_bytes() == GOOD for path in files)
    return sorted(int(path.stem) for path in files)


FAULTS = {
    "404": [http(status=404)],
    "429": [http(status=429, Retry_After="3600")],
    "500": [http(status=500, Retry_After="3600")],
    "a web page": [http(b"<html>maintenance</html>")],
    "endless": [b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 100_000] * 600],
    "hanging": [http(GOOD)[:100], None],
    "cut": [http(GOOD)[:-500]],
    "another size": [http(made.jpeg(128))],
    "an empty sky": [http(made.jpeg(peak=9))],
    "broken inside": [http(GOOD.replace(b"\xff\xdb", b"\xff\xfe"))],
}


def test_a_good_catalog_is_never_replaced_by_a_bad_one_and_a_bad_one_is(df, fits, data, monkeypatch):
    answers = {FITS: FAULTS["endless"], ASCII: FAULTS["a web page"]}
    put(data / "xgass", "<html>")
    with serve(lambda path: answers[path[1:]]) as server:
        come_from(monkeypatch, server, fits)
        with pytest.raises(DataError, match=f"{FITS}: a web page.* larger than 5 MB.* a web page.*make data"):
            load_catalog("xgass")
        put(data / "xgass", fits)
        assert load_catalog("xgass").attrs["source"] == "xgass"
        put(data / "xgass", "<html>")
        answers = {FITS: [http(fits[:50_000])], ASCII: [http(made.text(df).encode())]}  # the second choice
        assert load_catalog().attrs["source"] == "xgass" and (data / "xgass" / ASCII).exists()
        (data / "xgass" / ASCII).unlink()
        answers = {FITS: [http(fits)], ASCII: []}
        assert load_catalog().attrs["source"] == "xgass"
    assert (data / "xgass" / FITS).read_bytes() == fits and len([*(data / "xgass").iterdir()]) == 1


@pytest.mark.parametrize("what", ["catalog", "pictures"])
def test_a_name_look_up_that_hangs_ends_with_the_time_allowed(what, fits, data, monkeypatch, capsys):
    assert catalog.SECONDS["auto"] < 10
    if what == "pictures":
        put(data / "xgass", fits)
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: over.wait(60) and [])
    monkeypatch.setitem(catalog.SECONDS, "auto", 0.5)
    assert load_catalog(images=what == "pictures").attrs["source"] == "mock"
    over.set()
    assert capsys.readouterr().out.count("no answer in time") == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_service_is_left_for_the_next_one(fault, monkeypatch, tmp_path):
    monkeypatch.setattr(pictures, "STALL", 3.0)

    def answer(path):
        bad = path.startswith("/first") and "ra=187" not in path  # the trial picture is good
        time.sleep(0.1 if bad else 0)  # as any real one takes: who counts the failures keeps up
        return FAULTS[fault] if bad else [http(GOOD)]

    with serve(answer) as server:
        come_from(monkeypatch, server)
        pictures.download_pictures(galaxies(120), tmp_path / "images", 5.0)
        first = [path for path in server.paths if path.startswith("/first")]
    assert there(tmp_path / "images") == list(range(1000, 1120))
    assert "/second?ra=0.050000&dec=1.500000" in server.paths
    assert len(first) <= (80 if fault != "500" else 240)  # 1 + 8 + 8, and some; 500 is asked three times


def test_a_full_disk_is_named_and_nothing_is_left_on_it(fits, data, monkeypatch, capsys):
    put(data / "xgass", fits)
    with serve(lambda path: [http(GOOD)]) as server:
        come_from(monkeypatch, server)
        monkeypatch.setattr(os, "replace", Mock(side_effect=OSError(errno.ENOSPC, "no space")))
        assert load_catalog(images=True).attrs["source"] == "mock"
    assert "xgass/images cannot be written: no space" in capsys.readouterr().out
    assert list((data / "xgass" / "images").iterdir()) == []


MAKE_DATA = """
import signal, sys
from pathlib import Path
from xgass import __main__, catalog, pictures
signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is ignored
catalog.DATA = Path(sys.argv[1])
pictures.SERVICES = {"sky": sys.argv[2] + "/?ra={ra}"}
__main__.get_practice = list  # test_practice.py has it
sys.exit(__main__.main())
"""


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT])
def test_a_run_asks_politely_and_after_a_kill_or_interrupt_goes_on_from_there(kill, df, fits, data):
    put_pictures(put(data / "xgass", fits), df["GASS"][:1000])
    images, env = data / "xgass" / "images", {**os.environ, "PYTHONPATH": str(made.ROOT / "day2")}
    most = 60  # then it falls silent
    with serve(lambda path: [http(GOOD) if len(server.paths) <= most else None]) as server:
        command = [sys.executable, "-c", MAKE_DATA, data, server.url]
        process, end = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True), time.time() + 60
        while (len(there(images)) < 1040 or len(server.paths) < most + 8) and time.time() < end:
            time.sleep(0.02)
        process.send_signal(kill)
        assert 8 <= server.most <= 9  # the trial may still be ending
        said = process.communicate()[1].rstrip()
        assert kill == signal.SIGKILL or said.endswith("What has arrived is kept: `make data` goes on.")
        kept, most, asked = len(there(images)), 10_000, len(server.paths)
        out = subprocess.run(command, env=env, capture_output=True, text=True).stdout
        assert 1040 <= kept < 1179 == len(there(images)) and len(server.paths) == asked + 1 + 1179 - kept
    assert "1179 galaxies (Cat" in out and "Sloan Digital Sky Survey" in out


def test_a_python_without_certificates_says_what_to_run():
    assert "Install Certificates.command" in fetch.why(requests.exceptions.SSLError())
    assert fetch.why(requests.ConnectionError()) == "no network connection"


def test_a_drive_that_fails_in_the_middle_names_the_picture(tmp_path, monkeypatch):
    """A mounted drive answers a thousand times, and then not: what was read before is not in question."""
    (tmp_path / "1000.jpg").write_bytes(GOOD)
    fails = Mock(side_effect=OSError(errno.EIO, os.strerror(errno.EIO)))
    monkeypatch.setattr("pathlib.Path.read_bytes", fails)
    with pytest.raises(DataError, match=r"^1000.jpg cannot be read: Input/output error. Run this again"):
        pictures.file_fault(tmp_path / "1000.jpg")
