"""Any installed kernel on raw sockets, started by the name of its kernelspec."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager

from kernel_client import DELIMITER, Client, connection

START = 60  # seconds a kernel may take until it answers

# What the checks run, in each language.
CODE = {
    "python": {
        "value": "1 + 1", "error": "1 / 0", "lines": "for i in range(20000): print('x' * 80)",
        "long": "for i in range(10**12): pass"},
    "patchbay": {
        "value": "1 + 1", "error": "1 / 0", "lines": '[print("x" * 80) for i in range(20000)];',
        "long": "len([0 for a in range(4000) for b in range(4000) for c in range(4000) if False])"},
}


class Listener(Client):
    """A client that takes what other kernels send as it comes: a parent of null, for one."""

    def receive(self, channel, timeout=10):
        one = self.sockets[channel]
        if not one.poll(timeout * 1000):
            return None
        parts = one.recv_multipart()
        frames = parts[parts.index(DELIMITER) + 2:]
        header, parent, _, content = (json.loads(frame) for frame in frames[:4])
        return {"type": header["msg_type"], "parent": parent or {}, "content": content}


# A process that starts a kernel, says which it is, and does nothing more.
STARTER = """
import os, subprocess, sys, time
child = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         env={**os.environ, "JPY_PARENT_PID": str(os.getpid())})
with open(sys.argv[1], "w") as file:
    file.write(str(child.pid))
time.sleep(300)
"""


class Kernel:
    """A process of a kernel, and a client that is known to hear it. With `adopted`, the process is
    another, which has started the kernel."""

    def __init__(self, name, adopted=False, stderr=None):
        spec = KernelSpecManager().get_kernel_spec(name)
        self.code = CODE[spec.language]
        self.folder = tempfile.TemporaryDirectory()
        folder = Path(self.folder.name)
        self.path, self.content = connection(folder, kernel_name=name)
        self.command = [part.format(connection_file=self.path, resource_dir=spec.resource_dir)
                        for part in spec.argv]
        self.env = {**os.environ, **spec.env, "IPYTHONDIR": str(folder / "ipython"),
                    "PATCHBAY_HISTORY": str(folder / "history.sqlite"),
                    "JPY_PARENT_PID": str(os.getpid())}
        self.note = folder / "child" if adopted else None
        if adopted:
            self.command = [sys.executable, "-c", STARTER, str(self.note), *self.command]
        self.stderr = stderr if stderr is not None else subprocess.DEVNULL
        self.clients = []
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, env=self.env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=self.stderr)
        self.client = self.connect(START)

    def connect(self, timeout=10):
        client = Listener(self.content)
        self.clients.append(client)
        return client if hears(client, timeout) else None

    @property
    def child(self):
        return int(self.note.read_text())

    def lives(self):
        return self.process.poll() is None

    def ends(self, timeout):
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def interrupt(self):
        if self.lives():
            self.process.send_signal(signal.SIGINT)

    def memory(self):
        """The most it has held, in MB."""
        try:
            with open(f"/proc/{self.process.pid}/status") as facts:
                return next(int(line.split()[1]) >> 10 for line in facts if "VmHWM" in line)
        except (FileNotFoundError, StopIteration):
            return 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        for client in self.clients:
            client.close()
        self.folder.cleanup()


def hears(client, timeout):
    """Asks until an answer and its idle come: whoever connects hears nothing at first."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        request = client.send("kernel_info_request")
        if client.sockets["shell"].poll(1000) and idle(client, request, 1) is not None:
            while client.receive("shell", 0.1):
                pass
            return True
    return False


def idle(client, request, timeout=10):
    """What is published for a request, up to its idle; None if that does not come."""
    end = time.monotonic() + timeout
    heard = []
    while (left := end - time.monotonic()) > 0:
        message = client.receive("iopub", left)
        if message and message["parent"].get("msg_id") == request:
            heard.append(message)
            if message["content"].get("execution_state") == "idle":
                return heard
    return None


def reply(client, request, channel="shell", timeout=10):
    """The reply to a request; None if it does not come. Others' are skipped."""
    end = time.monotonic() + timeout
    while (left := end - time.monotonic()) > 0:
        message = client.receive(channel, left)
        if message and message["parent"].get("msg_id") == request:
            return message
    return None


def run(client, code, timeout=10):
    """A cell's reply and what it published; None without both."""
    request = client.execute(code)
    answer = reply(client, request, timeout=timeout)
    heard = idle(client, request, timeout)
    return (answer["content"], heard) if answer and heard else None


def answers(client, timeout=10, channel="shell"):
    return reply(client, client.send("kernel_info_request", channel=channel), channel,
                 timeout) is not None
