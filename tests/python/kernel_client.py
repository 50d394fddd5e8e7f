"""A kernel on raw sockets: what goes over the wire, without a client library in between."""

import contextlib
import hashlib
import hmac
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import time
import uuid

import zmq

SOURCE = pathlib.Path(__file__).resolve().parents[2]
DELIMITER = b"<IDS|MSG>"
CHANNELS = ("shell", "iopub", "stdin", "control", "hb")


def build_folder():
    """Where the programs under test were built: that of PATCHBAY_BINARY, or the release build."""
    binary = os.environ.get("PATCHBAY_BINARY", SOURCE / "build/release/kernel/app/patchbay")
    return pathlib.Path(binary).parents[2]


def program(name):
    """The path of a program: 'patchbay' or 'fake_kernel'."""
    folder = {"patchbay": "kernel/app", "fake_kernel": "tests/protocol"}[name]
    return build_folder() / folder / name


class Ports:
    """Ports for kernels, which are told theirs before they listen.

    They lie below those the system hands out, in blocks: whoever listens on a block's first port has
    the others of it, so tests that run side by side never take a port from each other's kernels."""

    BLOCKS = range(10000, 32000, 400)

    def __init__(self):
        self.guard, self.mine, self.last = None, None, 0

    def take(self, count):
        """Ports that nobody listens on. None is given again soon: its last user may linger."""
        if self.guard is None:
            self.claim()
        found = []
        for _ in self.mine:
            port = self.mine[self.last % len(self.mine)]
            self.last += 1
            with socket.socket() as one, contextlib.suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                one.bind(("127.0.0.1", port))
                found.append(port)
            if len(found) == count:
                return found
        raise OSError("no port of this block is free")

    def claim(self):
        first = random.randrange(len(self.BLOCKS))
        for step in range(len(self.BLOCKS)):
            start = self.BLOCKS[(first + step) % len(self.BLOCKS)]
            try:
                guard = socket.create_server(("127.0.0.1", start))
            except OSError:
                continue
            self.guard, self.mine = guard, range(start + 1, start + self.BLOCKS.step)
            return
        raise OSError("every block of ports is taken")


PORTS = Ports()


def connection(tmp_path, **changes):
    """Writes a connection file; gives its path and its content. A change to None drops a field."""
    content = {"transport": "tcp", "ip": "127.0.0.1", "key": uuid.uuid4().hex,
               "signature_scheme": "hmac-sha256", "kernel_name": "patchbay"}
    if changes.get("transport") == "ipc":
        content["ip"] = str(tmp_path / "ipc")
        ports = range(1, 6)
    else:
        ports = PORTS.take(len(CHANNELS))
    content.update({f"{channel}_port": port for channel, port in zip(CHANNELS, ports)})
    content.update(changes)
    content = {key: value for key, value in content.items() if value is not None}
    path = tmp_path / f"kernel-{uuid.uuid4().hex[:8]}.json"
    path.write_text(json.dumps(content))
    path.chmod(0o600)
    return path, content


def command(name, path, *options):
    """The command line that starts a kernel."""
    verb = ["kernel"] if name == "patchbay" else []
    return [str(program(name)), *verb, "-f", str(path), *options]


class Client:
    """The sockets of one front end."""

    def __init__(self, content, identity=None, curve=None, topics=(b"",),
                 connect_stdin=True):
        self.content = content
        self.key = content.get("key", "").encode()
        self.identity = identity or uuid.uuid4().hex.encode()
        self.session = uuid.uuid4().hex
        self.context = zmq.Context()
        self.context.linger = 0
        self.context.sndtimeo = 1000  # a peer that refused us must not hang a test
        self.sockets = {}
        kinds = {"shell": zmq.DEALER, "control": zmq.DEALER, "stdin": zmq.DEALER,
                 "iopub": zmq.SUB, "hb": zmq.REQ}
        for channel, kind in kinds.items():
            one = self.context.socket(kind)
            one.reconnect_ivl = 1  # the default, 0.1 s, is what a kernel's start would measure
            if kind == zmq.DEALER:
                one.identity = self.identity
            if kind == zmq.SUB:
                one.rcvhwm = 0
                for topic in topics:
                    one.subscribe(topic)
            if curve:
                one.curve_publickey, one.curve_secretkey, one.curve_serverkey = curve(channel)
            if channel != "stdin" or connect_stdin:
                one.connect(self.endpoint(channel))
            self.sockets[channel] = one

    def endpoint(self, channel):
        separator = "-" if self.content["transport"] == "ipc" else ":"
        port = self.content[f"{channel}_port"]
        return f"{self.content['transport']}://{self.content['ip']}{separator}{port}"

    def close(self):
        self.context.destroy(linger=0)

    # -- out

    def header(self, kind, **more):
        return {"msg_id": uuid.uuid4().hex, "msg_type": kind, "session": self.session,
                "username": "test", "date": "2024-01-01T00:00:00Z", "version": "5.5", **more}

    def sign(self, frames):
        if not self.key:
            return b""
        digest = hmac.new(self.key, digestmod=hashlib.sha256)
        for frame in frames[:4]:
            digest.update(frame)
        return digest.hexdigest().encode()

    def frames(self, kind, content=None, parent=None, metadata=None, **more):
        """The four signed frames, and the message's id."""
        header = self.header(kind, **more)
        parts = [header, parent or {}, metadata or {}, content if content is not None else {}]
        return [json.dumps(part).encode() for part in parts], header["msg_id"]

    def send_frames(self, channel, frames, signature=None, buffers=()):
        signature = self.sign(frames) if signature is None else signature
        self.sockets[channel].send_multipart([DELIMITER, signature, *frames, *buffers])

    def send(self, kind, content=None, channel="shell", buffers=(), **more):
        """Sends a request; gives its id."""
        frames, identity = self.frames(kind, content, **more)
        self.send_frames(channel, frames, buffers=buffers)
        return identity

    def execute(self, code, **more):
        subshell = {"subshell_id": more.pop("subshell_id")} if "subshell_id" in more else {}
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {},
                   "allow_stdin": False, "stop_on_error": True, **more}
        return self.send("execute_request", content, **subshell)

    # -- in

    def receive(self, channel, timeout=60):
        """The next message, its signature checked; None if none comes."""
        one = self.sockets[channel]
        if not one.poll(timeout * 1000):
            return None
        parts = one.recv_multipart()
        start = parts.index(DELIMITER)
        signature, frames = parts[start + 1], parts[start + 2:]
        assert signature == self.sign(frames)
        header, parent, metadata, content = (json.loads(frame) for frame in frames[:4])
        assert isinstance(parent, dict) and isinstance(metadata, dict)
        return {"route": parts[:start], "type": header["msg_type"], "header": header,
                "parent": parent, "metadata": metadata, "content": content, "frames": frames,
                "buffers": frames[4:]}

    def expect(self, channel, timeout=60):
        message = self.receive(channel, timeout)
        assert message is not None, f"nothing came on {channel}"
        return message

    def reply(self, request, channel="shell", timeout=60):
        """The reply to a request, which must be the next message."""
        message = self.expect(channel, timeout)
        assert message["parent"].get("msg_id") == request, message
        return message

    def published(self, request, timeout=60):
        """All iopub messages of a request, from busy to idle."""
        messages = []
        while True:
            message = self.expect("iopub", timeout)
            if message["parent"].get("msg_id") != request:
                continue
            messages.append(message)
            if message["content"].get("execution_state") == "idle":
                assert messages[0]["content"] == {"execution_state": "busy"}
                return messages

    def run(self, code, timeout=60, **more):
        """Runs a cell: its reply's content, and the (type, content) pairs between busy and idle."""
        request = self.execute(code, **more)
        reply = self.reply(request, timeout=timeout)
        messages = self.published(request, timeout)
        return reply["content"], [(one["type"], one["content"]) for one in messages[1:-1]]

    def ask(self, kind, content=None, channel="shell", **more):
        """Sends a request and gives its reply's content, once it is idle."""
        request = self.send(kind, content, channel, **more)
        reply = self.reply(request, channel)
        assert reply["type"] == kind.replace("_request", "_reply")
        self.published(request)
        return reply["content"]

    def ready(self):
        """Waits until the kernel answers and its messages arrive."""
        welcome = self.expect("iopub")
        assert welcome["type"] == "iopub_welcome", welcome
        self.ask("kernel_info_request")
        return self


def stream_text(messages, name="stdout"):
    """The text of one stream in run()'s messages."""
    return "".join(content["text"] for kind, content in messages
                   if kind == "stream" and content["name"] == name)


class Output:
    """The output of a cell as front ends keep it: nbclient's rules, with streams joined."""

    def __init__(self):
        self.kept, self.named, self.clears = [], {}, False

    def add(self, output):
        if self.clears:
            self.clear()
        last = self.kept[-1] if self.kept else {}
        if output["type"] == "stream" and last.get("name") == output["name"]:
            last["text"] += output["text"]
        else:
            self.kept.append(output)

    def clear(self):
        self.kept, self.named, self.clears = [], {}, False

    def take(self, kind, content):
        content = dict(content)
        name = content.pop("transient", {}).get("display_id")
        content.pop("execution_count", None)
        if kind == "clear_output" and content["wait"]:
            self.clears = True
        elif kind == "clear_output":
            self.clear()
        elif kind == "update_display_data":
            if name in self.named:  # front ends know displays by their newest place
                self.named[name].update(content)
        elif kind != "execute_input":
            output = {"type": kind, **content}
            self.add(output)
            if name:
                self.named[name] = output


def kept(messages):
    """What a front end keeps of run()'s messages."""
    output = Output()
    for kind, content in messages:
        output.take(kind, content)
    return output.kept


class Kernel:
    """A kernel process and a client of it."""

    def __init__(self, tmp_path, name="fake_kernel", options=(), env=None, connect=True, **changes):
        self.path, self.content = connection(tmp_path, **changes)
        self.errors = open(tmp_path / f"{self.path.stem}.stderr", "w+b")
        self.command = command(name, self.path, *options)
        self.env = {**os.environ, "PATCHBAY_HISTORY": str(tmp_path / "history.sqlite"),
                    **(env or {})}
        self.clients = []
        self.start()
        self.client = self.connect() if connect else None

    def start(self):
        self.process = subprocess.Popen(self.command, stderr=self.errors, env=self.env,
                                        stdin=subprocess.DEVNULL)

    def connect(self, ready=True, **options):
        client = Client(self.content, **options)
        self.clients.append(client)
        return client.ready() if ready else client

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def log(self):
        self.errors.flush()
        self.errors.seek(0)
        return self.errors.read().decode()

    def wait(self, timeout=30):
        return self.process.wait(timeout)

    def close(self):
        for client in self.clients:
            client.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.errors.close()


def eventually(condition, timeout=30):
    """Waits until a condition holds."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)
