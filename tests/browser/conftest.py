"""A real browser, driven as a learner drives it; screenshots are kept under build/browser/."""

import os
import re
import shutil
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import sync_playwright

from notebooks import ROOT

NAMES = ["chromium", "chromium-browser", "google-chrome"]
NAMES += ["/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"]
FLAGS = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
# The Colab badge at the head of each notebook: a picture on another host, kept from the network here.
BADGE = "https://colab.research.google.com/assets/colab-badge.svg"


@pytest.fixture(scope="module")
def open_page():
    """Return a function that opens an address: (page, faults), where the list of faults grows with use.

    A fault is an error in a script or on the console, a request that failed, or one to another machine.
    """
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if not path:
        pytest.skip("no browser: install Chromium or Google Chrome, or name one in the variable CHROMIUM")

    def open_it(address, **screen):
        page, faults = chromium.new_context(**screen).new_page(), []

        def guard(route):
            url = urlsplit(route.request.url)
            if url.geturl() == BADGE:
                route.fulfill(status=204)
            elif url.scheme in ("data", "blob", "file") or url.hostname in ("localhost", "127.0.0.1"):
                route.continue_()
            else:
                faults.append(f"asks {url.hostname}")
                route.abort()

        page.route("**/*", guard)
        page.on("requestfailed", lambda request: faults.append(f"{request.url[:200]}: {request.failure}"))
        page.on("pageerror", lambda error: faults.append(f"script: {error}"))
        page.on("console", lambda line: line.type == "error" and faults.append(f"console: {line.text}"))
        page.goto(address, timeout=60_000)
        return page, faults

    with sync_playwright() as playwright:
        # Playwright leaves the sandbox off: root has none, and only our own pages are opened.
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield open_it
        chromium.close()


@pytest.fixture
def keep():
    """Return a function that keeps what a page shows as build/browser/NAME.png."""
    return lambda page, name: page.screenshot(path=ROOT / "build" / "browser" / f"{name}.png")


@pytest.fixture
def open_folds():
    """Return a function that opens every folded hint and solution by a click, and asserts what it shows."""

    def open_all(page, nb):
        folds = page.locator("details")
        titles = [
            title for cell in nb.cells for title in re.findall(r"<summary>(\w+)</summary>", cell.source)
        ]
        assert folds.locator("summary").all_inner_texts() == titles
        for fold in folds.all():
            inside = fold.locator(":scope > :not(summary)")
            assert inside.count() and not any(part.is_visible() for part in inside.all()), "folded at first"
            fold.locator("summary").click()
            assert all(part.is_visible() and part.inner_text().strip() for part in inside.all()), "open"

    return open_all
