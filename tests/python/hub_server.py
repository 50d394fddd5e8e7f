"""A Hugging Face hub on this machine, that behaves, or misbehaves as a test tells it.

Two servers: the hub, which describes files and serves the small ones, and the store behind it,
which serves the large ones from another port, as the real hub does.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Callable
from urllib.parse import unquote

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def git_sha1(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Asked:
    """A request as a server saw it."""

    server: str  # "hub" or "store"
    method: str
    name: str
    headers: dict[str, str]  # names in lower case
    path: str


@dataclass
class Hub:
    """`misbehave[name]` are functions called in turn, each for one GET of that file, in place of
    the true answer; `describe[name]` changes the headers of its HEAD."""

    repo: str
    files: dict[str, bytes]
    commit: str = COMMIT
    asked: list[Asked] = field(default_factory=list)
    misbehave: dict[str, list[Callable]] = field(default_factory=dict)
    describe: dict[str, Callable] = field(default_factory=dict)
    token: str | None = None  # asked for, if any
    renamed: str | None = None  # what the model was called before
    everything_small: bool = False  # the hub serves all files itself
    scheme: dict[str, str] = field(default_factory=lambda: {"hub": "http", "store": "http"})
    redirect: str | None = None  # where GETs of large files are sent, instead of to the store
    mirror_of: str | None = None  # an address that everything is sent on to
    branches: tuple[str, ...] = ("main",)
    release: threading.Event = field(default_factory=threading.Event)  # ends whoever stalls
    reached: threading.Event = field(default_factory=threading.Event)  # someone stalls now

    def __enter__(self) -> Hub:
        self.servers = {}
        for name in ("hub", "store"):
            server = QuietServer(("127.0.0.1", 0), handler_of(self, name))
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            self.servers[name] = server
        return self

    def __exit__(self, *unused) -> None:
        self.release.set()
        for server in self.servers.values():
            server.shutdown()
            server.server_close()

    def url(self, server: str = "hub") -> str:
        return f"{self.scheme[server]}://127.0.0.1:{self.servers[server].server_address[1]}"

    def is_large(self, name: str) -> bool:
        return name.endswith(".safetensors") and not self.everything_small

    def digest(self, name: str) -> str:
        data = self.files[name]
        return sha256(data) if self.is_large(name) else git_sha1(data)

    def gets(self, name: str) -> list[Asked]:
        """The GETs of a file that its bytes came from, in order."""
        server = "store" if self.is_large(name) else "hub"
        return [a for a in self.asked
                if a.method == "GET" and a.name == name and a.server == server]


class QuietServer(ThreadingHTTPServer):
    """Says nothing of clients that leave, which is what half of the tests make them do."""

    daemon_threads = True
    block_on_close = False

    def handle_error(self, request, client_address) -> None:
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


def handler_of(hub: Hub, server: str):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 0

        def log_message(self, *unused):
            pass

        def answer(self, status: int, headers: dict[str, str], body: bytes = b"",
                   length: int | None = None) -> None:
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body) if length is None else length))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def note(self, name: str) -> None:
            headers = {key.lower(): value for key, value in self.headers.items()}
            hub.asked.append(Asked(server, self.command, name, headers, self.path))

        def refused(self, repo: str, name: str) -> bool:
            if hub.token and self.headers.get("Authorization") != f"Bearer {hub.token}":
                code = "GatedRepo" if self.headers.get("Authorization") else "RepoNotFound"
                self.answer(401, {"X-Error-Code": code})
            elif repo != hub.repo:
                self.answer(404, {"X-Error-Code": "RepoNotFound"})
            elif name not in hub.files:
                self.answer(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": hub.commit})
            else:
                return False
            return True

        def do_HEAD(self):
            self.serve_hub()

        def do_GET(self):
            if server == "store":
                name = self.path.rsplit("/", 1)[-1]
                self.note(name)
                self.serve_bytes(name)
            else:
                self.serve_hub()

        def serve_hub(self):
            # To a proxy a client names the host too.
            path = re.fullmatch(r"(?:http://hub\.test)?/([^/]+/[^/]+)/resolve/([^/]+)/([^/]+)",
                                self.path)
            if path and hub.mirror_of:
                self.note(path[3])
                self.answer(308, {"Location": hub.mirror_of + self.path})
                return
            if not path or unquote(path[2]) not in (*hub.branches, hub.commit):
                self.answer(404, {"X-Error-Code": "RevisionNotFound"})
                return
            name = path[3]
            self.note(name)
            if path[1] == hub.renamed:
                self.answer(307, {"Location": self.path.replace(hub.renamed, hub.repo)})
                return
            if self.refused(path[1], name):
                return
            headers = {"X-Repo-Commit": hub.commit}
            if hub.is_large(name):
                headers["X-Linked-Etag"] = f'"{hub.digest(name)}"'
                headers["X-Linked-Size"] = str(len(hub.files[name]))
                headers["Location"] = hub.redirect or f"{hub.url('store')}/store/{name}"
            else:
                headers["ETag"] = f'"{hub.digest(name)}"'
            if self.command == "HEAD" and name in hub.describe:
                hub.describe[name](self, headers)
            elif hub.is_large(name):
                self.answer(302, headers, b"Found")
            elif self.command == "HEAD":
                self.answer(200, headers, length=len(hub.files[name]))
            else:
                self.serve_bytes(name)

        def serve_bytes(self, name: str) -> None:
            waiting = hub.misbehave.get(name)
            if waiting:
                waiting.pop(0)(self, hub, name)
            else:
                serve(self, hub, name)

    return Handler


# ---- how a GET may be answered -------------------------------------------------------------------


def serve(handler, hub: Hub, name: str) -> None:
    """As it should be: all of it, or the part that Range names while If-Range holds."""
    data = hub.files[name]
    tag = f'"{"store-" if hub.is_large(name) else ""}{hub.digest(name)}"'
    wanted = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
    if wanted and handler.headers.get("If-Range", tag) == tag:
        first = int(wanted[1])
        if first >= len(data):
            handler.answer(416, {"Content-Range": f"bytes */{len(data)}"})
            return
        handler.answer(206, {"ETag": tag, "Content-Range":
                             f"bytes {first}-{len(data) - 1}/{len(data)}"}, data[first:])
    else:
        handler.answer(200, {"ETag": tag, "Accept-Ranges": "bytes"}, data)


def fail(status: int, **headers: str) -> Callable:
    def behave(handler, hub, name):
        handler.answer(status, {key.replace("_", "-"): value for key, value in headers.items()},
                       b"x" * 30000)
    return behave


def cut(length: int) -> Callable:
    """Promises all of it and hangs up after `length` bytes of it."""
    def behave(handler, hub, name):
        data = hub.files[name]
        handler.answer(200, {"ETag": f'"store-{hub.digest(name)}"'}, data[:length],
                       length=len(data))
        handler.close_connection = True
    return behave


def stall(length: int) -> Callable:
    """Sends `length` bytes, and then nothing, without hanging up."""
    def behave(handler, hub, name):
        data = hub.files[name]
        handler.answer(200, {}, data[:length], length=len(data))
        hub.reached.set()
        hub.release.wait(30)
        handler.close_connection = True
    return behave


def slowly(handler, hub, name) -> None:
    """All of it, over more than a second."""
    data = hub.files[name]
    handler.answer(200, {}, length=len(data))
    for at in range(0, len(data), len(data) // 15 + 1):
        handler.wfile.write(data[at : at + len(data) // 15 + 1])
        time.sleep(0.1)


def trickle_headers(handler, hub, name) -> None:
    """Begins an answer, and stalls within its headers."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    hub.release.wait(30)
    handler.close_connection = True


def garbage(handler, hub, name) -> None:
    handler.wfile.write(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
    handler.close_connection = True


def ignore_range(handler, hub, name) -> None:
    handler.answer(200, {}, hub.files[name])


def wrong_range(handler, hub, name) -> None:
    data = hub.files[name]
    handler.answer(206, {"Content-Range": f"bytes 0-{len(data) - 1}/{len(data)}"}, data)


def other_bytes(handler, hub, name) -> None:
    """The right length, and one bit that is not."""
    data = bytearray(hub.files[name])
    data[len(data) // 2] ^= 1
    handler.answer(200, {}, bytes(data))


def other_length(by: int) -> Callable:
    def behave(handler, hub, name):
        data = hub.files[name]
        handler.answer(200, {}, data + b"x" * by if by > 0 else data[:by])
    return behave


def endless(handler, hub, name) -> None:
    """No Content-Length, and more than there should be."""
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.close_connection = True
    try:
        handler.wfile.write(hub.files[name])
        for _ in range(1000):
            handler.wfile.write(b"x" * 65536)
    except OSError:
        pass


def quietly_short(handler, hub, name) -> None:
    """No Content-Length, and less than there should be."""
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(hub.files[name][:1000])
    handler.close_connection = True


def index_of(shards: dict[str, str]) -> bytes:
    """An index of weights: tensors to files."""
    return json.dumps({"metadata": {}, "weight_map": shards}).encode()
