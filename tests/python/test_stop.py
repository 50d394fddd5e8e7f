"""Stop during Run All: the cell that ran shows what it has and ends in one red line, the name it was
for holds that part, and no cell after it runs. On the wire, and through nbclient."""

from __future__ import annotations

import asyncio
import re
import threading
import time

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from kernel_client import Kernel, kept, stream_text

BEGIN = """load();
long = "I love this movie because it is" * 30
other = "I hate this movie because it is" * 30
short = ["I love this movie because it is", "I hate this movie because it is"] * 60"""

# Each runs for seconds: what is stopped, as the red line begins, and what it says is bound.
CELLS = {
    "sweep": ('p = patch(into=long, from=other, at="z", pos=each, metric=logit(" great"))',
              r"the sweep was stopped after \d+ of 7596 cells; p holds what was computed"),
    "paths": ('p = path(into=[long] * 30, from=[other] * 30, sender=each, metric=logit(" great"))',
              r"the sweep was stopped after \d+ of 1080 paths; p holds what was computed"),
    "made of a sweep": ('p, q = [heatmap(patch(into=long, from=other, at="z", pos=each, '
                        'metric=logit(" great"))), 1]',
                        r"the sweep was stopped after \d+ of 7596 cells; p, q hold what was computed"),
    "texts": ("p = generate(short, n=200)",
              r"generate was stopped in prompt \d+ of 120, after \d+ of 200 tokens; "
              r"p holds what was computed"),
    "no name": ('heatmap(patch(into=long, from=other, at="z", pos=each, metric=logit(" great")))',
                r"the sweep was stopped after \d+ of 7596 cells; no name holds what was computed"),
    "second statement": ('p = 1\n'
                         'p = patch(into=long, from=other, at="z", pos=each, metric=logit(" great"))',
                         r"the sweep was stopped after \d+ of 7596 cells, in line 2; "
                         r"p holds what was computed"),
}
# What leaves nothing that would not be taken for the whole.
LOST = {
    "list": ("p = [generate(text, n=200) for text in short]",
             r"the list was stopped at item \d+ of 120; p was not bound"),
    "key": ("p = sorted(short, key=lambda text: len(generate(text, n=200)))",
            r"sorted was stopped after \d+ of 120 steps; p was not bound"),
    "loop": ("p = len([0 for a in range(4000) for b in range(4000) for c in range(4000) if False])",
             r"the list was stopped at item \d+ of 4000; p was not bound"),
    "statement": ("q = 2; p = [0 for a in range(0)]\n"
                  "[0 for a in range(4000) for b in range(4000) for c in range(4000) if False]",
                  r"the list was stopped at item \d+ of 4000, in line 2"),
}


@pytest.fixture(scope="module")
def kernel(tmp_path_factory, root):
    one = Kernel(tmp_path_factory.mktemp("stop"), "patchbay",
                 env={"PATCHBAY_MODELS": str(root / "models")})
    reply, _ = one.client.run(BEGIN, timeout=300)
    assert reply["status"] == "ok", reply
    yield one
    one.close()


def stop_all(kernel, code, patience):
    """Run All of a cell that is stopped as soon as it says how far it is, and two after it: the
    output of the first, and the replies of all."""
    client = kernel.client
    requests = [client.execute(one) for one in (code, 'print("not run")', "after = 1")]
    told, idle = {request: [] for request in requests}, 0
    while idle < len(requests):
        message = client.expect("iopub", 60 * patience)
        kind, content = message["type"], message["content"]
        if kind == "stream" and "\x1b[K" in content["text"] and len(told[requests[0]]) == 1:
            kernel.interrupt()
        idle += content.get("execution_state") == "idle"
        if kind != "status":
            told[message["parent"]["msg_id"]].append((kind, content))
    replies = [client.reply(one)["content"] for one in requests]
    assert [told[one] for one in requests[1:]] == [[], []]
    return kept(told[requests[0]]), replies


def check_line(error, expected):
    assert error["type"] == "error" and error["ename"] == "Interrupted"
    assert re.fullmatch(expected, error["evalue"]), error
    traceback, = error["traceback"]  # one line, its name in red
    assert traceback == f"\x1b[31mInterrupted\x1b[39m: {error['evalue']}"


def check_queued(replies):
    assert replies[0]["status"] == "error" and replies[0]["ename"] == "Interrupted"
    for reply in replies[1:]:  # JupyterLab takes a cell's number from any reply that has one
        assert reply["status"] == "aborted" and "execution_count" not in reply


@pytest.mark.slow
@pytest.mark.parametrize("name", CELLS)
def test_what_there_is_stays(kernel, name, patience):
    code, expected = CELLS[name]
    told, replies = stop_all(kernel, code, patience)
    assert [one["type"] for one in told] == ["display_data", "error"]
    assert told[0]["data"]["text/plain"].strip()
    check_line(told[1], expected)
    check_queued(replies)
    if name in ("sweep", "second statement"):
        _, after = kernel.client.run("print(p.partial)")
        assert stream_text(after) == "True\n"
    if name == "texts":
        _, after = kernel.client.run("print(0 < len(p) < 120, p[0].startswith(short[0]))")
        assert stream_text(after) == "True True\n"


@pytest.mark.slow
@pytest.mark.parametrize("name", LOST)
def test_what_there_is_not(kernel, name, patience):
    code, expected = LOST[name]
    kernel.client.run('p = "old"')
    told, replies = stop_all(kernel, code, patience)
    assert [one["type"] for one in told] == ["error"]
    check_line(told[0], expected)
    check_queued(replies)
    _, after = kernel.client.run("print(p)")
    assert stream_text(after) == ("[]\n" if name == "statement" else "old\n")


@pytest.mark.slow
def test_a_cell_kept_quiet_stays_so(kernel, patience):
    told, replies = stop_all(kernel, CELLS["sweep"][0] + ";", patience)
    assert [one["type"] for one in told] == ["error"]
    check_line(told[0], CELLS["sweep"][1])
    check_queued(replies)


@pytest.mark.slow
def test_nbclient(kernelspec, root, monkeypatch):
    monkeypatch.setenv("PATCHBAY_MODELS", str(root / "models"))
    code = [BEGIN, CELLS["sweep"][0], 'print("not run")', "after = 1"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in code])
    client = NotebookClient(notebook, timeout=120, kernel_name=kernelspec)
    begun = threading.Event()
    client.on_cell_start = lambda cell, cell_index: begun.set() if cell_index == 1 else None

    def stop():
        begun.wait(60)
        time.sleep(1.5)
        asyncio.run(client.km.interrupt_kernel())

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(CellExecutionError, match="the sweep was stopped after"):
        client.execute()
    thread.join()
    part, error = notebook.cells[1].outputs
    assert part.output_type == "display_data" and "text/html" in part.data
    assert error.output_type == "error" and len(error.traceback) == 1
    for cell in notebook.cells[2:]:
        assert cell.execution_count is None and cell.outputs == []


def test_stop_that_came_as_the_cell_ended(tmp_path):
    """The cell is whole, but Stop was pressed while it ran: the cells behind it do not run."""
    kernel = Kernel(tmp_path)
    client = kernel.client
    requests = [client.execute(code) for code in ("stubborn 0.5\n= whole", "print a", "print b")]
    time.sleep(0.2)
    kernel.interrupt()
    assert [client.reply(one)["content"]["status"] for one in requests] == ["ok", "aborted", "aborted"]
    assert client.run("print c")[0]["status"] == "ok"
    kernel.close()


def test_stop_between_cells(tmp_path):
    """While cells are queued one of them is stopped, and none after it runs."""
    kernel = Kernel(tmp_path)
    client = kernel.client
    requests = [client.execute("sleep 0.001") for _ in range(3000)]
    time.sleep(0.3)
    kernel.interrupt()
    statuses = [client.reply(one)["content"]["status"] for one in requests]
    ran = statuses.index("aborted")
    assert 0 < ran < 3000 and set(statuses[ran:]) == {"aborted"}
    assert set(statuses[:ran - 1]) == {"ok"} and statuses[ran - 1] in ("ok", "error")
    assert client.run("print c")[0]["status"] == "ok"
    kernel.close()
