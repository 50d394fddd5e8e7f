"""Peers that hold no key, at full speed: what anybody who reaches a kernel's ports may try.

    python hostile.py KIND PORT SECONDS CONNECTIONS

Loopback only, bounded in time and in number; it stops by itself. `flood()` runs it beside a test.
"""

import contextlib
import itertools
import os
import pathlib
import socket
import struct
import subprocess
import sys
import threading
import time

LONGEST = 30  # seconds
MOST = 1000  # connections
HERE = ("127.0.0.1", "localhost")
CHUNK = 1 << 16


def frame(body, more=False):
    """A frame of ZMTP 3.0, the wire protocol of ZeroMQ."""
    if len(body) < 256:
        return bytes([more, len(body)]) + body
    return bytes([2 | more]) + struct.pack(">Q", len(body)) + body


def connect(port, kind):
    """A connection that has shaken hands as a socket of a kind; for nothing else is a key asked."""
    peer = socket.create_connection((HERE[0], port), timeout=10)
    peer.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32))
    ready = b"\x05READY\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind
    peer.sendall(bytes([4, len(ready)]) + ready)
    heard = b""
    while len(heard) < 64 and (part := peer.recv(4096)):
        heard += part
    return peer


def subscriptions(length):
    """Requests for ever new topics; each chunk holds some hundred."""
    numbers = itertools.count(int.from_bytes(os.urandom(4), "big") << 20)
    while True:
        yield b"".join(frame(b"\x01" + b"%0*x" % (length, next(numbers))) for _ in range(500))


def repeated(*messages):
    """The same messages over and over."""
    one = b"".join(messages)
    chunk = one * max(1, CHUNK // len(one))
    while True:
        yield chunk


def parts(*bodies):
    return b"".join(frame(body, more=i + 1 < len(bodies)) for i, body in enumerate(bodies))


def forged(size):
    return parts(b"<IDS|MSG>", b"0" * 64, b"{}", b"{}", b"{}", b"x" * size)


def noise():
    while True:
        yield os.urandom(CHUNK)


# What is sent on one connection after another: the socket's kind (None: no handshake), the chunks.
STREAMS = {
    "topics": lambda: (b"SUB", subscriptions(16)),
    "long topics": lambda: (b"SUB", subscriptions(250)),
    "huge topics": lambda: (b"SUB", subscriptions(100_000)),
    "one topic on and off": lambda: (b"SUB", repeated(frame(b"\x01a"), frame(b"\x00a"))),
    "messages to iopub": lambda: (b"SUB", repeated(frame(b"x" * 500))),
    "echoes": lambda: (b"REQ", repeated(parts(b"", b"x" * 900))),
    "huge echoes": lambda: (b"REQ", repeated(parts(b"", b"x" * (1 << 20)))),
    "garbage": lambda: (b"DEALER", repeated(frame(b"hello"))),
    "forged": lambda: (b"DEALER", repeated(forged(100))),
    "large forged": lambda: (b"DEALER", repeated(forged(10 << 20))),
    "many frames": lambda: (b"DEALER", repeated(parts(*[b""] * 5000))),
    "noise": lambda: (None, noise()),
    "connections": lambda: (None, iter(())),
}


class Peer:
    """One thread's connections. Whoever is cut off comes again."""

    def __init__(self, name, port, end):
        self.name, self.port, self.end = name, port, end
        self.sent = self.connections = 0

    def send(self):
        kind, chunks = STREAMS[self.name]()
        with connect(self.port, kind) if kind else socket.create_connection(
                (HERE[0], self.port), timeout=10) as peer:
            self.connections += 1
            for chunk in chunks:
                if time.monotonic() > self.end:
                    return
                peer.settimeout(max(0.01, self.end - time.monotonic()))
                peer.sendall(chunk)
                self.sent += len(chunk)
            while time.monotonic() < self.end and peer.recv(4096):  # only there
                pass

    def run(self):
        while time.monotonic() < self.end:
            with contextlib.suppress(OSError):
                self.send()
            time.sleep(0.001)


def main(name, port, seconds, connections):
    end = time.monotonic() + min(float(seconds), LONGEST)
    peers = [Peer(name, int(port), end) for _ in range(min(int(connections), MOST))]
    threading.stack_size(1 << 18)
    threads = [threading.Thread(target=peer.run, daemon=True) for peer in peers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0, end + 1 - time.monotonic()))
    print(sum(peer.sent for peer in peers), sum(peer.connections for peer in peers))


@contextlib.contextmanager
def flood(name, port, seconds, connections=1):
    """Runs the peers beside what is done inside."""
    with subprocess.Popen([sys.executable, str(pathlib.Path(__file__)), name, str(port),
                           str(seconds), str(connections)], stdout=subprocess.PIPE,
                          text=True) as process:
        try:
            time.sleep(0.3)
            yield process
        finally:
            process.kill()


if __name__ == "__main__":
    main(*sys.argv[1:])
