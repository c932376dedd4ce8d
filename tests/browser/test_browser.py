"""In a real browser: the notebooks as a learner runs them, the site on a desk, on a phone and on paper."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from cells import NOTEBOOKS, ROOT, is_folded, parts, pictures_of, read

pytestmark = pytest.mark.full
PART_OF_PAGE = {Path(name).stem: part for part, name in NOTEBOOKS.items()}
SCREENS = {
    "desk": {"viewport": {"width": 1100, "height": 800}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}
NAMES = ["chromium", "chromium-browser", "google-chrome"]
NAMES += ["/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"]
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"
MINUTES = 60_000  # in the milliseconds of Playwright
# On its way to a new kernel JupyterLab is idle for moments, and drops what is run then.
KERNEL_READY = """() => {
    const bar = document.querySelector("#jp-main-statusbar");
    if (!bar?.textContent.includes("Python 3 (ipykernel) | Idle")) window.busy = Date.now();
    return Date.now() - (window.busy ??= Date.now()) > 3000;
}"""
# Returns what a reader, or paper, would miss; an empty list is a good page.
FAULTS = """paper => {
    const faults = [], page = document.documentElement;
    if (page.scrollWidth > page.clientWidth) faults.push("the text scrolls sideways");
    for (const e of document.querySelectorAll("article *")) {
        const cuts = paper ? e.matches("pre, table") : /hidden|clip/.test(getComputedStyle(e).overflowX);
        if (cuts && e.clientWidth && e.scrollWidth > e.clientWidth + 1) faults.push(`cut: ${e.outerHTML}`);
        const box = e.getBoundingClientRect();
        if (e.tagName != "IMG") continue;
        if (e.naturalWidth < 100 || box.width < 100) faults.push(`not shown: ${e.src}`);
        if (box.right > page.clientWidth || paper && box.height > innerHeight) faults.push(`cut: ${e.src}`);
        if (e.alt.length < 20 || e.alt.includes("_images")) faults.push(`without words: ${e.src}`);
    }
    return faults.map(fault => fault.slice(0, 200));
}"""


OPEN_SECTIONS = "document.querySelectorAll('details.deeper, details.hide').forEach(fold => fold.open = true)"


@pytest.fixture(scope="module")
def open_page():
    """Return a function that opens an address: (page, faults), where the list of faults grows with use."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if not path:
        pytest.skip("no browser: install Chromium or Google Chrome, or name one in the variable CHROMIUM")

    def open_it(address, **screen):
        page, faults = chromium.new_context(**screen).new_page(), []

        def note(what, url=""):
            if "colab-badge.svg" not in url:  # at the head of each notebook; no other machine is asked
                faults.append(f"{what}: {url[:200]}")

        page.on("requestfailed", lambda request: note(request.failure, request.url))
        page.on("pageerror", note)
        page.on("console", lambda line: line.type == "error" and note(line.text, line.location["url"]))
        page.goto(address, timeout=60_000)
        return page, faults

    with sync_playwright() as playwright:
        # Playwright leaves the sandbox off: root has none, and only our own pages are opened.
        chromium = playwright.chromium.launch(executable_path=path, args=[OFFLINE])
        yield open_it
        chromium.close()


def figures(nb):
    return [picture for cell in nb.cells for picture in pictures_of(cell)]


def open_folds(page, nb):
    """Open every folded hint, answer and solution by a click; the site's own folds are open."""
    folds = page.locator("details:not(.deeper, .hide)")
    expect(folds).to_have_count("".join(cell.source for cell in nb.cells).count("<details>"))
    for fold in folds.all():
        inside = fold.locator(":scope > :not(summary)").first
        expect(inside).to_be_hidden()
        fold.locator("summary").click()
        expect(inside).to_be_visible()


@pytest.fixture
def lab(tmp_path):
    """Return the address of a notebook in a JupyterLab with settings of its own, on a copy of day2/."""
    settings = {
        "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
        # JupyterLab may leave cells out of the page that are off the screen; here every cell is looked at.
        "notebook-extension/tracker": {"windowingMode": "none"},
    }
    for plugin, values in settings.items():
        path = tmp_path / f"config/lab/user-settings/@jupyterlab/{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(values))
    for name in ("day2", "data/mock"):
        shutil.copytree(ROOT / name, tmp_path / "work" / name, ignore=shutil.ignore_patterns("models"))
    env = {f"JUPYTER_{kind}_DIR": str(tmp_path / kind.lower()) for kind in ("CONFIG", "RUNTIME")}
    env |= {"TUTORIAL_FAST": "1", "XGASS_SOURCE": "mock"}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.port=0"]
    command += [f"--ServerApp.root_dir={tmp_path / 'work' / 'day2'}"]
    with subprocess.Popen(command, env=os.environ | env) as server:
        while not (found := list((tmp_path / "runtime").glob("jpserver-*.json"))):
            assert server.poll() is None, "JupyterLab has not started"
            time.sleep(0.1)
        info = json.loads(found[0].read_text())
        yield lambda name: f"{info['url']}lab/tree/{name}?token={info['token']}"
        server.terminate()


@pytest.mark.parametrize("part", NOTEBOOKS)
def test_run_all_cells(part, lab, open_page):
    """Every cell runs, those in closed sections too; every figure is shown; code and sections are folded."""
    nb = read(part)
    code = [cell for cell in nb.cells if cell.cell_type == "code"]
    page, faults = open_page(lab(NOTEBOOKS[part]), **SCREENS["desk"])
    page.wait_for_function(KERNEL_READY, timeout=2 * MINUTES)
    closed = page.locator(".jp-collapseHeadingButton.jp-mod-collapsed")
    expect(closed).to_have_count(len(parts(nb)) - 1)  # all but the core
    expect(page.locator(".jp-CodeCell .jp-InputPlaceholder")).to_have_count(sum(map(is_folded, code)))
    page.get_by_role("menubar").get_by_text("Run", exact=True).click()
    page.locator(".lm-Menu").get_by_text("Run All Cells", exact=True).click()
    prompts = page.locator(".jp-CodeCell .jp-InputArea-prompt")
    expect(prompts.last).to_have_text("[*]:", timeout=1 * MINUTES)
    expect(prompts.last).not_to_have_text("[*]:", timeout=10 * MINUTES)
    in_sight = [f"[{number}]:" for number, cell in enumerate(code, start=1) if not is_folded(cell)]
    assert prompts.all_text_contents() == in_sight
    wrong = page.locator('[data-mime-type$="jupyter.error"], [data-mime-type$="jupyter.stderr"]')
    assert wrong.all_text_contents() == []
    expect(page.locator(".jp-OutputArea-output img")).to_have_count(len(figures(nb)))
    while closed.count():
        closed.first.dispatch_event("click")  # it is shown only under the pointer
    open_folds(page, nb)
    assert faults == []


@pytest.mark.parametrize(("screen", "scheme"), [("desk", "dark"), ("phone", "light")])
def test_site(screen, scheme, site, open_page):
    """From disk: every page is whole, alone, readable, and can be printed; folds open."""
    for path in [path for path in sorted(site.rglob("*.html")) if "_static" not in path.parts]:
        page, faults = open_page(path.as_uri(), color_scheme=scheme, **SCREENS[screen])
        assert page.evaluate("document.documentElement.dataset.theme") == scheme
        page.evaluate(OPEN_SECTIONS)
        faults += page.evaluate(FAULTS, False)
        if path.stem in PART_OF_PAGE:
            nb = read(PART_OF_PAGE[path.stem])
            assert page.locator("article img").count() == len(figures(nb)) > 0
            open_folds(page.locator("article"), nb)
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 680, "height": 1000})  # A4 without its margins
        faults += page.evaluate(FAULTS, True)
        assert (path.name, faults) == (path.name, [])
        page.context.close()


def test_search_finds(site, open_page):
    page, _ = open_page(f"{site.as_uri()}/search.html?q=Tobit", **SCREENS["desk"])
    page.locator("#search-results a", has_text="part 1").first.click()
    page.wait_for_url("**/01-intro-machine-learning.html*")
