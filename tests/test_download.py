"""The download of the catalogue from a server that misbehaves: nothing bad is kept, nothing good is lost."""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from functools import partial

import pytest
import xgass_tables as tables
from misbehaving_server import file_with_range, reply, serve, wait_for
from xgass_tables import ASCII, FITS, ROOT

from xgass import DataError, catalog, download, load_catalog
from xgass.download import Source, download_catalogue


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The bytes of a good FITS file and of a good text file."""
    df = tables.as_real()
    path = tables.write_fits(df, tmp_path_factory.mktemp("fits") / FITS)
    return path.read_bytes(), tables.text(df).encode()


@pytest.fixture(autouse=True)
def quick(request, monkeypatch):
    """No pause before a partial file counts as abandoned, and a short time-out where the server hangs."""
    if "hanging" in request.node.name:
        monkeypatch.setattr(download, "READ_TIMEOUT", 0.4)
    monkeypatch.setattr(download, "STALE", -1.0)


def sources(server, good):
    """The two files at a server, with the hash of the good FITS file."""
    sha256 = hashlib.sha256(good[0]).hexdigest()
    return Source(FITS, f"{server.url}/{FITS}", sha256, ""), Source(ASCII, f"{server.url}/{ASCII}", None, "")


def fetch(server, good, folder, budget=20.0, **kwargs):
    return download_catalogue(folder, catalog.read_catalogue, budget, sources(server, good), **kwargs)


def visible(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != ".download")


def leftovers(folder):
    return sorted(path.name for path in (folder / ".download").iterdir())


def test_the_fits_file_comes_first(good, tmp_path):
    with serve(lambda path, headers: reply(good[0])) as server:
        path = fetch(server, good, tmp_path / "xgass")
    assert path == tmp_path / "xgass" / FITS and path.read_bytes() == good[0]
    assert visible(tmp_path / "xgass") == [FITS] and leftovers(tmp_path / "xgass") == []
    assert [asked for asked, _ in server.requests] == [f"/{FITS}"]


BAD_FITS = {
    "absent": reply(status=404),
    "broken server": reply(status=500),
    "a web page": reply(b"<html>maintenance</html>"),
    "another file": reply(b"SIMPLE  = T" + bytes(20_000)),
    "nothing": reply(b""),
    "cut off": None,
    "cut off in silence": None,
    "too large": reply(b"x" * 6_000_000),
    "connection reset": reply(fault="reset"),
    "hanging": reply(fault="hang"),
}


@pytest.mark.parametrize("fault", BAD_FITS)
def test_after_a_bad_fits_file_the_text_file_is_used(fault, good, tmp_path):
    bad = BAD_FITS[fault]
    if fault == "cut off":
        bad = reply(good[0], cut=50_000)
    if fault == "cut off in silence":
        bad = reply(good[0][:50_000])
    with serve(lambda path, headers: bad if path.endswith(".fits") else reply(good[1])) as server:
        path = fetch(server, good, tmp_path)
    assert path.read_bytes() == good[1] and visible(tmp_path) == [ASCII]


@pytest.mark.parametrize("fault", [fault for fault in BAD_FITS if BAD_FITS[fault]])
def test_nothing_bad_replaces_a_good_copy(fault, good, tmp_path):
    (tmp_path / FITS).write_bytes(good[0])
    (tmp_path / ASCII).write_bytes(good[1])
    with serve(lambda path, headers: BAD_FITS[fault]) as server, pytest.raises(DataError) as error:
        fetch(server, good, tmp_path)
    assert (tmp_path / FITS).read_bytes() == good[0] and (tmp_path / ASCII).read_bytes() == good[1]
    assert "127.0.0.1" in str(error.value)
    assert str(tmp_path) not in str(error.value) and "\n" not in str(error.value)


def test_an_endless_answer_is_broken_off(good, tmp_path):
    with serve(lambda path, headers: reply(b"x" * 60_000_000)) as server:
        with pytest.raises(DataError, match="^what 127.0.0.1 sends is refused: larger than 5 MB$"):
            fetch(server, good, tmp_path)
    assert leftovers(tmp_path) == []


def test_a_text_file_without_known_hash_is_verified_by_its_content(good, tmp_path):
    short = good[1][: good[1].rindex(b"\n", 0, 100_000) + 1]  # whole lines, but not all
    with serve(lambda path, headers: reply(short if path.endswith("ascii") else b"")) as server:
        with pytest.raises(DataError, match=f"refused: {ASCII}: .* rows"):
            fetch(server, good, tmp_path)
    assert visible(tmp_path) == []


def test_an_interrupted_download_is_resumed(good, tmp_path):
    with serve(lambda path, headers: file_with_range(good[0], headers, cut=60_000)) as server:
        with pytest.raises(DataError):
            fetch(server, good, tmp_path)
        assert visible(tmp_path) == []
    with serve(lambda path, headers: file_with_range(good[0], headers)) as server:
        assert fetch(server, good, tmp_path).read_bytes() == good[0]
    ((_, headers),) = server.requests
    start = int(headers["Range"].removeprefix("bytes=").removesuffix("-"))
    assert 40_000 < start <= 120_000  # what came in one attempt, or two
    assert leftovers(tmp_path)[1:] == []  # at most a piece of the text file


def test_resuming_survives_a_bad_piece_and_servers_without_ranges(good, tmp_path):
    answers = {
        "ranges": lambda path, headers: file_with_range(good[0], headers),
        "none": lambda path, headers: reply(good[0]),
        "wrong": lambda path, headers: (
            reply(good[0][9:], status=206, Content_Range="bytes 9-99/100")
            if "Range" in headers
            else reply(good[0])
        ),
    }
    for name, answer in answers.items():
        for piece in (b"<html>an error page that was cut off", good[0], good[0] + b"more"):
            folder = tmp_path / f"{name}{len(piece)}"
            (folder / ".download").mkdir(parents=True)
            (folder / ".download" / f"{FITS}.0.part").write_bytes(piece)
            with serve(answer) as server:
                assert fetch(server, good, folder).read_bytes() == good[0]


def test_a_piece_that_another_process_writes_is_left_alone(good, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "STALE", 10.0)
    (tmp_path / ".download").mkdir()
    piece = tmp_path / ".download" / f"{FITS}.0.part"
    piece.write_bytes(b"of another process")
    with serve(lambda path, headers: file_with_range(good[0], headers)) as server:
        fetch(server, good, tmp_path)
    assert "Range" not in server.requests[0][1] and piece.read_bytes() == b"of another process"
    os.utime(piece, (time.time() - 7200,) * 2)
    (tmp_path / FITS).unlink()
    with serve(lambda path, headers: file_with_range(good[0], headers)) as server:
        fetch(server, good, tmp_path)
    assert "Range" in server.requests[0][1] and leftovers(tmp_path) == []


@pytest.mark.parametrize("fault", ["hang", "trickle", "stall"])
def test_a_silent_or_slow_server_costs_no_more_than_the_budget(fault, good, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "READ_TIMEOUT", 60.0)
    started = time.monotonic()
    with serve(lambda path, headers: reply(good[0], fault=fault, cut=5000)) as server:
        with pytest.raises(DataError, match="in time"):
            fetch(server, good, tmp_path, budget=0.8)
    assert time.monotonic() - started < 2.0


def test_a_hanging_name_server_costs_no_more_than_the_budget(good, tmp_path, monkeypatch):
    with serve(lambda path, headers: reply(good[0])) as server:
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: time.sleep(3))
        started = time.monotonic()
        with pytest.raises(DataError, match="in time"):
            fetch(server, good, tmp_path, budget=0.5)
        assert time.monotonic() - started < 1.5


def test_without_a_network_the_mock_is_used_within_ten_seconds(monkeypatch, capsys, tmp_path):
    """The whole of it, with the real limits: a server that takes the connection and says nothing."""
    monkeypatch.undo()
    assert download.AUTO_BUDGET < 10
    monkeypatch.setattr(catalog, "DATA", tmp_path)
    (tmp_path / "mock").symlink_to(tables.MOCK)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        files = tuple(source._replace(url=url + source.name) for source in download.CATALOGUE)
        monkeypatch.setattr(catalog, "download_catalogue", partial(download_catalogue, files=files))
        started = time.monotonic()
        assert load_catalog().attrs["source"] == "mock"
        assert time.monotonic() - started < 10
    assert "127.0.0.1 does not answer" in capsys.readouterr().out
    started = time.monotonic()
    assert load_catalog().attrs["source"] == "mock"  # now nobody listens
    assert time.monotonic() - started < 3
    assert "no network connection to 127.0.0.1" in capsys.readouterr().out


def test_the_download_leads_to_the_real_universe(good, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(catalog, "DATA", tmp_path)
    with serve(lambda path, headers: reply(good[0])) as server:
        files = sources(server, good)
        monkeypatch.setattr(catalog, "download_catalogue", partial(download_catalogue, files=files))
        assert load_catalog().attrs["source"] == "xgass"
        assert load_catalog("xgass").attrs["source"] == "xgass"
    assert len(server.requests) == 1  # the second time it is there
    assert capsys.readouterr().out.count("\n") == 2


CHILD = """
import sys
from pathlib import Path
from xgass import catalog, download
files = download.Source(sys.argv[1], sys.argv[2], sys.argv[3], ""),
try:
    download.download_catalogue(Path(sys.argv[4]), catalog.read_catalogue, 20.0, files)
except download.DataError as error:
    sys.exit(str(error))
"""


def child(server, good, folder, prepare=""):
    """Start a process that downloads."""
    source = sources(server, good)[0]
    return subprocess.Popen(
        [sys.executable, "-c", prepare + CHILD, FITS, source.url, source.sha256, str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "day2")},
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_killed_download_leaves_nothing_behind_and_is_resumed(good, tmp_path):
    with serve(lambda path, headers: file_with_range(good[0], headers, fault="stall", cut=70_000)) as server:
        process = child(server, good, tmp_path)
        wait_for(lambda: any(p.stat().st_size > 60_000 for p in tmp_path.glob(".download/*.part")))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert visible(tmp_path) == []
    with serve(lambda path, headers: file_with_range(good[0], headers)) as server:
        fetch(server, good, tmp_path)
    assert (tmp_path / FITS).read_bytes() == good[0]
    assert "Range" in server.requests[0][1] and len(server.requests) == 1


def test_two_processes_may_download_into_one_folder(good, tmp_path):
    def slowly(path, headers):
        time.sleep(0.3)
        return file_with_range(good[0], headers)

    with serve(slowly) as server:
        processes = [child(server, good, tmp_path) for _ in range(2)]
        errors = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors
    assert (tmp_path / FITS).read_bytes() == good[0] and visible(tmp_path) == [FITS]


def test_a_full_disk_is_one_clear_line(good, tmp_path):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
    with serve(lambda path, headers: reply(good[0])) as server:
        process = child(server, good, tmp_path, prepare=limit)
        error = process.communicate()[1]
    assert process.returncode == 1 and visible(tmp_path) == []
    assert error.strip().splitlines()[-1] == f"{FITS} could not be written: File too large"


def test_a_folder_that_cannot_be_written_is_one_clear_line(good, tmp_path):
    (tmp_path / "xgass").write_text("a file where the folder should be")
    with serve(lambda path, headers: reply(good[0])) as server:
        with pytest.raises(DataError, match="^data/xgass cannot be written: (Not a directory|File exists)$"):
            fetch(server, good, tmp_path / "xgass")
    assert server.requests == []  # nothing is asked for in vain
