"""What the tests of the data are made of: a table like the real one, as files; pictures; a bad server."""

import io
import socketserver
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
from astropy.table import Table
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
MOCK = ROOT / "data" / "mock"
STEM = "xGASS_representative_sample"
FITS = f"{STEM}.fits"
NOBODY = "http://127.0.0.1:9"  # a port where nobody listens
REAL_LINE = "Using the real xGASS catalog: 1179 galaxies (Catinella et al. 2018).\n"


def as_real():
    """Return the simulated table under ids that real galaxies could have, with the types of the real one."""
    df = pd.read_csv(MOCK / "catalog.csv")
    df["GASS"] -= 890_000
    df["ext_r"] = (0.1 + 0.05 * np.sin(np.radians(2 * df["RA"])) + 0.0045 * df["DEC"]).round(4)  # as dust is
    df.insert(1, "SDSS", [f"J{i:06d}.00+000000.0" for i in range(len(df))])  # a further column, of text
    floats = df.select_dtypes("float64").columns.difference(["RA", "DEC"])
    return df.astype(dict.fromkeys(floats, np.float32) | {"GASS": np.int32, "HIsrc": np.int16})


def as_table(df, form):
    """Return the file that astropy writes."""
    table = Table.from_pandas(df.astype({name: object for name in df if isinstance(df[name].iloc[0], str)}))
    out = io.BytesIO() if form in ("fits", "votable") else io.StringIO()
    table.write(out, format=form)
    return out.getvalue()


def text(df, separator=" ", comment="#"):
    """Return a table as the official ASCII file has it: the names behind a #, then a line per galaxy."""
    rows = [separator.join(map(str, row)) for row in df.astype(str).to_numpy()]  # 3.11, not 3.10999
    return "\n".join([comment + separator.join(df.columns), *rows, ""])


def jpeg(size=224, form="JPEG", peak=200):
    """Return a picture of a blob."""
    y, x = np.mgrid[:size, :size] / size - 0.5
    out = io.BytesIO()
    Image.fromarray((peak * np.exp(-(x**2 + y**2) / 0.02)).astype(np.uint8)).convert("RGB").save(out, form)
    return out.getvalue()


GOOD = jpeg()
HALF = GOOD[: len(GOOD) // 2]


def put(folder, raw, *names):
    """Write a file under one or several names into a folder, which is made; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or [FITS]:
        (folder / name).write_bytes(raw if isinstance(raw, bytes) else raw.encode())
    return folder


def put_pictures(folder, ids, raw=GOOD):
    """Write one picture per id into ``folder/images``; return the folder."""
    return put(folder / "images", raw, *[f"{gass}.jpg" for gass in ids]).parent


def http(body=b"", status=200, **headers):
    """Return the bytes of an answer."""
    headers = {"Connection": "close", "Content-Length": len(body), **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} -\r\n{lines}\r\n".encode() + body


@contextmanager
def serve(answer):
    """Serve on the loopback what ``answer(path)`` yields: bytes to send, or None to fall silent."""
    seen = SimpleNamespace(paths=[], agents=set(), now=0, most=0, over=threading.Event())

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            first, *headers = [line.decode() for line in iter(self.rfile.readline, b"\r\n")]
            seen.agents |= {line[12:].strip() for line in headers if line.lower().startswith("user-agent:")}
            seen.paths.append(path := first.split()[1])
            seen.now += 1
            seen.most = max(seen.most, seen.now)
            with suppress(OSError):  # the other side has gone away, as it should
                for piece in answer(path):
                    if piece is None or seen.over.is_set():
                        seen.over.wait(60)
                        break
                    self.wfile.write(piece)
            seen.now -= 1

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads, block_on_close, request_queue_size = True, False, 64

    with Server(("127.0.0.1", 0), Handler) as server:
        seen.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield seen
        finally:
            seen.over.set()
            server.shutdown()
