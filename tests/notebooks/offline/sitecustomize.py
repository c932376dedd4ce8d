"""Put into PYTHONPATH, this cuts a Python process and its children off from every other machine.

What it tried to reach goes into the file that OFFLINE_LOG names: a program may catch the error.
"""

import os
import socket

HERE = ("localhost", "127.0.0.1", "::1", "0.0.0.0", "", None, socket.gethostname())
lookup, connect = socket.getaddrinfo, socket.socket.connect


def refuse(host):
    """Note the attempt and fail as a machine without a network does."""
    with open(os.environ["OFFLINE_LOG"], "a") as log:
        log.write(f"{host}\n")
    raise OSError(101, "Network is unreachable")


def guarded_lookup(host, *arguments, **options):
    if host not in HERE:
        refuse(host)
    return lookup(host, *arguments, **options)


def guarded_connect(sock, address):
    local = sock.family not in (socket.AF_INET, socket.AF_INET6) or address[0] in HERE
    if not local and not address[0].startswith("127."):
        refuse(address[0])
    return connect(sock, address)


socket.getaddrinfo = guarded_lookup
socket.socket.connect = guarded_connect
