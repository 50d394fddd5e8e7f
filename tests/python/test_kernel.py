"""The real kernel under Jupyter's own clients: jupyter_kernel_test with every attribute it has, and
what the front ends are: jupyter_client, jupyter console, nbclient."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time

import jupyter_kernel_test
import nbformat
import pytest
from jupyter_client.manager import KernelManager, start_new_kernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from kernel_client import Kernel, stream_text

pytestmark = pytest.mark.usefixtures("kernelspec")


class TestKernel(jupyter_kernel_test.KernelTests):
    kernel_name = "patchbay"
    language_name = "patchbay"
    file_extension = ".pbay"
    code_hello_world = 'print("hello, world")'
    code_stderr = 'warn("oh no")'
    completion_samples = [
        {"text": "attrib", "matches": {"attribute"}},
        {"text": "no_such_word_begins_like_this", "matches": set()},
    ]
    complete_code_samples = ["1 + 1", 'top("I love")', "f(x) = x + 1", "# only a comment", ""]
    incomplete_code_samples = ["top(", "[1, 2,", "(a = 1;"]
    invalid_code_samples = ["1 +* 2", "top)", "a = = 3"]
    code_page_something = "help(top)"
    code_generate_error = "there_is_no_such_name"
    code_execute_result = [
        {"code": "1 + 2", "result": "3"},
        {"code": "6 * 7", "result": "42"},
        {"code": "2 ** 10", "result": "1024"},
        {"code": "load()", "mime": "text/html"},
        {"code": "1 + 2", "result": "3"},
    ]
    code_display_data = [{"code": "show(load())", "mime": "text/html"},
                         {"code": "show(1)", "mime": "text/plain"}]
    code_history_pattern = "1?+?2*"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "attribute"
    code_clear_output = "clear()"


class TestWelcome(jupyter_kernel_test.IopubWelcomeTests):
    kernel_name = "patchbay"
    support_iopub_welcome = True


@pytest.fixture
def started(kernelspec):
    manager, client = start_new_kernel(kernel_name=kernelspec)
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel()


def outputs(client, code: str, **more) -> tuple[dict, list[dict]]:
    """Runs a cell through jupyter_client: the reply's content, and the messages on iopub."""
    told: list[dict] = []
    reply = client.execute_interactive(code, output_hook=told.append, timeout=60, **more)
    return reply["content"], told


MANY_AXES = {  # what a last value of three or four axes shows, and with how many panels
    'patch(into="I love it", from="I hate it", at="z", pos=each, metric=logit(" great"))':
        (6, "layer 5"),
    'attribute("I love it", " great", by="head", pos=all)': (4, "2 \u00b7love"),
    'run("I love it").pattern[layer=4]': (6, "head 5"),
    'run("I love it").pattern': (36, "layer 5"),
    'run(["I love it", "I hate it"])[0].resid_post': (6, "layer 5"),
}


@pytest.mark.parametrize("code", MANY_AXES)
def test_three_axes_show_as_panels_beside_their_text(started, code):
    panels, title = MANY_AXES[code]
    assert outputs(started[1], 'load("reviews-4m");')[0]["status"] == "ok"
    reply, told = outputs(started[1], code)
    assert reply["status"] == "ok", reply
    data = next(m["content"]["data"] for m in told if m["msg_type"] == "execute_result")
    markup = data["text/html"]
    assert "<script" not in markup
    assert markup.count(title + "</text>") == 1
    borders = re.findall(r'<rect [^>]*fill="none" stroke="currentColor" stroke-opacity="0.25"',
                         markup)
    assert len(borders) == panels
    assert markup.count('stroke-opacity="0.3"') == 1  # one colour bar
    left_out = re.search(r"^\.\.\. (\d+) more grids?: ", data["text/plain"], re.MULTILINE)
    assert int(left_out[1]) == panels - 3
    assert "heatmap(t) draws all" in data["text/plain"]


def test_variables_live_on_after_errors_and_interrupts(started):
    manager, client = started
    assert outputs(client, "kept = 12")[0]["status"] == "ok"
    for wrong in ("nope", "1 / ", "load(7)", 'top("x", k="many")', "1" * 100 + "(", "\0", "(" * 5000):
        reply, _ = outputs(client, wrong)
        assert reply["status"] == "error", wrong
        assert reply["traceback"] and reply["evalue"]
    assert outputs(client, "kept")[1][-2]["content"]["data"]["text/plain"] == "12"


def test_calls_nest_as_deep_as_on_a_command_line(started, patience):
    manager, client = started
    deep = 9999 if patience == 1 else 1500  # sanitizers' calls take more stack
    outputs(client, "down(n) = 0 if n == 0 else 1 + down(n - 1)")
    assert outputs(client, f"down({deep})")[1][-2]["content"]["data"]["text/plain"] == str(deep)
    if os.environ.get("PATCHBAY_PRESET") != "thread":  # its shadow of 10,000 calls is 16 GB
        assert outputs(client, "down(-1)")[0]["ename"] == "LimitError"
    assert outputs(client, "down(3)")[0]["status"] == "ok"


@pytest.mark.timed
def test_interrupt_stops_long_work(started, patience):
    manager, client = started
    outputs(client, "load();")
    request = client.execute("[sum([a * b for a in range(1000)]) for b in range(1000000)];")
    time.sleep(0.5)
    begun = time.monotonic()
    manager.interrupt_kernel()
    reply = client.get_shell_msg(timeout=10 * patience)
    assert reply["parent_header"]["msg_id"] == request
    assert reply["content"]["status"] == "error"
    assert time.monotonic() - begun < 0.5 * patience
    assert outputs(client, "1 + 1")[0]["status"] == "ok"


@pytest.mark.timed
def test_restart_gives_a_fresh_session(started, patience):
    manager, client = started
    outputs(client, "gone = 1")
    begun = time.monotonic()
    manager.restart_kernel()
    client.wait_for_ready(timeout=30 * patience)
    assert time.monotonic() - begun < 3 * patience
    reply, _ = outputs(client, "gone")
    assert reply["status"] == "error" and reply["execution_count"] == 1


@pytest.mark.timed
def test_shutdown_is_clean_and_quick(kernelspec, patience):
    manager, client = start_new_kernel(kernel_name=kernelspec)
    process = manager.provisioner.process
    client.stop_channels()
    begun = time.monotonic()
    manager.shutdown_kernel()
    assert time.monotonic() - begun < 2 * patience
    assert process.returncode == 0


def test_questions_reach_the_front_end(started):
    _, client = started

    def answer(message):
        assert message["content"] == {"prompt": "who? ", "password": False}
        client.input("me")

    reply, told = outputs(client, 'print("hello " + ask("who? "))', allow_stdin=True,
                          stdin_hook=answer)
    assert reply["status"] == "ok"
    assert "hello me" in "".join(one["content"].get("text", "") for one in told)


def test_encryption_as_jupyter_client_does_it(kernelspec):
    manager = KernelManager(kernel_name=kernelspec)
    if not hasattr(manager, "transport_encryption"):
        pytest.skip("this jupyter_client cannot encrypt")
    manager.transport_encryption = "required"
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=30)
        assert manager.curve_publickey
        assert outputs(client, "1 + 1")[0]["status"] == "ok"
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


def run_notebook(kernelspec, *cells: str, **options) -> list:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=60, kernel_name=kernelspec, **options).execute()
    return notebook.cells


def test_nbclient(kernelspec):
    cells = run_notebook(kernelspec, 'print("a")\n1 + 1', "show(2); 3")
    assert [one.output_type for one in cells[0].outputs] == ["stream", "execute_result"]
    assert [one.output_type for one in cells[1].outputs] == ["display_data", "execute_result"]
    with pytest.raises(CellExecutionError, match="nope"):
        run_notebook(kernelspec, "nope", "never")


def test_jupyter_console(kernelspec):
    done = subprocess.run([sys.executable, "-m", "jupyter_console", "--simple-prompt", "--kernel",
                           kernelspec], input="20 + 3\nnope\nexit\n", capture_output=True,
                          text=True, timeout=60)
    if "No module named" in done.stderr:
        pytest.skip("jupyter console is not installed")
    assert "23" in done.stdout
    assert "there is no name 'nope'" in done.stdout + done.stderr


def test_completion_beside_a_running_cell(tmp_path, binary):
    """While a sweep computes, completion reads its prompt, the model's heads and its sites."""
    kernel = Kernel(tmp_path, name="patchbay")
    try:
        client = kernel.client
        client.run('model = load("reviews-4m")\nlove = "I love this movie because it is"\nr = run(love)')
        busy = client.execute('[patch(into=love, from="I hate this movie because it is", at="resid_post", '
                              'metric=logit(" great")) for i in range(100000)]; 0')
        for code, first in [('patch(into=love, pos="', ["I", " love"]), ('zero(heads="L5', ["L5H0", "L5H1"]),
                            ("r.pattern[", ["layer=", "head="]), ('logit(love, " grea', [" great"])]:
            for _ in range(5):
                reply = client.ask("complete_request", {"code": code, "cursor_pos": len(code)})
                assert reply["matches"][:len(first)] == first
        found = client.ask("inspect_request", {"code": "r.pattern", "cursor_pos": 9})
        assert "softmax of the scores" in found["data"]["text/plain"]
        kernel.interrupt()
        reply = client.reply(busy)
        assert reply["content"]["status"] == "error"
    finally:
        kernel.close()


def test_positions_count_code_points(tmp_path, binary):
    kernel = Kernel(tmp_path, name="patchbay")
    try:
        client = kernel.client
        client.run('naïve = "🙂"')
        code = "# 🙂\nna"
        reply = client.ask("complete_request", {"code": code, "cursor_pos": len(code)})
        assert "naïve" in reply["matches"]
        assert code[reply["cursor_start"]:reply["cursor_end"]] == "na"
        found = client.ask("inspect_request", {"code": '"🙂"; top', "cursor_pos": 7})
        assert found["found"] and "top(" in found["data"]["text/plain"]
        _, messages = client.run('print("é" * 3)')
        assert stream_text(messages) == "ééé\n"
    finally:
        kernel.close()


@pytest.fixture
def wire(tmp_path, binary):
    """The real kernel on raw sockets."""
    kernel = Kernel(tmp_path, name="patchbay")
    yield kernel
    kernel.close()


def begin(client, code, **more):
    """Sends a cell, and waits until it runs; gives its id."""
    request = client.execute(f'print("begun")\n{code}', **more)
    while (message := client.expect("iopub", 60))["type"] != "stream" or \
            message["parent"]["msg_id"] != request:
        pass
    return request


def run_beside(client, running, code, timeout, **more):
    """Runs a cell beside another, which goes on; gives the (type, content) pairs."""
    request = client.execute(code, **more)
    reply = client.reply(request, timeout=timeout)
    assert reply["parent"]["msg_id"] != running
    return [(one["type"], one["content"]) for one in client.published(request, timeout)[1:-1]]


ENDLESS = "[sum([a * b for a in range(1000)]) for b in range(1000000)];"
SWEEPS = ('love = "I love this movie because it is"; hate = "I hate this movie because it is"\n'
          'print("begun")\n'
          '[patch(into=love, from=hate, at="resid_post", metric=logit(" great"))'
          ' for i in range(1000000)];')


def test_help_comes_while_a_cell_runs(wire):
    client = wire.client
    cell = begin(client, "from_this_cell = table(n=[1, 2])\nprint(1)\n" + ENDLESS)
    for name in ("from_this_cell", "attribute"):
        reply = client.ask("complete_request", {"code": name[:-2], "cursor_pos": len(name) - 2})
        assert name in reply["matches"]
        assert client.ask("inspect_request", {"code": name, "cursor_pos": 2})["found"]
    assert client.ask("is_complete_request", {"code": "top("})["status"] == "incomplete"
    history = client.ask("history_request", {"hist_access_type": "tail", "n": 5})
    assert history["status"] == "ok"
    wire.interrupt()
    assert client.reply(cell)["content"]["ename"] == "Interrupted"


def test_a_subshell_computes_while_the_main_shell_sweeps(wire):
    client = wire.client
    assert client.run("model = load();", timeout=60)[0]["status"] == "ok"
    top = client.run('top("I love this movie because it is", k=3)', timeout=60)[1][-1]
    one = client.ask("create_subshell_request", channel="control")["subshell_id"]
    sweep = begin(client, SWEEPS)
    beside = {"subshell_id": one, "timeout": 60}
    assert stream_text(run_beside(client, sweep, 'print("beside")', **beside)) == "beside\n"
    assert run_beside(client, sweep, 'top(love, k=3)', **beside)[-1] == (
        "execute_result", {**top[1], "execution_count": 5})
    assert run_beside(client, sweep, "nope", **beside)[-1][0] == "error"  # the sweep goes on
    run_beside(client, sweep, "found = 12", **beside)
    loop = begin(client, ENDLESS, subshell_id=one)
    client.send("interrupt_request", {}, "control", subshell_id=one)
    assert client.reply(loop)["content"]["ename"] == "Interrupted"
    assert client.receive("shell", 0.5) is None
    client.send("interrupt_request", {}, "control")
    assert client.reply(sweep)["content"]["ename"] == "Interrupted"
    assert client.run("found")[1][-1][1]["data"]["text/plain"] == "12"


@pytest.mark.timed
def test_ready_at_once(tmp_path, patience):
    """Without a model loaded, the real kernel is there in a tenth of a second."""
    times = []
    for _ in range(3):
        begun = time.monotonic()
        kernel = Kernel(tmp_path, name="patchbay", connect=False)
        client = kernel.connect(ready=False)
        client.reply(client.send("kernel_info_request"))
        times.append(time.monotonic() - begun)
        kernel.close()
    assert min(times) < 0.2 * patience, times  # the client's own reconnecting included


@pytest.mark.timed
def test_round_trips_are_short(tmp_path, patience):
    kernel = Kernel(tmp_path, name="patchbay")
    try:
        for _ in range(20):
            kernel.client.run("1 + 1")
        times = []
        for _ in range(200):
            begun = time.monotonic()
            kernel.client.reply(kernel.client.execute("1 + 1"))
            times.append(time.monotonic() - begun)
        assert sorted(times)[len(times) // 2] < 0.003 * patience, sorted(times)[::20]
    finally:
        kernel.close()
