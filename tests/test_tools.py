"""The tools that run and save notebooks, on small ones; the one that asks links, on a server here."""

import os
import re
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from urllib3.util import Retry
from werkzeug import Response

import links
from notebooks import KERNELSPEC, ROOT

FIGURE = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"


def save(path, *cells):
    nbformat.write(new_notebook(cells=list(cells), metadata={"kernelspec": KERNELSPEC}), path)
    return path


def tool(*arguments, **env):
    command = [sys.executable, ROOT / "tools" / "notebooks.py", *map(str, arguments)]
    return subprocess.run(command, text=True, capture_output=True, timeout=300, env={**os.environ, **env})


def test_run_leaves_copy_page_and_times(tmp_path):
    """With a HOME that cannot be written, and a `python3` kernel of the user's own that must not win."""
    kernel = tmp_path / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text('{"argv": ["false"], "display_name": "broken", "language": "python"}')
    (tmp_path / "home").touch()  # no folder: not even root can write there
    path = save(
        tmp_path / "good.ipynb",
        new_markdown_cell("# Waiting\n\n```\n# no heading\n```"),
        new_code_cell("print('Using the SIMULATED sample: 3 galaxies')"),
        new_markdown_cell("# Next\n\n[part 2](02-deep-learning.ipynb)"),
        new_code_cell(FIGURE),
    )
    before = path.read_bytes()
    env = {"JUPYTER_PATH": str(tmp_path / "jupyter"), "JUPYTER_PREFER_ENV_PATH": "0"}
    done = tool("run", path, "--out", tmp_path / "build", HOME=str(tmp_path / "home" / "me"), **env)
    assert done.returncode == 0, done.stderr
    *table, universe = [line for line in done.stdout.splitlines() if line]
    assert [line.rsplit(maxsplit=1)[0] for line in table] == ["good.ipynb", "Waiting", "Next", "total"]
    assert universe == "Using the SIMULATED sample: 3 galaxies"
    assert path.read_bytes() == before, "run works on a copy"
    nb = nbformat.read(tmp_path / "build" / "good.ipynb", as_version=4)
    assert "image/png" in nb.cells[3].outputs[-1].data
    page = (tmp_path / "build" / "good.html").read_text(encoding="utf-8")
    assert not re.search(r"<(?:script|link|img)\b[^>]*(?:src|href)=[\"'](?!data:)|import\(|@import", page)
    assert 'href="02-deep-learning.html"' in page and "<title>Waiting</title>" in page


def test_a_failed_run_tells_the_truth(tmp_path):
    """Which cell failed and why; and nothing of an earlier run is taken for one of this."""
    old = {"outputs": [new_output("stream", text="Using the real xGASS catalogue: 9 galaxies\n")]}
    path = save(
        tmp_path / "bad.ipynb",
        new_markdown_cell("# Trees"),
        new_code_cell("print('before')", execution_count=7, **old),
        new_code_cell("def f(x):\n    return 1 / x\n\nf(0)", execution_count=8),
        new_code_cell("print('after')", execution_count=9, **old),
    )
    done = tool("run", path, "--out", tmp_path / "build")
    assert done.returncode == 1 and "Using" not in done.stdout
    message = done.stderr.strip()
    assert "bad.ipynb failed in cell 3, section 'Trees'" in message
    assert "f(0)" in message and "ZeroDivisionError: division by zero" in message
    assert len(message.splitlines()) <= 6 and "Traceback" not in message
    cells = nbformat.read(tmp_path / "build" / "bad.ipynb", as_version=4).cells
    assert cells[1].outputs[0].text == "before\n" and not cells[3].outputs, "the partial copy is kept"


@pytest.mark.parametrize(("code", "fault"), [
    ("import warnings\nwarnings.warn('old')", "cell 1, stderr"),
    ("import os\nprint('/home/me/x.csv')", "cell 1, path of this machine: /home/me/x.csv"),
    ("1 / 0", "ZeroDivisionError"),
])  # fmt: skip
def test_refresh_refuses(tmp_path, code, fault):
    path = save(tmp_path / "unfit.ipynb", new_code_cell(code))
    before = path.read_bytes()
    done = tool("refresh", path)
    assert done.returncode == 1 and "unfit.ipynb is not saved" in done.stderr and fault in done.stderr
    assert path.read_bytes() == before


def test_refresh_saves_the_same_file_twice(tmp_path):
    slider = "from ipywidgets import IntSlider\nIntSlider().value"
    path = save(tmp_path / "fit.ipynb", new_code_cell("import os\nprint(os.environ['XGASS_SOURCE'])"),
                new_code_cell(slider))  # fmt: skip
    assert tool("refresh", path, TUTORIAL_FAST="1").returncode == 0
    first = path.read_bytes()
    assert tool("refresh", path).returncode == 0 and path.read_bytes() == first
    assert nbformat.read(path, as_version=4).cells[0].outputs[0].text == "mock\n"


def test_refresh_of_part_1_needs_the_real_catalogue(tmp_path):
    path = save(tmp_path / "01-part.ipynb", new_code_cell("1"))
    done = tool("refresh", path, XGASS_DATA=str(tmp_path))
    assert done.returncode == 1 and "real catalogue" in done.stderr and "make data" in done.stderr


@pytest.fixture
def answers(httpserver, monkeypatch):
    """A server with pages that are alive and dead; each is asked again once, and at once."""
    once = Retry(total=1, status_forcelist=links.RETRY.status_forcelist, raise_on_status=False)
    monkeypatch.setattr(links, "RETRY", once)
    httpserver.expect_request("/moved").respond_with_data(status=301, headers={"Location": "/good"})
    httpserver.expect_request("/gone").respond_with_data(status=404)
    httpserver.expect_request("/broken").respond_with_data(status=500)
    httpserver.expect_request("/robots").respond_with_data(status=403)
    tried = iter([500, 200])
    httpserver.expect_request("/recovers").respond_with_handler(lambda _: Response(status=next(tried)))
    only_get = lambda request: Response(status=200 if request.method == "GET" else 405)  # noqa: E731
    httpserver.expect_request("/no-head").respond_with_handler(only_get)
    httpserver.expect_request("/good").respond_with_data("good")
    return httpserver


def test_what_counts_as_alive(answers, monkeypatch):
    pages = "good moved recovers no-head gone broken robots".split()
    alive = {page: links.ask(answers.url_for(f"/{page}"))[0] for page in pages}
    assert alive == dict.fromkeys(pages[:4], True) | dict.fromkeys(pages[4:], False)
    assert links.ask("http://127.0.0.1:9/") == (False, "ConnectionError")
    monkeypatch.setattr(links, "DOI", ("localhost", "127.0.0.1"))
    assert links.ask(answers.url_for("/robots"))[0], "the DOI counts as alive"
    badge = "https://colab.research.google.com/github/jwuphysics/AstroHackWeek2022/blob/{}/day2/{}"
    opened = [("main", "02-deep-learning.ipynb"), ("master", "02-deep-learning.ipynb"), ("main", "03.ipynb")]
    assert [links.ask(badge.format(*where))[0] for where in opened] == [True, False, False]


def test_dead_links_are_told(answers, monkeypatch, capsys):
    found = {answers.url_for("/good"): ["README.md"], answers.url_for("/gone"): ["README.md"]}
    monkeypatch.setattr(links, "addresses", lambda: found)
    assert links.main() == 1
    told = capsys.readouterr().out
    assert re.search(r"2 addresses, 1 dead.\n404 NOT FOUND +http\S+/gone  \(README.md\)", told)


def test_the_addresses_of_this_repository_are_found():
    found = links.addresses()
    assert found["https://arxiv.org/abs/1008.4686"] == ["README.md"], "neither ')' nor ':' belongs to it"
    assert "day2/xgass" in str(found["https://xgass.icrar.org/assets/data/xGASS_representative_sample.fits"])
    assert len([address for address, names in found.items() if "day2/xgass" in str(names)]) >= 5
    assert not [address for address in found if not re.fullmatch(r"https://[\w.-]+(?:/[^\s{}]*)?", address)]
