"""The download of the pictures from servers that misbehave: nothing bad is kept, nothing good is lost."""

import csv
import hashlib
import io
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest
import requests
from misbehaving_server import jpeg, reply, serve, wait_for
from PIL import Image, ImageFile
from xgass_tables import ROOT

from xgass import DataError, __main__, catalog, download, pictures
from xgass.download import PICTURES, Source

GOOD = jpeg()
QUERY = "?ra={ra}&dec={dec}&size={size}&scale={scale}&fov={fov}"


def galaxies(n):
    """A catalogue of n galaxies with ids 1000, 1001, ...; the right ascension tells which one it is."""
    return pd.DataFrame(
        {"RA": [i / 100 for i in range(n)], "DEC": 1.5}, index=pd.Index(range(1000, 1000 + n))
    )


def galaxy(path):
    """Which galaxy a request is for."""
    return 1000 + round(float(parse_qs(urlsplit(path).query)["ra"][0]) * 100)


def service(server, name="first"):
    return Source(name, f"{server.url}/{name}{QUERY}", None, "")


def fetch(n, folder, *services, **kwargs):
    settings = {"budget": 5.0, "pause": 0.0, "backoff": 0.01, "timeout": (5.0, 5.0)} | kwargs
    return pictures.download_pictures(galaxies(n), folder, services, **settings)


def patience(fault):
    """A short time-out where the server hangs; elsewhere a long one, for busy machines."""
    return {"timeout": (0.5, 0.5)} if fault == "hang" else {}


def there(folder):
    """The ids of the pictures in a folder, each of which must be good."""
    for path in folder.glob("*.jpg"):
        pictures.check_picture(path.read_bytes())
    assert not list(folder.glob(".*")), "a temporary file was left"
    return sorted(int(path.stem) for path in folder.glob("*.jpg"))


def manifest(folder):
    with open(folder / "manifest.csv", newline="") as file:
        return list(csv.DictReader(file))


def bad_answers():
    png, bomb, small = io.BytesIO(), bytearray(GOOD), jpeg(0, 128)
    Image.open(io.BytesIO(GOOD)).save(png, "PNG")
    start = GOOD.index(b"\xff\xc0")  # the frame header: claim 60,000 x 60,000 px
    bomb[start + 5 : start + 9] = b"\xea\x60\xea\x60"
    black = io.BytesIO()
    Image.new("RGB", (224, 224)).save(black, "JPEG")
    return {
        "500": reply(b"oops", status=500),
        "404": reply(b"no", status=404),
        "503 with Retry-After": reply(b"later", status=503, Retry_After="0"),
        "hang": reply(fault="hang"),
        "truncated, the server says so": reply(GOOD, cut=len(GOOD) // 2),
        "truncated in silence": reply(GOOD[: len(GOOD) // 2]),
        "truncated at the end": reply(GOOD[:-80]),
        "a web page with status 200": reply(b"<html>maintenance</html>", Content_Type="image/jpeg"),
        "wrong size": reply(small),
        "another format": reply(png.getvalue() + b"\xff\xd9"),
        "an empty sky": reply(black.getvalue()),
        "a decompression bomb": reply(bytes(bomb)),
        "connection reset": reply(fault="reset"),
        "nothing": reply(b""),
        "too many bytes": reply(GOOD + bytes(2_000_000)),
    }


BAD = bad_answers()


def test_all_pictures_come_with_a_manifest(tmp_path):
    with serve(lambda path, headers: reply(jpeg(galaxy(path)))) as server:
        digest = fetch(30, tmp_path / "images", service(server))
    assert there(tmp_path / "images") == list(range(1000, 1030))
    lines = manifest(tmp_path / "images")
    assert [int(line["id"]) for line in lines] == list(range(1000, 1030))
    for line in lines:
        raw = (tmp_path / "images" / f"{line['id']}.jpg").read_bytes()
        assert line["sha256"] == hashlib.sha256(raw).hexdigest()
        assert galaxy(line["url"]) == int(line["id"])
        assert abs(pd.Timestamp(line["time"]) - pd.Timestamp.now("UTC")) < pd.Timedelta("1min")
    assert digest == hashlib.sha256((tmp_path / "images" / "manifest.csv").read_bytes()).hexdigest()
    query = parse_qs(urlsplit(server.requests[0][0]).query)
    assert query["size"] == ["224"] and query["scale"] == ["0.396"] and query["dec"] == ["1.500000"]
    assert float(query["fov"][0]) == pytest.approx(224 * 0.396 / 3600)
    assert "AstroHackWeek2022" in server.requests[0][1]["User-Agent"]


def test_a_second_run_asks_only_for_what_is_missing(tmp_path):
    with serve(lambda path, headers: reply(GOOD)) as server:
        fetch(20, tmp_path, service(server))
        before = (tmp_path / "manifest.csv").read_bytes()
        fetch(20, tmp_path, service(server))
        assert len(server.requests) == 20 and (tmp_path / "manifest.csv").read_bytes() == before
        (tmp_path / "1003.jpg").unlink()
        (tmp_path / "1007.jpg").write_bytes(b"spoilt")
        fetch(21, tmp_path, service(server))
    assert sorted(galaxy(path) for path, _ in server.requests[20:]) == [1003, 1007, 1020]
    assert there(tmp_path) == list(range(1000, 1021)) and len(manifest(tmp_path)) == 21


def test_a_spoilt_picture_does_not_stay_even_if_it_cannot_be_replaced(tmp_path):
    with serve(lambda path, headers: reply(GOOD)) as server:
        fetch(3, tmp_path, service(server))
    (tmp_path / "1001.jpg").write_bytes(GOOD[:2000])
    with serve(lambda path, headers: reply(status=404)) as server:
        fetch(3, tmp_path, service(server))
    assert there(tmp_path) == [1000, 1002] and len(manifest(tmp_path)) == 2


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_answer_is_asked_for_again(fault, tmp_path):
    """Each picture fails once, with every galaxy in the end from the first service or the second."""
    failed = set()

    def answer(path, headers):
        if path.startswith("/first") and galaxy(path) not in failed:
            failed.add(galaxy(path))
            return BAD[fault]
        return reply(GOOD)

    with serve(answer) as server:
        fetch(6, tmp_path, service(server), service(server, "second"), **patience(fault))
    assert failed == set(range(1000, 1006)) and there(tmp_path) == list(range(1000, 1006))
    assert len(manifest(tmp_path)) == 6


@pytest.mark.parametrize("fault", BAD)
def test_a_service_that_only_fails_is_put_aside(fault, tmp_path):
    with serve(lambda path, headers: BAD[fault] if path.startswith("/first") else reply(GOOD)) as server:
        started = time.monotonic()
        fetch(30, tmp_path, service(server), service(server, "second"), **patience(fault))
        assert time.monotonic() - started < 5
    assert there(tmp_path) == list(range(1000, 1030))
    asked = [path for path, _ in server.requests if path.startswith("/first")]
    assert len(asked) <= pictures.PATIENCE + pictures.REQUESTS_AT_ONCE  # those under way when it was enough
    assert all("/second" in line["url"] for line in manifest(tmp_path))


@pytest.mark.parametrize("fault", BAD)
def test_if_no_service_works_it_stops_early_and_keeps_what_is_there(fault, tmp_path):
    with serve(lambda path, headers: reply(GOOD)) as server:
        fetch(5, tmp_path, service(server))
    with serve(lambda path, headers: BAD[fault]) as server:
        with pytest.raises(DataError, match="no picture service works .*first: .+; second: .+") as error:
            fetch(500, tmp_path, service(server), service(server, "second"), **patience(fault))
    assert len(server.requests) <= 2 * (pictures.PATIENCE + pictures.REQUESTS_AT_ONCE)
    assert there(tmp_path) == list(range(1000, 1005)) and len(manifest(tmp_path)) == 5
    assert str(tmp_path) not in str(error.value) and "\n" not in str(error.value)


def test_a_galaxy_that_no_service_has_stops_nothing(tmp_path):
    with serve(lambda path, headers: BAD["404"] if galaxy(path) == 1004 else reply(GOOD)) as server:
        fetch(10, tmp_path, service(server), service(server, "second"))
    assert there(tmp_path) == [1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009]


def test_never_more_than_eight_requests_at_a_time(tmp_path):
    now, most, lock = [0], [0], threading.Lock()

    def answer(path, headers):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.03)
        with lock:
            now[0] -= 1
        return reply(GOOD)

    with serve(answer) as server:
        fetch(40, tmp_path, service(server))
    assert 4 <= most[0] <= 8


def test_retry_after_is_obeyed(tmp_path):
    times = []

    def answer(path, headers):
        times.append(time.monotonic())
        return reply(status=503, Retry_After="1") if len(times) == 1 else reply(GOOD)

    with serve(answer) as server:
        fetch(1, tmp_path, service(server))
    assert there(tmp_path) == [1000] and times[1] - times[0] >= 0.99


@pytest.mark.parametrize("wait", ["3600", "Fri, 31 Dec 2100 23:59:59 GMT"])
def test_a_service_that_asks_for_a_long_rest_gets_it(wait, tmp_path):
    def answer(path, headers):
        return reply(status=429, Retry_After=wait) if path.startswith("/first") else reply(GOOD)

    with serve(answer) as server:
        started = time.monotonic()
        fetch(30, tmp_path, service(server), service(server, "second"))
    assert there(tmp_path) == list(range(1000, 1030)) and time.monotonic() - started < 5
    assert sum(path.startswith("/first") for path, _ in server.requests) <= pictures.REQUESTS_AT_ONCE


@pytest.mark.parametrize("text, seconds", [("", 0), ("7", 7), ("soon", 0), ("-3", 0), ("nan", 0)])
def test_retry_after_is_read(text, seconds):
    assert pictures._seconds(text) == seconds


def test_retries_wait_longer_each_time(tmp_path):
    times = []

    def answer(path, headers):
        times.append(time.monotonic())
        return BAD["500"] if len(times) < 3 else reply(GOOD)

    with serve(answer) as server:
        fetch(1, tmp_path, service(server), backoff=0.2)
    assert times[1] - times[0] >= 0.1 and times[2] - times[1] >= 0.2  # half of 0.2 s, half of 0.4 s at least


def test_no_network_is_found_out_at_once(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/{QUERY}"
        started = time.monotonic()
        with pytest.raises(DataError, match="no network, or none of these answers: 127.0.0.1, 127.0.0.1"):
            fetch(100, tmp_path, Source("a", url, None, ""), Source("b", url, None, ""), budget=0.5)
    with pytest.raises(DataError, match="no network"):
        fetch(100, tmp_path, Source("a", url, None, ""))
    assert time.monotonic() - started < 2


CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
import test_pictures as t
first = t.Source("first", sys.argv[2] + "/first" + t.QUERY, None, "")
t.fetch(40, t.pictures.Path(sys.argv[3]), first, timeout=(60, 60))
"""


def test_a_killed_run_resumes(tmp_path):
    ready = threading.Event()

    def slowly(path, headers):
        if len(server.requests) > 12:
            ready.wait(60)
        return reply(GOOD)

    path = os.pathsep.join([str(ROOT / "day2"), str(ROOT / "tests")])
    with serve(slowly) as server:
        process = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(ROOT / "tests"), server.url, str(tmp_path)],
            env={**os.environ, "PYTHONPATH": path},
        )
        wait_for(lambda: (tmp_path / "manifest.csv").is_file() and len(manifest(tmp_path)) >= 10, 30)
        process.send_signal(signal.SIGKILL)
        process.wait()
        ready.set()
    (tmp_path / ".1039.jpg.0.tmp").write_bytes(b"what a process killed while it wrote leaves behind")
    for path in tmp_path.glob(".*.tmp"):
        os.utime(path, (0, 0))  # old enough not to be that of another process at work
    kept = {int(path.stem) for path in tmp_path.glob("*.jpg")}
    assert 10 <= len(kept) <= 12
    with open(tmp_path / "manifest.csv", "a") as file:
        file.write("1039,http://torn line")
    (tmp_path / "1030.jpg").write_bytes(jpeg(3))  # a good picture without a line
    with serve(lambda path, headers: reply(GOOD)) as server:
        fetch(40, tmp_path, service(server))
    assert sorted(galaxy(path) for path, _ in server.requests) == sorted(
        set(range(1000, 1040)) - kept - {1030}
    )
    assert there(tmp_path) == list(range(1000, 1040)) and len(manifest(tmp_path)) == 40
    unknown = [int(line["id"]) for line in manifest(tmp_path) if not line["url"]]
    assert 1030 in unknown and len(unknown) <= 3  # and those that came between the last line and the kill


def test_two_processes_may_work_in_one_folder(tmp_path):
    def answer(path, headers):
        time.sleep(0.02)
        return reply(jpeg(galaxy(path)))

    with serve(answer) as server:
        jobs = [threading.Thread(target=fetch, args=(40, tmp_path, service(server))) for _ in range(2)]
        for job in jobs:
            job.start()
        for job in jobs:
            job.join()
    assert there(tmp_path) == list(range(1000, 1040))
    fetch(40, tmp_path)  # nothing is missing, so that no service is needed
    lines = manifest(tmp_path)
    digests = {
        int(path.stem): hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.glob("*.jpg")
    }
    assert {int(line["id"]): line["sha256"] for line in lines} == digests and len(lines) == 40


def test_links_are_replaced_and_never_followed(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "elsewhere.jpg").write_bytes(jpeg(7))
    (tmp_path / "images" / "1000.jpg").symlink_to(tmp_path / "elsewhere.jpg")
    with serve(lambda path, headers: reply(GOOD)) as server:
        fetch(1, tmp_path / "images", service(server))
    assert (tmp_path / "elsewhere.jpg").read_bytes() == jpeg(7) != GOOD
    assert not (tmp_path / "images" / "1000.jpg").is_symlink() and there(tmp_path / "images") == [1000]


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "images").write_text("a file where the folder should be")
    with pytest.raises(
        DataError, match="^the picture folder cannot be written: (File exists|Not a directory)$"
    ):
        fetch(1, tmp_path / "images")


def test_a_full_disk_stops_the_run_with_one_clear_line(tmp_path, monkeypatch):
    def full(path, raw):
        if path.name == "1005.jpg":
            raise OSError(28, "No space left on device")
        download.write_atomic(path, raw)

    monkeypatch.setattr(pictures, "write_atomic", full)
    with serve(lambda path, headers: reply(GOOD)) as server:
        with pytest.raises(
            DataError, match="^the picture folder cannot be written: No space left on device$"
        ):
            fetch(200, tmp_path, service(server), pause=0.02)
    assert len(server.requests) < 100 and 1005 not in there(tmp_path)


def test_an_endless_or_endlessly_slow_answer_is_broken_off(monkeypatch):
    with requests.Session() as session:
        with serve(lambda path, headers: reply(b"x" * 60_000_000)) as server:
            with pytest.raises(DataError, match="too many bytes"):
                pictures._ask(session, server.url, (1, 1))
        with serve(lambda path, headers: reply(b"x" * 100_000, fault="trickle")) as server:
            monkeypatch.setattr(pictures, "PICTURE_TIME", 0.3)
            started = time.monotonic()
            with pytest.raises(TimeoutError):
                pictures._ask(session, server.url, (1, 1))
            assert time.monotonic() - started < 2


def test_a_cut_picture_is_refused_even_if_pillow_is_told_to_be_lenient(monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(DataError, match="no end"):
        pictures.check_picture(GOOD[: len(GOOD) // 2])
    pictures.check_picture(GOOD)


def test_the_services_of_the_real_download():
    """The addresses as documented, https only, with the scale and the size asked for explicitly."""
    urls = [pictures._url(service, 207.633834, 3.19416) for service in PICTURES]
    assert [urlsplit(url).hostname for url in urls] == [
        "skyserver.sdss.org",
        "alasky.cds.unistra.fr",
        "alaskybis.cds.unistra.fr",
        "www.legacysurvey.org",
    ]
    assert all(url.startswith("https://") for url in urls)
    assert all("ra=207.633834" in url and "dec=3.194160" in url for url in urls)
    assert "scale=0.396&width=224&height=224" in urls[0]
    assert "hips=CDS/P/SDSS9/color" in urls[1] and "fov=0.02464" in urls[1] and "format=jpg" in urls[1]
    assert "layer=sdss&pixscale=0.396&size=224" in urls[3]


def test_make_data_says_what_is_there(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(__main__, "DATA", tmp_path)
    monkeypatch.setattr(__main__, "get_catalogue", lambda budget: galaxies(12))
    with serve(lambda path, headers: reply(GOOD, status=200 if galaxy(path) != 1003 else 404)) as server:
        settings = {"services": (service(server),), "backoff": 0.01}
        monkeypatch.setattr(
            __main__, "download_pictures", lambda *a: pictures.download_pictures(*a, **settings)
        )
        assert __main__.main() == 0
    out = capsys.readouterr().out
    digest = hashlib.sha256((tmp_path / "xgass" / "images" / "manifest.csv").read_bytes()).hexdigest()
    assert "11 of 12" in out and digest in out and "asks again" in out and "Catinella" in out
    assert str(tmp_path) not in out
    monkeypatch.setattr(__main__, "get_catalogue", catalog.get_catalogue)
    monkeypatch.setattr(catalog, "DATA", tmp_path)

    def no_network(*args):
        raise DataError("no network")

    monkeypatch.setattr(catalog, "download_catalogue", no_network)
    assert __main__.main() == 1
    assert "no network" in capsys.readouterr().err
