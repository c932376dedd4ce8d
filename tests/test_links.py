"""The link check: what counts as alive, and that it finds the addresses of this repository."""

import os
import re
import subprocess
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from misbehaving_server import reply, serve
from urllib3.util import Retry

import links

ROOT = Path(__file__).resolve().parents[1]
BADGE = "https://colab.research.google.com/github/jwuphysics/AstroHackWeek2022/blob"


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    """Try again at once, and once only."""
    quick = Retry(total=1, status_forcelist=links.RETRY.status_forcelist, raise_on_status=False)
    monkeypatch.setattr(links, "RETRY", quick)


def recovers(seen=[]):  # noqa: B006  one list, kept between calls
    """Fail once, then answer."""
    seen.append(1)
    return reply(status=500) if len(seen) == 1 else reply(b"good")


ANSWERS = {
    "/good": lambda: reply(b"good"), "/moved": lambda: reply(status=301, Location="/good"),
    "/lost": lambda: reply(status=302, Location="/gone"), "/gone": lambda: reply(status=404),
    "/circle": lambda: reply(status=302, Location="/circle"), "/recovers": recovers,
    "/broken": lambda: reply(status=500), "/silent": lambda: reply(fault="hang"),
    "/reset": lambda: reply(fault="reset"), "/robots": lambda: reply(status=403),
}


@pytest.mark.parametrize(("path", "alive", "word"), [
    ("/good", True, "200 OK"), ("/moved", True, "200 OK"), ("/lost", False, "404 Not Found"),
    ("/gone", False, "404 Not Found"), ("/circle", False, "TooManyRedirects"), ("/recovers", True, "200 OK"),
    ("/broken", False, "500 Internal Server Error"), ("/silent", False, "ConnectionError"),
    ("/reset", False, "ConnectionError"), ("/robots", False, "403 Forbidden"),
])  # fmt: skip
def test_what_counts_as_alive(path, alive, word, monkeypatch):
    """This server refuses HEAD with 405, so that each case also asks again with GET."""
    if path == "/silent":
        monkeypatch.setattr(links, "TIMEOUT", (10, 0.5))
    with serve(lambda path, headers: ANSWERS[path]()) as server:
        assert links.ask(server.url + path) == (alive, word)
    assert "AstroHackWeek2022" in server.requests[0][1]["User-Agent"]


def test_a_doi_that_refuses_robots_is_alive(monkeypatch):
    monkeypatch.setattr(links, "DOI", ("127.0.0.1",))
    with serve(lambda path, headers: ANSWERS[path]()) as server:
        assert links.ask(server.url + "/robots") == (True, "403 to robots: the DOI counts as alive")
        assert links.ask(server.url + "/gone") == (False, "404 Not Found")


def test_where_nobody_listens():
    with serve(lambda path, headers: reply()) as server:
        pass
    assert links.ask(server.url) == (False, "ConnectionError")


def test_head_is_enough_where_it_works(tmp_path):
    asked = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            asked.append(self.command)

    (tmp_path / "page").write_text("good")
    with ThreadingHTTPServer(("127.0.0.1", 0), lambda *a: Handler(*a, directory=tmp_path)) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        assert links.ask(f"http://127.0.0.1:{server.server_port}/page") == (True, "200 OK")
        server.shutdown()
    assert asked == ["HEAD"]


@pytest.mark.parametrize(("badge", "alive"), [
    (f"{BADGE}/main/day2/01-intro-machine-learning.ipynb", True),
    (f"{BADGE}/main/day2/01-intro-machine-learning.ipynb#scrollTo=trees", True),
    (f"{BADGE}/master/day2/01-intro-machine-learning.ipynb", False), (f"{BADGE}/main/day2/03.ipynb", False),
])  # fmt: skip
def test_a_badge_must_lead_to_a_file_on_main(badge, alive):
    assert links.ask(badge)[0] is alive


def test_the_addresses_of_this_repository_are_found():
    found = links.addresses()
    assert found["https://arxiv.org/abs/1008.4686"] == ["README.md"], "neither ')' nor ':' belongs to it"
    assert "CITATION.cff" in found["https://github.com/jwuphysics/AstroHackWeek2022"]
    assert "data/README.md" in found["https://xgass.icrar.org"]
    assert "day2/02-deep-learning.ipynb" in found[f"{BADGE}/main/day2/02-deep-learning.ipynb"]
    downloads = [address for address, names in found.items() if "day2/xgass/fetch.py" in names]
    assert len(downloads) == 6 and not any("{" in address for address in downloads)
    assert all(re.fullmatch(r"https://[\w.-]+(?:/[^\s]*)?", address) for address in found), "no plain http"


def test_texts_of_any_kind_are_read(tmp_path):
    (tmp_path / "README.md").write_text(
        "<https://a.org/x>, [b](https://b.org/y_z). https://a.org/x\n`https://c.org`; http://localhost:8787/status"
    )
    assert list(links.addresses(tmp_path))[:3] == ["https://a.org/x", "https://b.org/y_z", "https://c.org"]
    assert not any("localhost" in address for address in links.addresses(tmp_path))


def test_the_table_and_the_exit_status(monkeypatch, capsys):
    with serve(lambda path, headers: ANSWERS[path]()) as server:
        good, gone = f"{server.url}/good", f"{server.url}/gone"
        found = {good: ["README.md"], gone: ["README.md", "CITATION.cff"]}
        monkeypatch.setattr(links, "addresses", lambda: found)
        assert links.main() == 1
        assert capsys.readouterr().out.splitlines() == [
            "2 addresses, 1 dead.", f"404 Not Found            {gone}  (README.md, CITATION.cff)"]
        del found[gone]
        assert links.main() == 0
        assert capsys.readouterr().out == "1 addresses, 0 dead.\n"


def test_it_starts_from_any_folder(tmp_path):
    code = "import links; print(len(links.addresses()))"
    env = {**os.environ, "PYTHONPATH": str(ROOT / "tools")}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True,
                          timeout=60)
    assert int(done.stdout) > 10, done.stderr
