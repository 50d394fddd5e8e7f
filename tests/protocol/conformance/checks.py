"""What a kernel should hold to on the wire, each as how often it did and how often it was tried.

A check gives (held, tried), or (held, tried, note). Its docstring's first line is its row in the
table.
"""

import contextlib
import json
import os
import signal
import time

import zmq

from hostile import flood
from kernels import Kernel, answers, idle, reply, run

PATIENCE = 20  # seconds for an answer; a row that is about time names its own

SHELL = {
    "execute_request": {"code": "1"}, "complete_request": {"code": "pri", "cursor_pos": 3},
    "inspect_request": {"code": "print", "cursor_pos": 5}, "is_complete_request": {"code": "1"},
    "history_request": {"hist_access_type": "tail", "output": False, "raw": True, "n": 1},
    "kernel_info_request": {}, "comm_info_request": {}, "nobody_knows_request": {},
}


def status(name):
    """busy comes first and idle last, for each type of request, unknown ones included"""
    held = 0
    with Kernel(name) as kernel:
        for kind, content in SHELL.items():
            heard = idle(kernel.client, kernel.client.send(kind, content), PATIENCE)
            held += bool(heard) and heard[0]["content"].get("execution_state") == "busy"
    return held, len(SHELL)


def malformed_messages():
    """Unsigned: frames that are missing, too many, or nonsense."""
    yield from ([b""], [b"hello"], [b"<IDS|MSG>"], [b"<IDS|MSG>"] * 7, [b"x"] * 40,
                [b"<IDS|MSG>", b"", b"{}", b"{}", b"{}"], [b"<IDS|MSG>", b"", *[b"\xff"] * 4],
                [b"<IDS|MSG>", b"", *[b"{}"] * 2000], [b"x" * 100000, b"<IDS|MSG>"])


def malformed_parts():
    """Well signed: JSON that is broken, of a wrong type, deep, large, or twice the same key."""
    good = {"msg_id": "1", "msg_type": "execute_request", "session": "s", "username": "u",
            "date": "", "version": "5.5"}
    header = json.dumps(good).encode()
    for broken in (b"", b"{", b"[]", b"null", b"\xff", b"{}", b'{"msg_id": 1, "msg_type": "x"}',
                   b'{"a":' * 5000 + b"1" + b"}" * 5000, b"[" * 100000,
                   json.dumps({**good, "msg_type": "a\0b"}).encode(),
                   json.dumps({**good, "msg_type": ["x"]}).encode(),
                   header[:-1] + b', "msg_type": "shutdown_request"}'[1:]):
        yield [broken, b"{}", b"{}", b"{}"]
    for broken in (b"", b"[]", b"7", b'"x"', b"\xff", b'{"code": 7}', b'{"code": null}', b"{}",
                   b'{"code": "1", "silent": "x"}', b'{"code": "\\ud800"}',
                   b'{"code": "1", "user_expressions": [1]}', b"[" * 100000):
        yield [header, b"{}", b"{}", broken]
        yield [header, broken, b"{}", b'{"code": "1"}']
        yield [header, b"{}", broken, b'{"code": "1"}']


def malformed(name):
    """it answers within 5 s of a malformed message, on shell and on control"""
    held = tried = 0
    kernel = Kernel(name)
    try:
        for channel in ("shell", "control"):
            for signed, messages in ((False, malformed_messages()), (True, malformed_parts())):
                for parts in messages:
                    if signed:
                        kernel.client.send_frames(channel, parts)
                    else:
                        kernel.client.sockets[channel].send_multipart(parts)
                    tried += 1
                    good = answers(kernel.client, 5, channel)
                    held += good
                    if not good:  # the next one is tried on a kernel that is well
                        kernel.__exit__()
                        kernel = Kernel(name)
    finally:
        kernel.__exit__()
    return held, tried


def passed_over(client, channel):
    """Whether what was sent last is not answered: what is sent after it is, and first."""
    probe = client.send("kernel_info_request", channel=channel)
    answer = client.receive(channel, PATIENCE)
    return answer is None or answer["parent"].get("msg_id") == probe


def forged(name):
    """a message with a wrong signature, or that was sent before, is not answered"""
    held = tried = 0
    with Kernel(name) as kernel:
        client = kernel.client
        for channel in ("shell", "control"):
            frames, request = client.frames("kernel_info_request")
            good = client.sign(frames)
            for wrong in (b"", b"0" * 64, good[:-1], good + b"0", good.upper()):
                client.send_frames(channel, frames, signature=wrong)
                held += passed_over(client, channel)
                tried += 1
            client.send_frames(channel, frames)
            reply(client, request, channel)
            client.send_frames(channel, frames)
            held += passed_over(client, channel)
            tried += 1
    return held, tried


FLOODS = [("iopub", "topics"), ("iopub", "long topics"), ("iopub", "messages to iopub"),
          ("iopub", "endless message to iopub"), ("iopub", "noise"), ("hb", "echoes"),
          ("hb", "endless message"), ("shell", "garbage"), ("shell", "forged"),
          ("shell", "large forged"), ("shell", "endless message"), ("shell", "connections"),
          ("control", "garbage")]
SECONDS = 8
GROWTH = 500  # MB


def floods(name, least=SECONDS):
    """a cell is answered, idle included, while a peer without a key floods a channel

    A flood goes on until the answer, and for `least` seconds, in which memory may grow."""
    held, growth = 0, []
    for channel, kind in FLOODS:
        with Kernel(name) as kernel:
            before, end = kernel.memory(), time.monotonic() + least
            with flood(kind, kernel.content[f"{channel}_port"], SECONDS, 2) as peers:
                held += run(kernel.client, kernel.code["value"], SECONDS - 1) is not None
                while (peers.poll() is None and time.monotonic() < end
                       and kernel.memory() - before < 8 * GROWTH):
                    time.sleep(0.05)  # no more than the machine can bear
            growth.append((kernel.memory() - before, kind))
    most, kind = max(growth)
    small = sum(grown < GROWTH for grown, _ in growth)
    return held, len(FLOODS), f"{small} of {len(FLOODS)} took less than {GROWTH} MB; " \
                              f"the most {most} MB ({kind})"


def aborts(name):
    """what waits behind a cell that fails is called off"""
    held = tried = 0
    with Kernel(name) as kernel:
        for _ in range(5):
            requests = [kernel.client.execute(kernel.code["error"])]
            requests += [kernel.client.execute(kernel.code["value"]) for _ in range(4)]
            replies = [reply(kernel.client, request, timeout=PATIENCE) for request in requests]
            for one in replies[1:]:
                held += bool(one) and one["content"].get("status") in ("aborted", "abort")
                tried += 1
            idle(kernel.client, requests[-1], PATIENCE)
    return held, tried


def after_the_idle(name):
    """a cell that is sent after the failing one's idle runs"""
    held, tried = 0, 20
    with Kernel(name) as kernel:
        for _ in range(tried):
            failing = kernel.client.execute(kernel.code["error"])
            idle(kernel.client, failing, PATIENCE)
            after = kernel.client.execute(kernel.code["value"])
            answer = reply(kernel.client, after, timeout=PATIENCE)
            held += bool(answer) and answer["content"].get("status") == "ok"
            idle(kernel.client, after, PATIENCE)
    return held, tried


def queues(name):
    """of 500 cells sent at once each is answered, in order"""
    with Kernel(name) as kernel:
        requests = [kernel.client.execute(kernel.code["value"]) for _ in range(500)]
        end = time.monotonic() + 60
        got = []
        while len(got) < len(requests) and (left := end - time.monotonic()) > 0:
            message = kernel.client.receive("shell", left)
            got += [message["parent"].get("msg_id")] if message else []
    return sum(a == b for a, b in zip(requests, got)), len(requests)


def interrupts(name):
    """an interrupt ends the cell that runs, within 2 s"""
    held, tried = 0, 5
    with Kernel(name) as kernel:
        for _ in range(tried):
            request = kernel.client.execute(kernel.code["long"])
            time.sleep(0.3)
            kernel.interrupt()
            answer = reply(kernel.client, request, timeout=2)
            if not answer:
                break
            held += answer["content"].get("status") == "error"
            idle(kernel.client, request, PATIENCE)
    return held, tried


def storms(name):
    """it answers after 300 interrupts, idle and in a cell"""
    held = 0
    for code in ("value", "long"):
        with Kernel(name) as kernel:
            kernel.client.execute(kernel.code[code])
            for _ in range(300):
                kernel.interrupt()
                time.sleep(0.001)
            held += kernel.lives() and run(kernel.client, kernel.code["value"],
                                           PATIENCE) is not None
    return held, 2


def beside(name):
    """while a cell computes, control and the heartbeat answer within a second"""
    held = 0
    with Kernel(name) as kernel:
        kernel.client.execute(kernel.code["long"])
        time.sleep(0.3)
        held += answers(kernel.client, 1, "control")
        kernel.client.sockets["hb"].send(b"ping")
        held += kernel.client.sockets["hb"].poll(1000) != 0
    return held, 2


def restarts(name):
    """asked to shut down, idle and in a cell, it ends with 0 within 5 s and frees its ports"""
    held = 0
    with Kernel(name) as kernel:
        for code in ("value", "long", "value"):
            kernel.client.execute(kernel.code[code])
            time.sleep(0.3)
            kernel.interrupt()  # as jupyter_client does first
            kernel.client.send("shutdown_request", {"restart": True}, "control")
            ended = kernel.ends(5) == 0
            if not ended:
                kernel.process.kill()
                kernel.process.wait()
            kernel.start()
            held += ended and kernel.client is not None
            if not kernel.client:
                break
    return held, 3


@contextlib.contextmanager
def stuck_subscriber(kernel):
    context = zmq.Context()
    one = context.socket(zmq.SUB)
    one.rcvhwm = 1
    one.subscribe(b"")
    one.connect(kernel.client.endpoint("iopub"))
    time.sleep(0.5)
    try:
        yield
    finally:
        context.destroy(linger=0)


def stuck(name):
    """beside a subscriber that does not read, another hears all of 20,000 lines"""
    with Kernel(name) as kernel, stuck_subscriber(kernel):
        done = run(kernel.client, kernel.code["lines"], 60)
        lines = sum(message["content"]["text"].count("\n") for message in (done or (0, []))[1]
                    if message["type"] == "stream")
    return lines, 20000


def unread_log(name):
    """after 6,000 bad messages it answers, and ends by SIGTERM, though nobody reads its stderr"""
    out, into = os.pipe()
    with Kernel(name, stderr=into) as kernel:
        for channel in ("shell", "control"):
            for _ in range(3000):
                kernel.client.sockets[channel].send_multipart([b"hello"])
        held = run(kernel.client, kernel.code["value"], PATIENCE) is not None
        kernel.process.send_signal(signal.SIGTERM)
        held += kernel.ends(5) is not None
    os.close(into)
    os.close(out)
    return held, 2


def is_running(process):
    try:
        with open(f"/proc/{process}/stat") as facts:
            return facts.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def parents(name):
    """the death of the process that started it ends it within 5 s, idle and in a cell"""
    held = 0
    for code in (None, "long"):
        with Kernel(name, adopted=True) as kernel:
            if code:
                kernel.client.execute(kernel.code[code])
                time.sleep(0.3)
            alive = is_running(kernel.child)
            kernel.process.kill()
            kernel.process.wait()
            end = time.monotonic() + 5
            while is_running(kernel.child) and time.monotonic() < end:
                time.sleep(0.05)
            held += alive and not is_running(kernel.child)
            with contextlib.suppress(ProcessLookupError):
                os.kill(kernel.child, signal.SIGKILL)
    return held, 2


SOON = (malformed, interrupts, beside, restarts, parents)  # whose rows say how soon
CHECKS = [status, malformed, forged, floods, aborts, after_the_idle, queues, interrupts, storms,
          beside, restarts, stuck, unread_log, parents]
