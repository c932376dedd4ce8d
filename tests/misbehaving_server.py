"""A web server on the loopback interface that answers as it is told, mostly badly."""

import io
import socket
import struct
import threading
import time
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from PIL import Image

REAL_PICTURES = Path(__file__).resolve().parents[2] / "shared" / "xgass" / "images27"


@contextmanager
def serve(answer):
    """Run a server; ``answer(path, headers)`` returns what `reply` makes. Yields url and requests."""
    seen = SimpleNamespace(url="", requests=[], over=threading.Event())

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(405)
            self.end_headers()

        def do_GET(self):
            seen.requests.append((self.path, dict(self.headers)))
            send(self, answer(self.path, dict(self.headers)), seen.over)

        def log_message(self, *args):
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request, client_address):  # a client that went away is part of the game
            pass

    with Server(("127.0.0.1", 0), Handler) as server:
        seen.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield seen
        finally:
            seen.over.set()
            server.shutdown()


def reply(body=b"", status=200, fault=None, cut=None, **headers):
    """Describe an answer; `fault` is None, hang, reset, trickle or cut (after `cut` bytes of the body)."""
    return body, status, fault, cut, {name.replace("_", "-"): value for name, value in headers.items()}


def send(handler, answer, over):
    """Send what `reply` described."""
    body, status, fault, cut, headers = answer
    if fault == "hang":
        over.wait(60)
        return
    if fault == "reset":
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()
        return
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    if fault == "trickle":
        for i in range(len(body)):
            handler.wfile.write(body[i : i + 1])
            if over.wait(0.05):
                return
    handler.wfile.write(body[:cut])
    if fault == "stall":
        handler.wfile.flush()
        over.wait(60)


def file_with_range(content, headers, **more):
    """Answer as a server that can send the rest of a file (`Range: bytes=N-`)."""
    start = int(headers["Range"].removeprefix("bytes=").removesuffix("-")) if "Range" in headers else None
    if start is None:
        return reply(content, **more)
    if start >= len(content):
        return reply(status=416)
    where = f"bytes {start}-{len(content) - 1}/{len(content)}"
    return reply(content[start:], status=206, Content_Range=where, **more)


@cache
def jpeg(number=0, size=224):
    """Make a picture: a real galaxy, enlarged, where the real ones are at hand, else a blob with noise."""
    real = sorted(REAL_PICTURES.glob("*.jpg"))
    if real:
        picture = Image.open(real[number % len(real)]).resize((size, size))
    else:
        y, x = np.mgrid[:size, :size] / size - 0.5
        light = 200 * np.exp(-(x**2 + y**2) / 0.02) + np.random.default_rng(number).normal(
            10, 3, (size, size)
        )
        picture = Image.fromarray(np.clip(light, 0, 255).astype(np.uint8)).convert("RGB")
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=90)
    return out.getvalue()


def wait_for(condition, seconds=10.0):
    """Wait until a condition holds; fail if it does not."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
