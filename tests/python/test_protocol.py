"""The kernel on the wire, row by row of what clients depend on.

The kernel under test runs a double of the language (tests/protocol/fake_session.c), whose cells say
exactly what happens: `sleep 5`, `print hi`, `error no`.
"""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid

import pytest
import zmq

from hostile import flood
from kernel_client import Client, Kernel, command, connection, eventually, stream_text

@pytest.fixture
def start(tmp_path):
    """Starts kernels that end with the test."""
    kernels = []

    def make(*options, **more):
        kernels.append(Kernel(tmp_path, options=options, **more))
        return kernels[-1]

    yield make
    for kernel in kernels:
        kernel.close()


@pytest.fixture
def kernel(start):
    return start()


@pytest.fixture
def client(kernel):
    return kernel.client


@pytest.fixture
def context():
    """For sockets of a test's own. They are closed even if it fails: else the end would wait for
    them."""
    made = zmq.Context()
    yield made
    made.destroy(linger=0)


def status_of(messages):
    return [content["execution_state"] for kind, content in messages if kind == "status"]


def kinds(messages):
    return [kind for kind, _ in messages]


# -- status, ids, routing --------------------------------------------------------------------------

SHELL_TYPES = {
    "execute_request": {"code": "print x"}, "complete_request": {"code": "pr", "cursor_pos": 2},
    "inspect_request": {"code": "print", "cursor_pos": 2}, "is_complete_request": {"code": "x"},
    "history_request": {"hist_access_type": "tail", "output": False, "raw": True, "n": 1},
    "kernel_info_request": {}, "connect_request": {}, "comm_info_request": {},
    "interrupt_request": {}, "nobody_knows_request": {},
}


@pytest.mark.parametrize("kind", SHELL_TYPES)
def test_shell_requests_are_busy_then_idle(client, kind):
    request = client.send(kind, SHELL_TYPES[kind])
    reply = client.reply(request)
    assert reply["type"] == kind.replace("_request", "_reply")
    messages = client.published(request)
    assert [one["content"]["execution_state"] for one in messages
            if one["type"] == "status"] == ["busy", "idle"]
    assert reply["content"]["status"] == ("error" if "nobody" in kind else reply["content"]["status"])


@pytest.mark.parametrize("kind", ["kernel_info_request", "connect_request", "interrupt_request",
                                  "comm_info_request", "debug_request", "execute_request"])
def test_control_requests_are_busy_then_idle(client, kind):
    request = client.send(kind, {}, "control")
    reply = client.reply(request, "control")
    assert reply["type"] == kind.replace("_request", "_reply")
    client.published(request)
    known = kind not in ("debug_request", "execute_request")
    assert (reply["content"]["status"] == "ok") == known


def test_types_without_reply_are_busy_then_idle(client):
    for kind in ("comm_msg", "comm_close", "something"):
        client.published(client.send(kind, {"comm_id": "x", "data": {}}))
    assert client.receive("shell", 0.1) is None


def test_parent_is_the_full_header(client):
    frames, request = client.frames("execute_request", {"code": "print x\n= 1"}, extra={"a": [1]})
    client.send_frames("shell", frames)
    reply = client.reply(request)
    for message in [reply, *client.published(request)]:
        assert message["frames"][1] == frames[0]  # byte for byte


def test_ids(client):
    seen, sessions = set(), set()
    for _ in range(20):
        request = client.execute("print x")
        for message in [client.reply(request), *client.published(request)]:
            header = message["header"]
            assert set(header) == {"msg_id", "msg_type", "username", "session", "date", "version"}
            assert header["version"] == "5.5"
            assert header["msg_id"] not in seen
            seen.add(header["msg_id"])
            sessions.add(header["session"])
    assert len(sessions) == 1
    assert uuid.UUID(sessions.pop()).version == 4


def test_the_whole_route_is_echoed(client):
    frames, request = client.frames("kernel_info_request")
    route = [b"first", b"", b"\x00\xff"]
    client.sockets["shell"].send_multipart(
        [*route, b"<IDS|MSG>", client.sign(frames), *frames])
    assert client.reply(request)["route"] == route


@pytest.mark.parametrize("channel", ["shell", "control"])
def test_no_reply_is_lost_on_a_client_that_reads_late(client, context, channel):
    one = context.socket(zmq.DEALER)
    one.rcvhwm = 1
    one.connect(client.endpoint(channel))
    route = [bytes([i]) * 500 for i in range(15)]  # comes back with every reply
    last = None
    for _ in range(4000):
        frames, last = client.frames("kernel_info_request")
        one.send_multipart([*route, b"<IDS|MSG>", client.sign(frames), *frames])
    client.published(last, timeout=30)
    count = 0
    while count < 4000 and one.poll(2000):
        one.recv_multipart()
        count += 1
    assert count == 4000


def test_kernel_info(client):
    for channel in ("shell", "control"):
        info = client.ask("kernel_info_request", channel=channel)
        assert info["status"] == "ok"
        assert info["protocol_version"] == "5.5"
        assert info["implementation"] == "patchbay"
        language = info["language_info"]
        assert language["name"] == "patchbay" and language["file_extension"] == ".pbay"
        assert language["pygments_lexer"] == "patchbay"
        assert language["codemirror_mode"] == language["mimetype"] == "text/x-patchbay"
        assert info["supported_features"] == ["kernel subshells"]
        assert info["banner"] and all({"text", "url"} == set(one) for one in info["help_links"])


def test_connect_gives_the_ports(kernel, client):
    ports = client.ask("connect_request")
    for channel in ("shell", "iopub", "stdin", "control", "hb"):
        assert ports[f"{channel}_port"] == kernel.content[f"{channel}_port"]


# -- iopub -----------------------------------------------------------------------------------------

def test_welcome_comes_first(kernel, client):
    busy = client.execute("lines 200000")
    newcomer = kernel.connect(ready=False)
    first = newcomer.expect("iopub")
    assert first["type"] == "iopub_welcome"
    assert first["content"] == {"subscription": ""} and first["parent"] == {}
    client.reply(busy)


def test_welcome_reaches_nobody_whose_topic_it_is_not(kernel, client):
    other = kernel.connect(ready=False, topics=(b"stream",))
    assert other.expect("iopub")["type"] == "iopub_welcome"
    kernel.connect()
    kernel.connect(ready=False, topics=(b"kernel",)).expect("iopub")
    client.run("print x")
    assert other.expect("iopub")["type"] == "stream"


def full_subscriber(context, client):
    """A subscriber that does not read, and whose pipe is soon full."""
    one = context.socket(zmq.SUB)
    one.rcvhwm = 1
    one.subscribe(b"")
    one.connect(client.endpoint("iopub"))
    return one


def test_welcome_comes_first_when_another_subscriber_is_full(kernel, client, context):
    stuck = full_subscriber(context, client)  # noqa: F841 (unnamed, it would be closed)
    time.sleep(0.2)
    request = client.execute("shows 2500 20000")
    while client.receive("iopub", 0.3):  # until all wait for the full one, for two seconds
        pass
    newcomer = kernel.connect(ready=False)
    assert newcomer.expect("iopub")["type"] == "iopub_welcome"
    client.reply(request, timeout=60)


def test_a_subscription_that_is_no_utf8_is_ignored(kernel, client):
    other = kernel.connect(ready=False, topics=(b"\xff", b"stream"))
    assert other.expect("iopub")["content"] == {"subscription": "stream"}
    client.run("print x")
    assert other.expect("iopub")["type"] == "stream"


def test_whoever_was_welcomed_hears_the_rest(client, context):
    """Also while others leave: ZeroMQ then forgets whose subscription was read last."""
    def subscriber():
        one = context.socket(zmq.SUB)
        one.subscribe(b"")
        one.connect(client.endpoint("iopub"))
        return one

    for _ in range(200):
        leaving = [subscriber() for _ in range(4)]
        assert all(one.poll(3000) for one in leaving)
        newcomer = subscriber()
        for one in leaving:  # while the newcomer is being welcomed
            time.sleep(random.uniform(0, 0.0003))
            one.close()
        assert newcomer.poll(3000)
        request = client.send("kernel_info_request")
        client.reply(request)
        heard = b""
        while b'"idle"' not in heard:
            assert newcomer.poll(1000), "welcomed, and then nothing"
            heard = newcomer.recv_multipart()[-1]
        newcomer.close()


def test_welcome_names_the_subscription(kernel):
    client = kernel.connect(ready=False, topics=(b"stream",))
    first = client.expect("iopub")
    assert first["content"] == {"subscription": "stream"}
    assert first["route"][0].startswith(b"stream")
    client.execute("print only this\nshow - not this")
    message = client.expect("iopub")
    assert message["type"] == "stream" and message["route"] == [b"stream.stdout"]
    assert client.receive("iopub", 0.2) is None


def test_unsubscribing_ends_the_messages(kernel):
    client = kernel.connect()
    client.sockets["iopub"].unsubscribe(b"")
    time.sleep(0.1)
    client.reply(client.execute("print x"))
    assert client.receive("iopub", 0.2) is None


def test_a_million_lines_arrive_whole(client):
    reply, messages = client.run("lines 1000000", timeout=60)
    assert reply["status"] == "ok"
    text = stream_text(messages)
    assert text.count("\n") == 1000000
    assert text == "".join(f"{i}\n" for i in range(1000000))
    assert len(messages) < 5000  # merged


@pytest.mark.slow
def test_a_stuck_subscriber_loses_alone(kernel, client, context):
    one = full_subscriber(context, client)
    time.sleep(0.2)
    reply, messages = client.run("shows 4000 20000\n= done", timeout=60)
    assert reply["status"] == "ok"
    assert kinds(messages).count("display_data") == 4000
    assert messages[-1][1]["data"]["text/plain"] == "done"
    assert "has not read for 2 s" in kernel.log()
    while one.poll(200):  # it reads again: what is left in its pipes, then what is new
        one.recv_multipart()
    client.run("print news")
    assert one.poll(2000)


@pytest.mark.slow
@pytest.mark.timed
def test_many_who_come_to_be_stuck_cost_little_more_than_one(kernel, client, context):
    """One after the other: each would be waited for, for two seconds."""
    def shows(number):
        begun = time.monotonic()
        assert client.run(f"shows {number} 20000", timeout=60)[0]["status"] == "ok"
        return time.monotonic() - begun

    alone = shows(3000)
    stuck = []
    for _ in range(8):  # each has less room left than the next
        stuck.append(full_subscriber(context, client))
        time.sleep(0.2)
        shows(100)
    assert shows(3000) < 2 * alone + 8


@pytest.mark.slow
@pytest.mark.timed
def test_a_slow_subscriber_loses_nothing(kernel, client):
    slow = zmq.Context()
    one = slow.socket(zmq.SUB)
    one.rcvhwm = 1
    one.subscribe(b"")
    one.connect(client.endpoint("iopub"))
    assert one.poll(5000)
    one.recv_multipart()
    request = client.execute("shows 3000 5000")
    shown = 0
    while shown < 3000:
        assert one.poll(5000)
        shown += b"display_data" in one.recv_multipart()[0]
        time.sleep(0.0002)
    client.reply(request, timeout=30)
    slow.destroy(linger=0)


# -- streams ---------------------------------------------------------------------------------------

@pytest.mark.timed
def test_text_comes_while_the_cell_runs(client, patience):
    request = client.execute("print early\nsleep 0.6")
    begun = time.monotonic()
    while client.expect("iopub")["type"] != "stream":
        pass
    assert time.monotonic() - begun < 0.3 * patience
    client.reply(request)


def test_streams_keep_their_order(client):
    _, messages = client.run("print 1\nprint 2\nwarn 3\nprint 4\nshow - 5\nprint 6\n= 7")
    told = [(kind, content.get("name"), content.get("text")) for kind, content in messages]
    assert told == [("execute_input", None, None), ("stream", "stdout", "1\n2\n"),
                    ("stream", "stderr", "3\n"), ("stream", "stdout", "4\n"),
                    ("display_data", None, None), ("stream", "stdout", "6\n"),
                    ("execute_result", None, None)]


def test_characters_are_never_split(client):
    smile = "🙂".encode().hex()
    _, messages = client.run("\n".join(
        f"bytes {smile[i:i + 2]}" + ("\nsleep 0.13" if i == 2 else "") for i in range(0, 8, 2)))
    assert stream_text(messages) == "🙂"
    _, messages = client.run("bytes 61ff62")
    assert stream_text(messages) == "a\ufffdb"
    _, messages = client.run("bytes f09f\nwarn x")  # its rest never comes
    assert stream_text(messages) == "\ufffd\ufffd"
    _, messages = client.run("bytes 610062")
    assert stream_text(messages) == "a\0b"


# -- execution -------------------------------------------------------------------------------------

def test_execution_count(client):
    assert client.run("= 1")[0]["execution_count"] == 1
    assert client.run("= 1", store_history=False)[0]["execution_count"] == 1
    assert client.run("= 1", silent=True, store_history=True)[0]["execution_count"] == 1
    reply, messages = client.run("error x")
    assert reply["execution_count"] == 2
    assert messages[0] == ("execute_input", {"code": "error x", "execution_count": 2})


def test_every_execute_reply_has_the_count_but_aborted_ones(client):
    """A front end numbers a cell by any reply that has a count; one that never ran stays `[ ]`, as
    ipykernel has it."""
    client.run("= 1")
    for content in ([], {}, {"code": 1}, {"code": "= 1", "silent": "no"}):  # each malformed
        reply = client.ask("execute_request", content)
        assert (reply["status"], reply["execution_count"]) == ("error", 1)
    reply = client.ask("execute_request", {"code": "= 1"}, subshell_id="none such")
    assert (reply["status"], reply["execution_count"]) == ("error", 1)
    first, second = client.execute("sleep 0.2\nerror x"), client.execute("= 2")
    assert client.reply(first)["content"]["execution_count"] == 2
    reply = client.reply(second)["content"]
    assert reply["status"] == "aborted" and "execution_count" not in reply


def test_silent_publishes_nothing(client):
    reply, messages = client.run("print x\nshow - y\nclear\n= z", silent=True)
    assert reply["status"] == "ok" and messages == []
    reply, messages = client.run("error x", silent=True)
    assert reply["status"] == "error" and messages == []


def test_results_and_displays(client):
    reply, messages = client.run("show - a\nhtml <b>\n= value")
    assert reply["status"] == "ok" and reply["payload"] == []
    shown = [content for kind, content in messages if kind == "display_data"]
    assert shown[0] == {"data": {"text/plain": "a"}, "metadata": {}, "transient": {}}
    assert shown[1]["data"]["text/html"] == "<b>"
    assert shown[1]["data"]["application/json"] == {"a": [1, 2]}
    assert "text/plain" in shown[1]["data"] and shown[1]["metadata"] == {"isolated": True}
    assert messages[-1] == ("execute_result", {"execution_count": 1, "metadata": {},
                                               "data": {"text/plain": "value"}})


def test_updates_are_thinned_and_the_last_one_arrives(client):
    steps = "\n".join(f"update bar {i}\nsleep 0.01" for i in range(60))
    begun = time.monotonic()
    _, messages = client.run("show bar start\n" + steps)
    took = time.monotonic() - begun
    updates = [content for kind, content in messages if kind == "update_display_data"]
    assert all(content["transient"] == {"display_id": "bar"} for content in updates)
    assert updates[-1]["data"]["text/plain"] == "59"
    assert 2 < len(updates) <= took * 10 + 2


def test_clear_output(client):
    _, messages = client.run("clear\nclear wait")
    assert [content for kind, content in messages if kind == "clear_output"] == [
        {"wait": False}, {"wait": True}]


def test_error(client):
    reply, messages = client.run("error <b>no</b>")
    assert reply["status"] == "error"
    assert (reply["ename"], reply["evalue"]) == ("ValueError", "<b>no</b>")
    assert "<b>no</b>" in "\n".join(reply["traceback"])
    kind, content = messages[-1]
    assert kind == "error"
    assert content == {key: reply[key] for key in ("ename", "evalue", "traceback")}


def test_user_expressions(client):
    reply, _ = client.run("print x", user_expressions={"good": "= 1", "bad": "error no", "odd": 3})
    assert reply["user_expressions"]["good"] == {"status": "ok", "metadata": {},
                                                 "data": {"text/plain": "1"}}
    assert reply["user_expressions"]["bad"]["status"] == "error"
    assert reply["user_expressions"]["bad"]["evalue"] == "no"
    assert reply["user_expressions"]["odd"]["status"] == "error"


def test_payloads(client):
    reply, _ = client.run("page about it\nnext print again")
    assert reply["payload"] == [
        {"source": "page", "data": {"text/plain": "about it"}, "metadata": {}, "start": 0},
        {"source": "set_next_input", "text": "print again", "replace": False}]


def test_after_an_error_what_waits_is_called_off(client):
    first = client.execute("sleep 0.3\nerror stop here")
    later = [client.execute("print not me") for _ in range(3)]
    assert client.reply(first)["content"]["status"] == "error"
    for request in later:
        content = client.reply(request)["content"]
        assert content["status"] == "aborted"
        assert {"ename", "evalue", "traceback"} <= set(content)
        assert [one["type"] for one in client.published(request)] == ["status", "status"]
    reply, messages = client.run("print me")
    assert reply["status"] == "ok" and stream_text(messages) == "me\n"


def test_what_is_sent_after_the_reply_runs(client):
    for _ in range(200):
        assert client.run("error x")[0]["status"] == "error"
        assert client.run("= 1")[0]["status"] == "ok"


def idle_of(client, request):
    """Waits for a request's idle on iopub, whether its reply came or not."""
    while True:
        message = client.expect("iopub")
        if (message["parent"].get("msg_id") == request
                and message["content"].get("execution_state") == "idle"):
            return


def test_what_is_sent_after_the_idle_runs(kernel, client):
    """Also while the thread that reads the shell is kept busy by others."""
    with flood("garbage", kernel.content["shell_port"], 10, 2):
        for _ in range(20):
            failing = client.execute("error x")
            idle_of(client, failing)
            later = client.execute("= 1")
            assert client.reply(failing)["content"]["status"] == "error"
            assert client.reply(later)["content"]["status"] == "ok"
            idle_of(client, later)


def test_without_stop_on_error_everything_runs(client):
    first = client.execute("sleep 0.2\nerror x", stop_on_error=False)
    second = client.execute("print on")
    client.reply(first)
    assert client.reply(second)["content"]["status"] == "ok"


# -- beside a cell ---------------------------------------------------------------------------------

NO_CELLS = {kind: content for kind, content in SHELL_TYPES.items()
            if kind not in ("execute_request", "interrupt_request")}


def begin(client, code, **more):
    """Sends a cell, and waits until it runs; gives its id."""
    request = client.execute(f"print begun\n{code}", **more)
    while client.expect("iopub")["type"] != "stream":
        pass
    return request


@pytest.mark.parametrize("kind", NO_CELLS)
def test_what_is_no_cell_is_answered_while_one_runs(kernel, client, kind):
    cell, waiting = begin(client, "sleep 60"), client.execute("= 1")
    answer = client.ask(kind, NO_CELLS[kind])  # the next reply is this one's, not the cell's
    assert answer["status"] == ("error" if "nobody" in kind else "ok") or kind == \
        "is_complete_request"
    again = client.expect("iopub")  # who looks at the last status sees a kernel that is busy
    assert again["parent"]["msg_id"] == cell and again["content"] == {"execution_state": "busy"}
    assert client.receive("iopub", 0.2) is None
    kernel.interrupt()
    assert client.reply(cell)["content"]["status"] == "error"
    assert client.reply(waiting)["content"]["status"] == "aborted"


def test_comms_are_closed_while_a_cell_runs(kernel, client):
    cell = begin(client, "sleep 60")
    request = client.send("comm_open", {"comm_id": "c1", "target_name": "x", "data": {}})
    assert [one["type"] for one in client.published(request)] == ["status", "comm_close", "status"]
    kernel.interrupt()
    client.reply(cell)


def test_requests_that_are_no_cells_are_answered_in_order(client):
    cell = begin(client, "sleep 600")
    slow = client.send("inspect_request", {"code": "stubborn 0.1", "cursor_pos": 3})
    rest = [client.send(kind, content) for kind, content in NO_CELLS.items()]
    for request in [slow, *rest]:
        client.reply(request)
    client.ask("interrupt_request", channel="control")
    client.reply(cell)


@pytest.mark.parametrize("number", range(3))
def test_the_last_status_is_the_kernels(client, number):
    """At any time, whoever goes by the last status knows whether a cell runs."""
    cells, others = set(), set()
    for i in range(150):
        cells.add(client.execute("= 1" if i % 3 else "sleep 0.005"))
        for kind in ("complete_request", "is_complete_request"):
            others.add(client.send(kind, SHELL_TYPES[kind]))
        others.add(client.send("kernel_info_request", channel="control"))
    states, running = {}, set()
    while any(states.get(one, [""])[-1] != "idle" for one in cells | others) or running:
        message = client.expect("iopub")
        if message["type"] != "status":
            continue
        parent, state = message["parent"]["msg_id"], message["content"]["execution_state"]
        if running and states["last"] == "idle":
            assert state == "busy" and parent in running
        states.setdefault(parent, []).append(state)
        states["last"] = state
        if parent in cells:
            (running.add if state == "busy" else running.discard)(parent)
    assert states.pop("last") == "idle" and client.receive("iopub", 0.2) is None
    assert set(states) == cells | others
    assert all(states[one] == ["busy", "idle"] for one in others)
    assert all(states[one][-1] == "idle" and states[one].count("idle") == 1 for one in cells)


def test_a_long_inspection_keeps_no_line_from_a_cell(client):
    cell = client.execute("ask who? ", allow_stdin=True)
    client.expect("stdin")
    inspection = client.send("inspect_request", {"code": "stubborn 1", "cursor_pos": 3})
    answer(client, "me")
    client.reply(cell)
    client.reply(inspection)


def test_a_long_inspection_keeps_nobody_from_shutting_down(kernel, client):
    client.send("inspect_request", {"code": "stubborn 60", "cursor_pos": 3})
    client.send("complete_request", {"code": "pr"})  # waits for it
    client.published(client.send("shutdown_request", {"restart": False}, "control"))
    assert kernel.wait(10) == 0


def test_text_arrives_whole_while_others_are_answered(client):
    cell = client.execute("lines 300000")
    others = {client.send("complete_request", {"code": "pr"}) for _ in range(100)}
    text = ""
    while others or cell:
        message = client.expect("iopub", 30)
        parent = message["parent"]["msg_id"]
        if message["type"] == "stream":
            text += message["content"]["text"]
        elif message["content"].get("execution_state") == "idle":
            others.discard(parent)
            cell = None if parent == cell else cell
    assert text == "".join(f"{i}\n" for i in range(300000))


# -- control, interrupts, heartbeat ----------------------------------------------------------------

@pytest.mark.timed
def test_control_answers_while_a_cell_computes(client, patience):
    request = client.execute("stubborn 0.6")
    begun = time.monotonic()
    assert client.ask("kernel_info_request", channel="control")["status"] == "ok"
    assert time.monotonic() - begun < 0.3 * patience
    client.reply(request)


def interrupt_by_signal(kernel, client):
    kernel.interrupt()


def interrupt_on_control(kernel, client):
    assert client.ask("interrupt_request", channel="control") == {"status": "ok"}


def interrupt_on_shell(kernel, client):
    client.send("interrupt_request")  # its reply comes before that of the cell


@pytest.mark.parametrize("interrupt", [interrupt_by_signal, interrupt_on_control,
                                       interrupt_on_shell])
@pytest.mark.timed
def test_interrupt(kernel, client, interrupt, patience):
    request = client.execute("print begun\nsleep 30")
    while client.expect("iopub")["type"] != "stream":
        pass
    begun = time.monotonic()
    interrupt(kernel, client)
    reply = client.expect("shell")
    if reply["type"] == "interrupt_reply":
        reply = client.expect("shell")
    assert time.monotonic() - begun < 0.25 * patience
    assert reply["parent"]["msg_id"] == request
    assert reply["content"]["status"] == "error"
    assert reply["content"]["ename"] == "Interrupted"
    assert client.run("= 1")[0]["status"] == "ok"


def test_an_interrupt_counts_once_the_cell_is_said_to_be_busy(client):
    """Also before its first line runs: a long input is long in being published."""
    for _ in range(5):
        request = client.execute("# " + 4_000_000 * "x" + "\nsleep 3")
        while client.expect("iopub")["content"] != {"execution_state": "busy"}:
            pass
        interrupt = client.send("interrupt_request", {}, "control")
        assert client.reply(interrupt, "control")["content"]["status"] == "ok"
        assert client.reply(request)["content"].get("ename") == "Interrupted"
        states = []
        while states.count("idle") < 2:
            states.append(client.expect("iopub")["content"].get("execution_state"))


def test_interrupts_of_an_idle_kernel_are_ignored(kernel, client):
    for _ in range(1000):
        kernel.interrupt()
    for _ in range(20):
        client.ask("interrupt_request", channel="control")
    assert client.run("sleep 0.1\n= fine")[0]["status"] == "ok"


def test_a_storm_of_interrupts_ends_cells_only(kernel, client):
    stop = threading.Event()

    def storm():
        while not stop.is_set():
            kernel.interrupt()
            time.sleep(0.0002)

    thread = threading.Thread(target=storm)
    thread.start()
    statuses = {client.run("sleep 5\n= 1")[0]["status"] for _ in range(20)}
    for _ in range(20):
        client.ask("interrupt_request", channel="control")
        client.ask("complete_request", {"code": "pr"})
    stop.set()
    thread.join()
    assert statuses == {"error"}
    assert client.run("= 1")[0]["status"] == "ok"


@pytest.mark.timed
def test_heartbeat_beats_while_a_cell_computes(client, patience):
    request = client.execute("stubborn 0.6")
    for beat in (b"ping", b"", b"\x00" * 1000):
        client.sockets["hb"].send(beat)
        assert client.sockets["hb"].poll(100 * patience)
        assert client.sockets["hb"].recv() == beat
    client.reply(request)


def test_the_newer_of_two_clients_with_one_identity_is_answered(kernel, client):
    again = kernel.connect(identity=client.identity)
    assert again.ask("kernel_info_request")["status"] == "ok"


# -- stdin -----------------------------------------------------------------------------------------

def answer(client, value, parent=None):
    frames, _ = client.frames("input_reply", {"value": value, "status": "ok"}, parent)
    client.send_frames("stdin", frames)


@pytest.mark.parametrize("verb, secret", [("ask", False), ("secret", True)])
def test_question(client, verb, secret):
    request = client.execute(f"print before\n{verb} who? ", allow_stdin=True)
    question = client.expect("stdin")
    assert question["type"] == "input_request"
    assert question["content"] == {"prompt": "who? ", "password": secret}
    assert question["parent"]["msg_id"] == request
    answer(client, "me,\0naïve")
    assert client.reply(request)["content"]["status"] == "ok"
    messages = [(one["type"], one["content"]) for one in client.published(request)]
    assert stream_text(messages) == "before\nme,\0naïve\n"


def test_a_question_waits_for_a_client_that_connects_late(kernel):
    client = kernel.connect(connect_stdin=False)
    request = client.execute("ask who? ", allow_stdin=True)
    time.sleep(0.3)
    client.sockets["stdin"].connect(client.endpoint("stdin"))
    assert client.expect("stdin")["type"] == "input_request"
    answer(client, "late")
    assert client.reply(request)["content"]["status"] == "ok"


def test_a_question_that_reaches_nobody_is_an_error(kernel, client):
    lonely = kernel.connect(connect_stdin=False)
    reply, _ = lonely.run("ask who? ", allow_stdin=True)  # it is tried for three seconds
    assert reply["ename"] == "UnsupportedError" and "does not answer questions" in reply["evalue"]
    request = client.execute("ask who? ", allow_stdin=True)
    client.expect("stdin")
    answer(client, "me")
    assert client.reply(request)["content"]["status"] == "ok"


def test_a_lost_question_ends_no_other(kernel, client):
    lonely = kernel.connect(connect_stdin=False)
    lost = lonely.execute("ask who? ", allow_stdin=True)
    time.sleep(0.5)
    kernel.interrupt()
    assert lonely.reply(lost)["content"]["ename"] == "Interrupted"
    request = client.execute("ask who? ", allow_stdin=True)
    client.expect("stdin")
    eventually(lambda: "could not be sent" in kernel.log())
    answer(client, "me")
    assert client.reply(request)["content"]["status"] == "ok"


def test_text_before_a_question_is_seen_before_it(client):
    request = client.execute("print before\nask who? ", allow_stdin=True)
    client.expect("stdin")
    while (message := client.expect("iopub", 1))["type"] != "stream":
        pass
    assert message["content"]["text"] == "before\n"
    answer(client, "me")
    client.reply(request)


def test_question_without_stdin_is_an_error(client):
    reply, _ = client.run("ask who? ", allow_stdin=False)
    assert reply["status"] == "error" and "does not answer questions" in reply["evalue"]


def test_a_question_can_be_interrupted(kernel, client):
    request = client.execute("ask who? ", allow_stdin=True)
    client.expect("stdin")
    kernel.interrupt()
    assert client.reply(request)["content"]["ename"] == "Interrupted"


def test_stale_and_foreign_answers_are_dropped(kernel, client):
    answer(client, "too early")
    request = client.execute("sleep 0.2\nask who? ", allow_stdin=True)
    question = client.expect("stdin")
    stranger = kernel.connect(ready=False)
    answer(stranger, "not asked")
    answer(client, "another question's", {"msg_id": "something else"})
    answer(client, "right", question["header"])
    assert client.reply(request)["content"]["status"] == "ok"
    messages = [(one["type"], one["content"]) for one in client.published(request)]
    assert stream_text(messages) == "right\n"


@pytest.mark.slow
def test_an_answer_from_before_its_question_is_dropped(client):
    """It names no question, and lies unread while the shell's thread has much to read."""
    for pause in (0.3, 2, 8):
        much = [client.frames("kernel_info_request", {"much": [1] * 3_000_000})[0] for _ in range(3)]
        request = client.execute(f"sleep {pause}\nask who? ", allow_stdin=True)
        for frames in much:
            client.send_frames("shell", frames)
        answer(client, "too early")
        in_time = not client.sockets["stdin"].poll(20)
        answer(client, "right", client.expect("stdin", 60)["header"])
        text = "".join(one["content"]["text"] for one in client.published(request, 60)
                       if one["type"] == "stream")
        if in_time:
            assert text == "right\n"
            return
    pytest.skip("this machine is too busy to answer before it is asked")


def test_the_first_of_two_answers_counts(client):
    for _ in range(30):
        request = client.execute("ask who? ", allow_stdin=True)
        client.expect("stdin")
        first, second = (client.frames("input_reply", {"value": value})[0] for value in "12")
        client.send_frames("stdin", first)
        client.send_frames("stdin", second)
        messages = client.published(request)
        client.reply(request)
        assert "1\n" in [one["content"].get("text") for one in messages]


def test_an_answer_is_good_once(kernel, client):
    request = client.execute("ask first? \nask second? ", allow_stdin=True)
    frames, _ = client.frames("input_reply", {"value": "one"})
    client.expect("stdin")
    client.send_frames("stdin", frames)
    client.expect("stdin")
    client.send_frames("stdin", frames)
    eventually(lambda: "used before" in kernel.log())
    assert client.receive("shell", 0.1) is None
    answer(client, "two")
    client.reply(request)
    messages = [(one["type"], one["content"]) for one in client.published(request)]
    assert stream_text(messages) == "one\ntwo\n"


def test_stdin_takes_answers_only(kernel, client):
    client.send("kernel_info_request", channel="stdin")
    eventually(lambda: "no good input_reply" in kernel.log())
    assert client.receive("stdin", 0.1) is None
    assert client.run("= 1")[0]["status"] == "ok"


# -- shutdown, restart, orphans --------------------------------------------------------------------

@pytest.mark.parametrize("channel", ["control", "shell"])
@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.timed
def test_shutdown(kernel, client, channel, restart, patience):
    request = client.send("shutdown_request", {"restart": restart}, channel)
    begun = time.monotonic()
    reply = client.reply(request, channel)
    assert reply["content"] == {"status": "ok", "restart": restart}
    messages = client.published(request)
    assert [one["type"] for one in messages] == ["status", "shutdown_reply", "status"]
    assert messages[1]["content"] == reply["content"]
    assert messages[1]["header"]["msg_id"] != reply["header"]["msg_id"]
    assert kernel.wait(10) == 0
    assert time.monotonic() - begun < 1 * patience


@pytest.mark.parametrize("code", ["sleep 60", "stubborn 60", "lines 100000000",
                                  "ask what? "])
@pytest.mark.timed
def test_shutdown_in_the_middle_of_a_cell(kernel, client, code, patience):
    client.execute(f"print begun\n{code}", allow_stdin=True)
    while client.expect("iopub")["type"] != "stream":
        pass
    request = client.send("shutdown_request", {"restart": False}, "control")
    begun = time.monotonic()
    assert client.reply(request, "control")["content"]["status"] == "ok"
    assert kernel.wait(10) == 0
    assert time.monotonic() - begun < 1 * patience


@pytest.mark.parametrize("code", ["", "sleep 60", "stubborn 60"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_that_end(kernel, client, number, code):
    if code:
        begin(client, code)
    kernel.process.send_signal(number)
    assert kernel.wait() == 0


@pytest.mark.slow
def test_a_stuck_subscriber_does_not_keep_a_kernel(kernel, client, context):
    stuck = full_subscriber(context, client)  # noqa: F841 (unnamed, it would be closed)
    time.sleep(0.2)
    client.execute("shows 100000 20000")
    client.reply(client.send("shutdown_request", {"restart": False}, "control"), "control")
    assert kernel.wait() == 0


def test_restart_on_the_same_ports(kernel, client):
    for _ in range(5):
        client.send("shutdown_request", {"restart": True}, "control")
        kernel.wait()
        kernel.start()
        client = kernel.connect()
        assert client.run("= 1")[0]["execution_count"] == 1


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
def test_start_on_the_same_ports_after_a_crash(start, transport):
    kernel = start(transport=transport)
    for _ in range(3):
        kernel.process.kill()
        kernel.wait()
        kernel.start()
        assert kernel.connect().run("= 1")[0]["execution_count"] == 1


def test_a_port_that_is_freed_in_time(start, tmp_path):
    path, content = connection(tmp_path)
    with socket.create_server(("127.0.0.1", content["shell_port"])):
        process = subprocess.Popen(command("fake_kernel", path))
        time.sleep(0.3)
    client = Client(content).ready()
    client.send("shutdown_request", {"restart": False}, "control")
    assert process.wait(5) == 0
    client.close()


def test_a_port_that_stays_taken(tmp_path):
    path, content = connection(tmp_path)
    with socket.create_server(("127.0.0.1", content["iopub_port"])):
        done = subprocess.run(command("fake_kernel", path), capture_output=True, text=True,
                              timeout=30)
    assert done.returncode == 1
    assert f"cannot listen on tcp://127.0.0.1:{content['iopub_port']}" in done.stderr
    assert "in use" in done.stderr


@pytest.mark.parametrize("code", ["", "sleep 60", "stubborn 60"])
def test_the_parents_death_ends_the_kernel(tmp_path, code):
    path, content = connection(tmp_path)
    script = ("import os, subprocess, sys, time\n"
              "child = subprocess.Popen(sys.argv[1:], env={**os.environ, 'JPY_PARENT_PID': "
              "str(os.getpid())})\n"
              "print(child.pid, flush=True)\ntime.sleep(60)\n")
    parent = subprocess.Popen([sys.executable, "-c", script, *command("fake_kernel", path)],
                              stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    client = Client(content).ready()
    if code:
        begin(client, code)
    assert is_running(child)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    eventually(lambda: not is_running(child), 5)
    client.close()


def is_running(process):
    try:
        with open(f"/proc/{process}/stat") as facts:
            return facts.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_parent_that_is_dead_already(start):
    process = subprocess.Popen(["true"])
    process.wait()
    kernel = start(env={"JPY_PARENT_PID": str(process.pid)}, connect=False)
    assert kernel.wait() == 0


def test_a_parent_that_no_descriptor_tells_of(start):
    """Where there is no pidfd the kernel looks at times. There is none for a mere thread."""
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    kernel = start(env={"JPY_PARENT_PID": str(thread.native_id)})
    time.sleep(1.2)  # it looks every half second
    assert kernel.client.run("= 1")[0]["status"] == "ok"
    end.set()
    thread.join()
    assert kernel.wait() == 0


def test_process_one_is_a_parent_like_any(start):
    kernel = start(env={"JPY_PARENT_PID": "1"})
    time.sleep(0.3)
    assert kernel.client.run("= 1")[0]["status"] == "ok"


# -- transports and encryption ---------------------------------------------------------------------

def test_ipc(start):
    kernel = start(transport="ipc")
    assert kernel.client.run("= 1")[0]["status"] == "ok"


def keys():
    return [key.decode() for key in zmq.curve_keypair()]


def like_jupyter(public, secret):
    """The keys jupyter_client's channels use: the kernel's own, and a new pair for heartbeats."""
    def choose(channel):
        pair = zmq.curve_keypair() if channel == "hb" else (public.encode(), secret.encode())
        return (*pair, public.encode())
    return choose


def is_refused(client, channel):
    try:
        client.send("kernel_info_request", channel=channel)
    except zmq.Again:  # the connection is gone
        return True
    return client.receive(channel, 0.5) is None


def test_encryption(start):
    public, secret = keys()
    kernel = start(connect=False, curve_publickey=public, curve_secretkey=secret)
    client = kernel.connect(curve=like_jupyter(public, secret))
    assert client.run("= 1")[0]["status"] == "ok"
    client.sockets["hb"].send(b"ping")
    assert client.sockets["hb"].poll(3000) and client.sockets["hb"].recv() == b"ping"

    def stranger(channel):
        return (*zmq.curve_keypair(), public.encode())
    for curve in (None, stranger):
        other = kernel.connect(ready=False, curve=curve)
        for channel in ("shell", "control", "stdin"):
            assert is_refused(other, channel)
        assert other.receive("iopub", 0.2) is None
    assert "unknown encryption key" in kernel.log()
    assert client.run("= 2")[0]["status"] == "ok"
    assert secret not in kernel.log()


@pytest.mark.parametrize("changes, sentence", [
    ({"curve_publickey": "short", "curve_secretkey": "short"}, "not two keys of 40 characters"),
    ({"signature_scheme": "hmac-md5"}, "signs with hmac-sha256 only"),
    ({"signature_scheme": "none"}, "signs with hmac-sha256 only"),
    ({"transport": "inproc"}, "speaks tcp and ipc"),
    ({"transport": "udp"}, "speaks tcp and ipc"),
    ({"shell_port": 0}, "shell_port is not a number from 1 to 65535"),
    ({"hb_port": "80"}, "hb_port is not a number from 1 to 65535"),
    ({"control_port": None}, "control_port is not a number from 1 to 65535"),
    ({"ip": "0.0.0.0", "key": ""}, "has no key"),
    ({"ip": "*", "key": None}, "has no key"),
    ({"ip": "no such place"}, "cannot listen on"),
    ({"ip": 3}, "ip is not a string"),
])
def test_connection_files_that_are_refused(tmp_path, changes, sentence):
    path, _ = connection(tmp_path, **changes)
    done = subprocess.run(command("fake_kernel", path), capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert sentence in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("text", ["", "[]", "{", '{"key": "a", "key": "b"}', "\x00", "{" * 2000])
def test_connection_files_that_are_broken(tmp_path, text):
    path = tmp_path / "broken.json"
    path.write_text(text)
    path.chmod(0o600)
    done = subprocess.run(command("fake_kernel", path), capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and "connection file" in done.stderr


def test_no_connection_file(tmp_path):
    done = subprocess.run(command("fake_kernel", tmp_path / "none.json"), capture_output=True,
                          text=True, timeout=30)
    assert done.returncode == 1 and "cannot be opened" in done.stderr


@pytest.mark.parametrize("mode, warned", [(0o600, False), (0o640, True), (0o604, True),
                                          (0o644, True)])
def test_an_open_connection_file_is_warned_about(tmp_path, mode, warned):
    path, content = connection(tmp_path)
    path.chmod(mode)
    process = subprocess.Popen(command("fake_kernel", path), stderr=subprocess.PIPE, text=True)
    client = Client(content).ready()
    client.send("shutdown_request", {"restart": False}, "control")
    _, errors = process.communicate(timeout=10)
    client.close()
    assert ("others can read the connection file" in errors) == warned
    assert content["key"] not in errors


def test_without_a_key_nothing_is_signed(start):
    kernel = start(key="")
    assert kernel.client.run("= 1")[0]["status"] == "ok"


# -- messages that are wrong -----------------------------------------------------------------------

def dropped(kernel, client, why, channel="shell"):
    """The message just sent got no answer, the reason is in the log, and the kernel lives."""
    assert client.receive(channel, 0.15) is None
    eventually(lambda: why in kernel.log())
    assert client.key.decode() not in kernel.log()
    assert client.ask("kernel_info_request", channel=channel)["status"] == "ok"
    assert client.run("= 1")[0]["status"] == "ok"


@pytest.mark.parametrize("channel", ["shell", "control"])
def test_signatures(kernel, client, channel):
    frames, _ = client.frames("kernel_info_request")
    good = client.sign(frames)
    for wrong in (b"", good[:-1], good + b"0", b"0" * 64, good.upper(), b"\xff" * 64):
        client.send_frames(channel, frames, signature=wrong)
    dropped(kernel, client, "signature", channel)
    client.send_frames(channel, frames)  # the refused ones did not use it up
    assert client.expect(channel)["content"]["status"] == "ok"


def test_a_signature_is_good_once_on_any_channel(kernel, client):
    frames, request = client.frames("kernel_info_request")
    client.send_frames("shell", frames)
    client.reply(request)
    client.published(request)
    client.send_frames("shell", frames)
    dropped(kernel, client, "used before")
    client.send_frames("control", frames)
    dropped(kernel, client, "used before", "control")


def test_changed_frames_are_noticed(kernel, client):
    for i in range(4):
        frames, _ = client.frames("kernel_info_request")
        signature = client.sign(frames)
        frames[i] = frames[i] + b" "
        client.send_frames("shell", frames, signature=signature)
    dropped(kernel, client, "does not fit")


@pytest.mark.parametrize("parts, why", [
    ([b"hello"], "delimiter"),
    ([b""], "delimiter"),
    ([b"<IDS|MSG>"], "0 frames after"),
    ([b"<IDS|MSG>", b"", b"{}", b"{}", b"{}"], "4 frames after"),
    ([b"x" * 2000, b"<IDS|MSG>", b"", b"{}", b"{}", b"{}", b"{}"], "route is too long"),
    ([b"x"] * 20 + [b"<IDS|MSG>", b"", b"{}", b"{}", b"{}", b"{}"], "route is too long"),
    ([b"<IDS|MSG>", b"", b"{}", b"{}", b"{}", b"{}"] + [b""] * 2000, "too large"),
])
def test_frames(kernel, client, parts, why):
    client.sockets["shell"].send_multipart(parts)
    dropped(kernel, client, why)


def test_a_message_that_is_too_large(kernel, client):
    frames, _ = client.frames("kernel_info_request")
    client.send_frames("shell", frames, buffers=[b"x" * (65 << 20)])
    assert client.receive("shell", 0.5) is None
    other = kernel.connect()
    assert other.run("= 1")[0]["status"] == "ok"


HEADER = {"msg_id": "1", "msg_type": "kernel_info_request", "session": "s", "username": "u",
          "date": "", "version": "5.5"}


@pytest.mark.parametrize("header, why", [
    (b"", "not JSON"), (b"[]", "not a JSON object"), (b"null", "not"), (b"{", "not JSON"),
    (b"{}", "no 'msg_id'"), (b'{"msg_id": "1"}', "no 'msg_type'"),
    (b'{"msg_id": 1, "msg_type": "x"}', "not a string"),
    (b'{"msg_id": "1", "msg_type": "x", "msg_type": "y"}', "duplicate"),
    (b'{"msg_id": "1", "msg_type": "\xff"}', "not JSON"),
    (b'{"msg_id": "1", "msg_type": "a\\u0000b"}', "NUL"),
    (json.dumps({**HEADER, "subshell_id": 7}).encode(), "not a string"),
    (b'{"a":' * 100 + b"1" + b"}" * 100, "nested deeper"),
    (b"[" * 100000, "nested deeper"),
])
def test_broken_headers_are_dropped(kernel, client, header, why):
    client.send_frames("shell", [header, b"{}", b"{}", b"{}"])
    dropped(kernel, client, why)


@pytest.mark.parametrize("place", [1, 2, 3])
@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"3", b'{"a": 1, "a": 2}', b'{"a": "\xff"}',
                                  b'{"a": 1e999}', b'{"a":' * 100 + b"1" + b"}" * 100,
                                  b'{"code": "\xed\xa0\x80"}'])
def test_broken_content_is_answered(client, place, text):
    frames, request = client.frames("execute_request", {"code": "= 1"})
    frames[place] = text
    client.send_frames("shell", frames)
    content = client.reply(request)["content"]
    assert content["status"] == "error" and content["evalue"]
    assert [one["type"] for one in client.published(request)] == ["status", "status"]
    assert client.run("= 1")[0]["status"] == "ok"


@pytest.mark.parametrize("kind, content", [
    ("execute_request", {}), ("execute_request", {"code": 3}),
    ("execute_request", {"code": "x", "silent": "no"}),
    ("execute_request", {"code": "x", "user_expressions": []}),
    ("complete_request", {"cursor_pos": 3}), ("complete_request", {"code": "x", "cursor_pos": -1}),
    ("complete_request", {"code": "x", "cursor_pos": "end"}),
    ("inspect_request", {"code": None}), ("inspect_request", {"code": "x", "detail_level": "all"}),
    ("is_complete_request", {}), ("history_request", {}),
    ("history_request", {"hist_access_type": "all"}),
    ("history_request", {"hist_access_type": "search", "pattern": 3}),
])
def test_wrong_fields_are_answered(client, kind, content):
    reply = client.ask(kind, content)
    assert reply["status"] == "error"
    assert {"ename", "evalue", "traceback"} <= set(reply)


def test_odd_text_in_a_cell_is_content(client):
    for text in ("a\0b", "\ud800", "x\udc00y", "\ud83d\ude42", "1" * 500, "\x7f\x1b[31m"):
        reply, messages = client.run(f"print {text}")
        assert reply["status"] == "ok"
        said = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").split("\0")[0]
        assert stream_text(messages).rstrip("\n") == said


def test_big_integers_are_content(client):
    frames, request = client.frames("complete_request", {"code": "pr", "cursor_pos": 2})
    frames[3] = b'{"code": "pr", "cursor_pos": 2, "more": 123456789012345678901234567890}'
    client.send_frames("shell", frames)
    assert client.reply(request)["content"]["matches"] == ["print"]


def test_a_cell_of_a_megabyte(client):
    reply, messages = client.run("print " + "é" * 500000)
    assert reply["status"] == "ok"
    assert stream_text(messages) == "é" * 500000 + "\n"


# -- questions about code --------------------------------------------------------------------------

def test_completion_counts_code_points(client):
    code = "print 🙂é\nsho"
    reply = client.ask("complete_request", {"code": code, "cursor_pos": len(code)})
    assert reply["matches"] == ["show", "shows"]
    assert code[reply["cursor_start"]:reply["cursor_end"]] == "sho"
    types = reply["metadata"]["_jupyter_types_experimental"]
    assert types[0] == {"start": len(code) - 3, "end": len(code), "text": "show",
                        "type": "function", "signature": "(rest)"}
    assert client.ask("complete_request", {"code": "pr"})["matches"] == ["print"]
    assert client.ask("complete_request", {"code": "pr", "cursor_pos": 99})["matches"] == ["print"]


def test_inspection(client):
    question = {"code": "🙂 print", "cursor_pos": 4}
    short = client.ask("inspect_request", question)
    assert short["found"] and short["data"] == {"text/plain": "a command"}
    long = client.ask("inspect_request", {**question, "detail_level": 1})
    assert long["data"]["text/plain"] == "a command, at length"
    nothing = client.ask("inspect_request", {"code": "nonsense", "cursor_pos": 3})
    assert nothing == {"status": "ok", "found": False, "data": {}, "metadata": {}}


def test_is_complete(client):
    assert client.ask("is_complete_request", {"code": "x"}) == {"status": "complete"}
    assert client.ask("is_complete_request", {"code": "x\\"}) == {"status": "incomplete",
                                                                  "indent": "  "}
    assert client.ask("is_complete_request", {"code": "!"}) == {"status": "invalid"}


def history(client, access, **more):
    question = {"hist_access_type": access, "output": False, "raw": True, **more}
    return client.ask("history_request", question)["history"]


def test_history(start, tmp_path):
    store = ("--history", str(tmp_path / "h.sqlite"))
    client = start(*store).client
    for code in ("= 1", "print a", "= 1"):
        client.run(code)
    client.run("print hidden", store_history=False)
    session = history(client, "tail", n=1)[0][0]
    assert history(client, "tail", n=2) == [[session, 2, "print a"], [session, 3, "= 1"]]
    assert history(client, "tail", n=2, output=True)[0] == [session, 2, ["print a", None]]
    assert history(client, "range", session=0, start=1, stop=2, output=True) == [
        [session, 1, ["= 1", "1"]]]
    assert history(client, "search", pattern="pr*") == [[session, 2, "print a"]]
    assert len(history(client, "search", pattern="*", unique=True)) == 2
    assert history(client, "search", pattern="*", n=1) == [[session, 3, "= 1"]]

    for i in range(100):  # whoever has a cell's reply finds the cell
        client.reply(client.execute(f"= {i}"))
        request = client.send("history_request", {"hist_access_type": "tail", "n": 1})
        assert client.reply(request)["content"]["history"] == [[session, 4 + i, f"= {i}"]]
        client.published(request)

    later = start(*store).client
    assert [one[2] for one in history(later, "range", session=-1)] == [
        "= 1", "print a", "= 1", *(f"= {i}" for i in range(100))]
    later.run("= new")
    assert [one[2] for one in history(later, "tail", n=2)] == ["= 99", "= new"]


# -- comms, buffers --------------------------------------------------------------------------------

def test_a_comm_nobody_knows_is_closed(client):
    request = client.send("comm_open", {"comm_id": "c1", "target_name": "jupyter.widget",
                                        "data": {}}, buffers=[b"\x00" * 100, b""])
    messages = client.published(request)
    assert [one["type"] for one in messages] == ["status", "comm_close", "status"]
    assert messages[1]["content"] == {"comm_id": "c1", "data": {}}
    assert client.ask("comm_info_request") == {"status": "ok", "comms": {}}


# -- subshells -------------------------------------------------------------------------------------

def create_subshell(client):
    return client.ask("create_subshell_request", channel="control")["subshell_id"]


def list_subshells(client):
    return client.ask("list_subshell_request", channel="control")["subshell_id"]


def test_subshells_come_and_go(client):
    ids = [create_subshell(client) for _ in range(3)]
    assert list_subshells(client) == ids and len(set(ids)) == 3
    delete = {"subshell_id": ids[1]}
    assert client.ask("delete_subshell_request", delete, "control") == {"status": "ok"}
    assert client.ask("delete_subshell_request", delete, "control")["status"] == "error"
    assert list_subshells(client) == [ids[0], ids[2]]
    reply, _ = client.run("= 1", subshell_id=ids[1])
    assert reply["status"] == "error" and ids[1] in reply["evalue"]


def test_subshells_are_asked_for_on_control(client):
    for kind in ("create", "delete", "list"):
        reply = client.ask(f"{kind}_subshell_request", {"subshell_id": "x"})
        assert reply["status"] == "error" and "does not answer" in reply["evalue"]


def test_subshells_have_a_limit(client):
    replies = [client.ask("create_subshell_request", channel="control") for _ in range(70)]
    assert [one["status"] for one in replies] == ["ok"] * 64 + ["error"] * 6


@pytest.mark.timed
def test_a_subshell_runs_beside_the_main_shell(client, patience):
    one = create_subshell(client)
    slow = client.execute("stubborn 0.6")
    begun = time.monotonic()
    fast = client.execute("= beside", subshell_id=one)
    assert client.reply(fast)["content"]["status"] == "ok"
    assert time.monotonic() - begun < 0.3 * patience
    assert client.reply(slow)["content"]["status"] == "ok"


def test_an_error_calls_off_its_own_shell_only(client):
    one = create_subshell(client)
    requests = [client.execute("sleep 0.3\nerror x"), client.execute("= main"),
                client.execute("sleep 0.4", subshell_id=one),
                client.execute("= sub", subshell_id=one)]
    told = {}
    for _ in requests:
        reply = client.expect("shell")
        told[reply["parent"]["msg_id"]] = reply["content"]["status"]
    assert [told[one] for one in requests] == ["error", "aborted", "ok", "ok"]


def test_deleting_a_subshell_answers_what_waits_there(client):
    one = create_subshell(client)
    running = client.execute("print begun\nsleep 30", subshell_id=one)
    waiting = client.execute("= 1", subshell_id=one)
    while client.expect("iopub")["type"] != "stream":
        pass
    client.send("delete_subshell_request", {"subshell_id": one}, "control")
    assert client.reply(running)["content"]["status"] == "error"
    assert client.reply(waiting)["content"]["status"] == "error"


def test_the_main_shell_cannot_be_deleted(client):
    for content in ({}, {"subshell_id": None}, {"subshell_id": ""}, {"subshell_id": "x"},
                    {"subshell_id": 3}):
        reply = client.ask("delete_subshell_request", content, "control")
        assert reply["status"] == "error"
    assert client.run("= 1")[0]["status"] == "ok"


def test_an_interrupt_may_be_for_one_subshell(client):
    ids = [create_subshell(client) for _ in range(2)]
    cells = [begin(client, "sleep 60", subshell_id=one) for one in ids] + [begin(client, "sleep 60")]
    for one, cell in zip(ids, cells):
        request = client.send("interrupt_request", {}, "control", subshell_id=one)
        client.reply(request, "control")
        assert client.reply(cell)["content"]["ename"] == "Interrupted"
        assert client.receive("shell", 0.2) is None  # the others sleep on
    request = client.send("interrupt_request", {}, "control", subshell_id="nobody's")
    assert "nobody's" in client.reply(request, "control")["content"]["evalue"]
    assert client.receive("shell", 0.2) is None
    client.ask("interrupt_request", channel="control")
    assert client.reply(cells[2])["content"]["ename"] == "Interrupted"


def test_a_signal_interrupts_all_shells(kernel, client):
    one = create_subshell(client)
    cells = {begin(client, "sleep 60", subshell_id=one), begin(client, "sleep 60")}
    kernel.interrupt()
    for _ in range(2):
        reply = client.expect("shell")
        assert reply["content"]["ename"] == "Interrupted"
        cells.remove(reply["parent"]["msg_id"])


def test_each_shell_has_its_own_questions(client):
    one = create_subshell(client)
    main = client.execute("ask main? ", allow_stdin=True)
    first = client.expect("stdin")
    sub = client.execute("ask sub? ", allow_stdin=True, subshell_id=one)
    second = client.expect("stdin")
    answer(client, "for sub", second["header"])
    client.reply(sub)
    answer(client, "for main", first["header"])
    client.reply(main)
    told = [client.expect("iopub") for _ in range(8)]
    said = {one["parent"]["msg_id"]: one["content"]["text"] for one in told
            if one["type"] == "stream"}
    assert said == {sub: "for sub\n", main: "for main\n"}


def test_no_answer_is_lost_to_another_shells_question(client):
    one = create_subshell(client)
    for _ in range(150):
        cells = {client.execute("ask main? ", allow_stdin=True),
                 client.execute("ask sub? ", allow_stdin=True, subshell_id=one)}
        for _ in cells:
            question = client.expect("stdin")
            answer(client, question["content"]["prompt"], question["header"])
        for _ in range(2):
            reply = client.expect("shell")
            assert reply["content"]["status"] == "ok"
            cells.remove(reply["parent"]["msg_id"])


def test_outputs_of_two_shells_keep_apart(client):
    one = create_subshell(client)
    cells = [client.execute("lines 200000", subshell_id=one), client.execute("lines 200000")]
    texts, idle, count = {cell: "" for cell in cells}, set(), 0
    while idle != set(cells):
        message = client.expect("iopub")
        parent = message["parent"].get("msg_id")
        if message["type"] == "stream":
            texts[parent] += message["content"]["text"]
            count += 1
        if message["content"].get("execution_state") == "idle":
            idle.add(parent)
    assert all(text == "".join(f"{i}\n" for i in range(200000)) for text in texts.values())
    assert count < 2000  # merged, though they came in turns


def test_counts_and_history_are_one_for_all_shells(client):
    shells = [{"subshell_id": create_subshell(client)}, {}]
    counts = [client.run(f"= {i}", **shells[i % 2])[0]["execution_count"] for i in range(10)]
    assert counts == list(range(1, 11))
    told = client.ask("history_request", {"hist_access_type": "range", "session": 0})["history"]
    assert [one[1:] for one in told] == [[i + 1, f"= {i}"] for i in range(10)]


def test_comms_of_a_subshell_are_closed(client):
    """JupyterLab sends comms to a subshell of theirs, where a kernel has subshells."""
    one = create_subshell(client)
    request = client.send("comm_open", {"comm_id": "c1", "target_name": "x", "data": {}},
                          subshell_id=one)
    assert [one["type"] for one in client.published(request)] == ["status", "comm_close", "status"]
    request = client.send("kernel_info_request", subshell_id=one)
    assert client.reply(request)["content"]["status"] == "ok"
    request = client.send("kernel_info_request", subshell_id="nobody's")
    assert "nobody's" in client.reply(request)["content"]["evalue"]


def test_subshells_end_with_the_kernel(kernel, client):
    for _ in range(8):
        begin(client, "sleep 60", subshell_id=create_subshell(client))
    client.published(client.send("shutdown_request", {"restart": False}, "control"))
    assert kernel.wait(10) == 0


# -- floods ----------------------------------------------------------------------------------------

# The megabytes a kernel may grow by, for each connection; 40 in any case.
FLOODS = {
    "iopub": {"topics": 0, "long topics": 0, "huge topics": 0, "one topic on and off": 0,
              "messages to iopub": 0, "endless message to iopub": 0, "endless topics": 0},
    "hb": {"echoes": 0, "huge echoes": 0, "endless message": 0},
    "shell": {"garbage": 0, "forged": 0, "large forged": 50, "many frames": 0,
              "endless message": 200, "noise": 0, "connections": 0},
    "control": {"garbage": 0, "endless message": 200}, "stdin": {"large forged": 50},
}


def peak(kernel):
    """The most memory the kernel has had, in bytes."""
    with open(f"/proc/{kernel.process.pid}/status") as facts:
        line = next(line for line in facts if line.startswith("VmHWM"))
    return int(line.split()[1]) << 10


@pytest.mark.parametrize("connections", [1, 10])
@pytest.mark.parametrize("channel, name", [(channel, name) for channel in FLOODS
                                           for name in FLOODS[channel]])
def test_a_flood_costs_its_own_share(kernel, client, channel, name, connections, patience):
    """Whoever has no key keeps no client from being answered, and takes little memory: of what
    each connection sends, a message or two, which may be large."""
    before = peak(kernel)
    with flood(name, kernel.content[f"{channel}_port"], 2, connections) as peers:
        for _ in range(3):
            assert client.run("= 1", timeout=10 * patience)[0]["status"] == "ok"
        peers.communicate()
    if patience == 1:  # the sanitizers' own memory is another matter
        allowed = 40 + FLOODS[channel][name] * connections
        assert peak(kernel) - before < allowed << 20
    newcomer = kernel.connect()
    assert newcomer.run("= 1", timeout=10 * patience)[0]["status"] == "ok"
    begun = time.monotonic()
    client.send("shutdown_request", {"restart": False}, "control")
    assert kernel.wait(10) == 0
    assert time.monotonic() - begun < 2 * patience


def test_a_subscriber_that_asks_for_too_much_is_cut_off_alone(kernel, client, context):
    asking = context.socket(zmq.SUB)
    monitor = asking.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    asking.connect(client.endpoint("iopub"))
    for number in range(100):
        asking.subscribe(f"topic {number}")
    assert monitor.poll(5000)
    assert client.run("= 1")[0]["status"] == "ok"
    asking.disable_monitor()


def test_a_client_that_sends_much_is_not_cut_off(kernel, client, patience):
    """What is read of it is no debt: several times what a connection may be ahead."""
    for _ in range(8):
        assert client.run("# " + "x" * (6 << 20), timeout=10 * patience)[0]["status"] == "ok"
    assert "cut off" not in kernel.log()


# -- the log ---------------------------------------------------------------------------------------

def full_pipe():
    """A pipe that takes nothing more, and that nobody reads: its two ends."""
    out, into = os.pipe()
    os.set_blocking(into, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(into, b"x" * 4096)
    os.set_blocking(into, True)
    return out, into


@pytest.mark.parametrize("name", ["fake_kernel", "patchbay"])
@pytest.mark.parametrize("pipe", [os.pipe, full_pipe])
def test_nobody_waits_for_a_log_that_is_not_read(tmp_path, name, pipe, patience):
    path, content = connection(tmp_path)
    path.chmod(0o644)  # a warning at once
    out, into = pipe()
    env = {**os.environ, "PATCHBAY_HISTORY": str(tmp_path / "history.sqlite")}
    process = subprocess.Popen(command(name, path), stderr=into, env=env)
    client = Client(content)
    try:
        client.ready()
        for channel in ("shell", "control"):
            for number in range(3000):
                client.sockets[channel].send_multipart([b"<IDS|MSG>"] + [b""] * (number % 5))
        for channel in ("shell", "control"):
            assert client.ask("kernel_info_request", channel=channel)["status"] == "ok"
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert time.monotonic() - begun < 1.5 * patience
    finally:
        process.kill()
        process.wait()
        client.close()
        os.close(out)
        os.close(into)


def test_a_kernel_that_cannot_start_ends_although_nobody_reads_why(tmp_path):
    out, into = full_pipe()
    done = subprocess.run(command("patchbay", tmp_path / "none.json"), stderr=into, timeout=20)
    assert done.returncode == 1
    os.close(out)
    os.close(into)


def test_a_flood_leaves_a_small_log(kernel, client):
    for channel in ("shell", "control"):
        with flood("garbage", kernel.content[f"{channel}_port"], 3) as peers:
            assert client.run("= 1")[0]["status"] == "ok"
            assert int(peers.communicate()[0].split()[0]) > 1 << 20
    eventually(lambda: "more times: control: dropped a message without" in kernel.log(), 10)
    assert len(kernel.log()) < 10000


# -- readiness -------------------------------------------------------------------------------------

@pytest.mark.timed
def test_readiness(tmp_path, patience):
    """From exec to the first kernel_info_reply on a raw socket."""
    times = []
    for _ in range(5):
        path, content = connection(tmp_path)
        context = zmq.Context()
        shell = context.socket(zmq.DEALER)
        shell.reconnect_ivl = 1
        shell.linger = 0
        asker = Client(content)
        frames, _ = asker.frames("kernel_info_request")
        begun = time.monotonic()
        process = subprocess.Popen(command("fake_kernel", path))
        shell.connect(asker.endpoint("shell"))
        shell.send_multipart([b"<IDS|MSG>", asker.sign(frames), *frames])
        assert shell.poll(10000)
        times.append(time.monotonic() - begun)
        process.kill()
        process.wait()
        asker.close()
        context.destroy(linger=0)
    assert min(times) < 0.1 * patience, times


def test_environment_is_not_needed(tmp_path):
    """A kernel starts without HOME, XDG folders, or a locale."""
    path, content = connection(tmp_path)
    keep = {key: value for key, value in os.environ.items() if "SAN_OPTIONS" in key}
    process = subprocess.Popen(command("fake_kernel", path), env=keep)
    client = Client(content).ready()
    assert client.run("= 1")[0]["status"] == "ok"
    client.send("shutdown_request", {"restart": False}, "control")
    assert process.wait(5) == 0
    client.close()
