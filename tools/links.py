"""Ask every address that the texts and the downloads of the tutorial name whether it still answers.

Prints a table of the dead ones; the exit status is 1 if there are any.
"""

import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "day2"))

from xgass import fetch, pictures  # noqa: E402

TEXTS = (
    "README.md",
    "CONTRIBUTING.md",
    "CITATION.cff",
    "day2/README.md",
    "data/README.md",
    "data/mock/README.md",
)
ADDRESS = re.compile(r"https?://[^\s<>()\[\]{}\"'`|\\]+")
BADGE = re.compile(r"https://colab\.research\.google\.com/github/[^/]+/[^/]+/blob/([^/]+)/([^#?]+)")
HERE = ("localhost", "127.0.0.1")  # what a cell shows on the reader's own machine
DOI = ("doi.org", "dx.doi.org")
M87 = (187.7059, 12.3911)  # RA, Dec (deg): a place in the sky that every picture service has
TIMEOUT = (10, 20)  # s, to connect and to hear the first byte
RETRY = Retry(
    total=2,
    backoff_factor=1,
    status_forcelist=(429, 500, 502, 503, 504),
    raise_on_status=False,
    respect_retry_after_header=False,
)  # a server may ask for hours


def addresses(root=ROOT):
    """Return {address: [names of the files that hold it]}, texts first, then notebooks and downloads."""
    texts = {name: (root / name).read_text(encoding="utf-8") for name in TEXTS if (root / name).exists()}
    for path in sorted((root / "day2").glob("*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        texts[f"day2/{path.name}"] = "\n".join(c.source for c in cells if c.cell_type == "markdown")
    found = {}
    for name, text in texts.items():
        for address in ADDRESS.findall(text):
            address = address.rstrip(".,;:*_")
            if urlsplit(address).hostname not in HERE:
                found.setdefault(address, []).append(name)
    downloads = [*fetch.CATALOGUE]
    downloads += [pictures.picture_url(service, *M87) for service in fetch.PICTURES]
    found |= {address: [*found.get(address, []), "day2/xgass/fetch.py"] for address in downloads}
    return {address: list(dict.fromkeys(names)) for address, names in found.items()}


def ask(address, root=ROOT):
    """Ask for one address.

    Returns
    -------
    alive : bool
    word : str
        The status, or why there is none.
    """
    if badge := BADGE.match(address):  # Colab answers 200 whatever the path
        branch, path = badge.groups()
        if branch != "main":
            return False, f"branch {branch}, not main"
        here = (root / path).is_file()
        return here, f"{path} is {'' if here else 'not '}in this repository"
    with requests.Session() as session:
        session.mount("http://", HTTPAdapter(max_retries=RETRY))
        session.mount("https://", HTTPAdapter(max_retries=RETRY))
        session.headers["User-Agent"] = f"{fetch.HEADERS['User-Agent']} link check"
        for method in ("HEAD", "GET"):  # some servers refuse HEAD, or answer it wrongly
            try:
                with session.request(method, address, timeout=TIMEOUT, stream=True) as reply:
                    status, word = reply.status_code, f"{reply.status_code} {reply.reason}"
            except requests.RequestException as error:
                status, word = None, type(error).__name__
            if status is not None and status < 400:
                return True, word
    if status == 403 and urlsplit(address).hostname in DOI:
        return True, "403 to robots: the DOI counts as alive"
    return False, word


def main():
    """Ask for all, print what was found; return the exit status."""
    found = addresses()
    with ThreadPoolExecutor(4) as pool:
        answers = dict(zip(found, pool.map(ask, found), strict=True))
    dead = {address: word for address, (alive, word) in answers.items() if not alive}
    for address, (alive, word) in answers.items():
        if alive and not word.startswith("2"):  # alive in a way that the reader should know of
            print(f"{address}: {word}")
    print(f"{len(found)} addresses, {len(dead)} dead.")
    for address, word in dead.items():
        print(f"{word:24} {address}  ({', '.join(found[address])})")
    return 1 if dead else 0


if __name__ == "__main__":
    sys.exit(main())
