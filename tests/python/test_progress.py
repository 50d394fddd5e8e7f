"""The line that says how far a cell is: it comes when work takes its time, and nothing is left of
it. What a front end keeps of a cell's messages is the same, byte for byte, with progress and without."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import time

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from kernel_client import Kernel, kept, stream_text

ERASE = "\r\x1b[K"


@pytest.fixture(scope="module")
def fake(tmp_path_factory):
    kernel = Kernel(tmp_path_factory.mktemp("fake"))
    yield kernel
    kernel.close()


@pytest.fixture(scope="module")
def real(tmp_path_factory, root):
    kernel = Kernel(tmp_path_factory.mktemp("real"), "patchbay",
                    env={"PATCHBAY_MODELS": str(root / "models")})
    reply, _ = kernel.client.run(BEGIN, timeout=300)
    assert reply["status"] == "ok", reply
    yield kernel
    kernel.close()


# Cells of commands for the fake kernel; "at" lines are progress, and left out they change nothing.
CELLS = {
    "nothing else": "at one\nat two\nat",
    "a value": "at one\n= done",
    "an error": "at one\nerror oh",
    "text": "print a\nat one\nprint b\nat two\nat\nprint c",
    "a line not ended": "bytes 61\nat one\nat two\nbytes 62\nat three\nprint c",
    "text and an error": "print a\nwarn b\nat one\nprint c\nat two\nerror oh",
    "both streams": "warn a\nat one\nwarn b\nprint c\nat two\n= v",
    "displays": "show - a\nat one\nprint b\nshow - c\nhtml <b>d</b>\nat two\n= v",
    "displays with names": "show x a\nat one\nshow y b\nupdate x c\nat two\nupdate y d",
    "an update after": "show x a\nat one\nupdate x b\nsleep 0.2\nupdate x c\n= v",
    "cleared": "print a\nat one\nclear\nprint b\nat two",
    "cleared at the end": "print a\nat one\nclear",
    "cleared, then an error": "print a\nat one\nclear\nerror oh",
    "cleared soon": "print a\nclear wait\nat one\nprint b\nat two",
    "cleared soon by nothing": "print a\nat one\nclear wait\nat two",
    "cleared soon by a value": "print a\nat one\nclear wait\nat two\n= v",
    "cleared again and again": "print a\nclear wait\nat one\nprint b\nclear wait\nat two\nprint c",
    "much": "print a\nat one\nshows 3 1000000\nat two\nshows 3 1000000\nat three\nprint b\n= v",
    "much with names": "show x a\nat one\nshows 5 1000000\nupdate x b\nprint c",
    "lines": "at one\nlines 20000\nat two\nerror oh",
    "payloads": "at one\npage a\nnext b\n= v",
}


def without(code):
    return "\n".join(line for line in code.split("\n") if line.split(" ")[0] != "at")


@pytest.mark.parametrize("name", CELLS)
def test_nothing_is_left(fake, name):
    replies, told = zip(*(fake.client.run(one) for one in (CELLS[name], without(CELLS[name]))))
    assert ERASE + "one" in stream_text(told[0]) and ERASE not in stream_text(told[1])
    assert kept(told[0]) == kept(told[1])
    plain = [{key: value for key, value in reply.items() if key not in ("execution_count", "traceback")}
             for reply in replies]
    assert plain[0] == plain[1]
    clears = [content["wait"] for kind, content in told[0] if kind == "clear_output"]
    if "clear" not in CELLS[name]:
        assert clears == [name != "nothing else"]  # one; at once if nothing takes the place


def test_nothing_is_left_after_an_interrupt(fake):
    outputs = []
    for code in ("print a\nshow - b\nat one\nsleep 60", "print a\nshow - b\nsleep 60"):
        request = fake.client.execute(code)
        time.sleep(0.3)
        fake.interrupt()
        assert fake.client.reply(request)["content"]["ename"] == "Interrupted"
        outputs.append(kept([(one["type"], one["content"])
                             for one in fake.client.published(request)[1:-1]]))
    assert outputs[0] == outputs[1]
    assert [one["type"] for one in outputs[0]] == ["stream", "display_data", "error"]


def test_no_progress_where_nothing_is_published(fake):
    assert fake.client.run("at one\nprint a\n= v", silent=True)[1] == []


def test_no_progress_after_a_question(fake):
    client = fake.client
    request = client.execute("print a\nat one\nask b\nat two\nprint c", allow_stdin=True)
    question = client.expect("stdin")
    client.send_frames("stdin", client.frames("input_reply", {"value": "d", "status": "ok"},
                                              parent=question["header"])[0])
    assert client.reply(request)["content"]["status"] == "ok"
    told = [(one["type"], one["content"]) for one in client.published(request)[1:-1]]
    assert kept(told) == [{"type": "stream", "name": "stdout", "text": "a\nd\nc\n"}]
    assert "two" not in stream_text(told)
    assert [kind for kind, _ in told].count("clear_output") == 1


def test_displays_get_new_names(fake):
    """An update of the old one would go to where the display was before the output was cleared."""
    _, told = fake.client.run("show x a\nat one\nshow - b")
    names = [content["transient"].get("display_id") for kind, content in told
             if kind == "display_data"]
    assert names[:2] == ["x", None] and names[2] not in ("x", None) and names[3:] == [None]


# ---- the real kernel ----

BEGIN = """load();
long = "I love this movie because it is" * 20
other = "I hate this movie because it is" * 20"""
LONG = 'patch(into=long, from=other, at="z", layer=[0, 1], pos=each, metric=logit(" great"))'
SHORT = 'patch(into=long, from=other, at="z", layer=5, metric=logit(" great"))'
SLOW = {
    "patch": (LONG, r"patch: \d+ of \d+ steps, .+ left"),
    "generate": ('[generate("I love this", n=200) for i in range(300)]',
                 r"item \d+ of 300(; generate: \d+ of 200 steps)?, .+ left"),
    "own metric": ('patch(into=["I love it"] * 40, from=["I hate it"] * 40, at="z", metric=lambda r: '
                   "len([r.logits[pos=-1, token=\" great\"] for i in range(100)]))",
                   r"patch: \d+ of \d+ steps.*"),
    "map": ("map(lambda i: len(generate(\"I love this\", n=200)), range(300))",
            r"map: \d+ of 300 steps(; .+)?, .+ left"),
}


def overwritten(text):
    """What stands at each carriage return where front ends write over what was there and take the
    bytes of escapes for columns before they drop them, as JupyterLab does."""
    stands, seen = "", []
    for part in text.split("\r"):
        stands = part + stands[len(part):]
        seen.append(stands.replace("\x1b[K", "").rstrip(" "))
    return [line for line in seen if line]


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_work_says_how_far_it_is(real, name, patience):
    code, expected = SLOW[name]
    reply, told = real.client.run(f"x = {code}", timeout=120 * patience)
    assert reply["status"] == "ok", reply
    lines = overwritten(stream_text(told))
    assert len(lines) > 2, told
    for line in lines:
        assert re.fullmatch(expected, line), line
    assert kept(told) == []


@pytest.mark.slow  # which it is under the sanitizers
def test_short_work_says_nothing(real):
    reply, told = real.client.run(f"x = {SHORT}; [1 for i in range(1000)];")
    assert reply["status"] == "ok" and [kind for kind, _ in told] == ["execute_input"]


ENDS = {
    "a result": 'print("before")\nx = {}\nprint("after")\nlong[:7]',
    "an error": 'print("before")\nwarn("to stderr")\nx = {}\nprint("after")\nnope',
    "a picture": 'show(bar(tensor([1, 2, 3])))\nx = {}\nprint("after")\nshow(table(n=[1, 2]))\ntokens(long[:7])',
    "a line not ended": 'print("before", end="")\nx = {}\nprint("after")',
    "nothing": "x = {}",
    "cleared": 'print("before")\nx = {}\nclear()\nprint("after")\nx = {}\nprint("at last")',
}


@pytest.mark.slow
def test_saved_notebooks_are_the_same(kernelspec, root, monkeypatch, patience):
    """nbclient's notebooks, and nbconvert's pages, of cells that differ only in how long they take."""
    monkeypatch.setenv("PATCHBAY_MODELS", str(root / "models"))
    saved = []
    for work in (LONG, SHORT):
        code = [BEGIN, *(cell.replace("{}", work) for cell in ENDS.values())]
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in code])
        NotebookClient(notebook, timeout=int(120 * patience), kernel_name=kernelspec,
                       allow_errors=True, coalesce_streams=True).execute()
        for index, cell in enumerate(notebook.cells):
            cell.id, cell.source, cell.metadata = f"cell-{index}", "", {}
            cell.execution_count = None
            for output in cell.outputs:
                if output.output_type == "error":
                    output.traceback = []  # it quotes the cell
                if output.output_type == "execute_result":
                    output.execution_count = None
        saved.append(notebook)
    written = [nbformat.writes(notebook) for notebook in saved]
    assert written[0] == written[1]
    assert "before" in written[0] and "\\u001b[K" not in written[0]
    pages = [HTMLExporter().from_notebook_node(notebook)[0] for notebook in saved]
    assert pages[0] == pages[1]


# ---- the terminal ----

def on_a_terminal(command, env):
    """Runs a command with a terminal as its stderr: what it writes there, and its stdout."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env=env)
    os.close(theirs)
    written = b""
    while True:
        try:
            written += os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
    out = process.stdout.read()
    assert process.wait() == 0
    os.close(ours)
    return written.decode(), out.decode()


@pytest.mark.slow
def test_a_terminal_shows_a_line_that_goes(binary, root, tmp_path):
    script = tmp_path / "script.pbay"
    script.write_text(f'{BEGIN}\nx = {LONG}\nprint("after")')
    env = {**os.environ, "PATCHBAY_MODELS": str(root / "models")}
    errors, out = on_a_terminal([binary, "run", script], env)
    erase = re.escape(ERASE)
    # On a busy machine the load takes long enough to say so, too.
    assert re.fullmatch(f"(({erase}load: \\d+ of \\d+ steps, [^\r]+ left)+{erase})?"
                        f"({erase}patch: \\d+ of \\d+ steps, [^\r]+ left)+{erase}", errors), errors
    plain = subprocess.run([binary, "run", script], capture_output=True, text=True, env=env)
    assert plain.stderr == "" and plain.stdout == out.replace("\r\n", "\n")
