"""What files and servers say is shown, never obeyed: no control character of theirs reaches a
terminal or a front end, outside a cell's own prints; and what is long is not said five times over.

Terminals obey C0 and C1 controls (ECMA-48); changes of direction reorder what is read (CVE-2021-42574).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import subprocess
import time

import pytest
from fetching import REPO, cache, fetch, hub, model, model_folder
from kernel_client import Kernel

ESC = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\r\x08"
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u061c\u2028-\u202e\u2066-\u2069]")


def assert_harmless(text: str, *shown: str) -> None:
    assert not OBEYED.search(text), OBEYED.search(text)
    for part in shown:
        assert part in text, text


@pytest.fixture
def folder(root, tmp_path):
    """A copy of a model, in a folder whose name is hostile too."""
    folder = tmp_path / "models" / f"evil{ESC}"
    shutil.copytree(root / "tests" / "models" / "random-3l5h", folder)
    return folder


@pytest.fixture
def evaluate(binary, patience, folder):
    def run(code: str) -> str:
        done = subprocess.run([binary, "eval", code], capture_output=True, timeout=60 * patience,
                              env={**os.environ, "PATCHBAY_MODELS": str(folder.parent)})
        return (done.stdout + done.stderr).decode("utf-8")

    return run


def config(**change):
    def spoil(folder):
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    return spoil


def vocabulary(folder):
    path = folder / "vocab.json"
    words = json.loads(path.read_text())
    path.write_text(json.dumps({(f"the{ESC}" if i == 1000 else word): i for word, i in words.items()}))


def merges(folder):
    path = folder / "merges.txt"
    path.write_text(path.read_text() + f"{ESC}a b\n")


def weights(folder):
    path = folder / "model.safetensors"
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = data[8:8 + length].replace(b'"F32"', json.dumps(f"F{ESC}").encode())
    path.write_bytes(struct.pack("<Q", len(header)) + header + data[8 + length:])


def no_json(folder):
    (folder / "config.json").write_bytes(b'{"a": ' + ESC.encode() + b"}")


@pytest.mark.parametrize("spoil", [config(model_type=f"gpt2{ESC}"), config(activation_function=ESC),
                                   config(n_layer=ESC), vocabulary, merges, weights, no_json])
def test_a_refused_model_is_quoted_harmlessly(evaluate, folder, spoil):
    spoil(folder)
    code = f'load({json.dumps(str(folder))})'
    said = evaluate(code)
    assert "Error: " in said
    assert_harmless(said, "␛]0;owned␇␛[2J⟨U+009B⟩31m⟨U+202E⟩␍␈")


def test_a_model_that_loads_is_shown_harmlessly(evaluate, folder):
    """Its card, and the tokens of its vocabulary: here every byte is one, ESC too."""
    assert_harmless(evaluate(f'load({json.dumps(str(folder))})'), "evil␛]0;owned␇")
    assert_harmless(evaluate("models()"), "evil␛]0;owned␇")
    assert_harmless(evaluate('load("evul")'), "Error: ")
    for code in ('tokens("a\\x1b[31m\\x9b")', 'run("a\\x1b[31m\\x9b")', 'logits("a", ["\\x1b", "\\x07"])',
                 'run(["\\x1b[1m", "\\x9b2m"]).resid_post[layer=1, pos=-1, d_model=0]',
                 'table(x=["\\x1b[1m\\x9b\\u202e"])', 'table({"\\x1b[1m": ["\\x9b"]})',
                 '{"\\x1b[1m": "\\x1b"}', '["\\x1b[1m\\u202e"]', '"\\x1b[1m\\u202e"', 'top("\\x1b[1m", k=3)',
                 'tensor([1, 2], axes="\\x1b[1m", labels=["\\x1b", "\\u202e"])',
                 'bar(table({"x\\x1b": ["\\x1b[1m"], "y": [1]}), x="x\\x1b", y="y", title="\\x1b")',
                 'x["\\x1b[1m"]', 'load("\\x1b[1m")', 'read("\\x1b[1m.json")', 'run("a").zz[pos="\\x1b"]',
                 'zero("\\x1b[1m", layer=0)', 'logit("a", "\\x1b[1m\\u202e")', "1 + # \x1b[1m\u202e\n)",
                 "x\x1b[1m = 1", "'\x1b[1m", 'f"{1:\x1b}"'):
        assert_harmless(evaluate(f"load({json.dumps(str(folder))}); {code}"))


def test_a_cells_own_prints_are_its_own(evaluate):
    assert evaluate('print("\\x1b[1mbold\\x1b[0m")') == "\x1b[1mbold\x1b[0m\n"


@pytest.fixture
def client(tmp_path, folder):
    kernel = Kernel(tmp_path, name="patchbay", env={"PATCHBAY_MODELS": str(folder.parent)})
    yield kernel.client
    assert_harmless(kernel.log())
    kernel.close()


def texts_of(value):
    """All strings in a message."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from texts_of(key)
            yield from texts_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_of(inner)


def test_messages_are_harmless(client, folder):
    """Names of errors are red in tracebacks, and a slow load's line is wiped: no other sequence is
    the kernel's own."""
    for code in ('load("evul")', 'load("evil")', "models()", 'f("\x1b[31m")', '{"\\x1b[1m": "\\u202e"}',
                 f"load({json.dumps(str(folder))})", 'table({"\\x1b[1m": ["\\x9b"]})'):
        reply, messages = client.run(code)
        for kind, content in messages + [("execute_reply", reply)]:
            if kind == "execute_input":
                continue
            for text in texts_of(content):
                text = re.sub(r"\r(\x1b\[K)?", "", text) if kind == "stream" else text  # progress
                assert_harmless(re.sub(r"^\x1b\[31m(\w+)\x1b\[39m", r"\1", text))
    client.run('t = table({"a\\x1b[1m": [1], "b": [2]}); r = {"a\\x1b[1m": 1}')
    for code in ("t.", 't["', "r.", 'r["', 't[', 'load("', 'load("ev'):
        found = client.ask("complete_request", {"code": code, "cursor_pos": len(code)})
        for match in texts_of(found):
            assert_harmless(match)
        shown = client.ask("inspect_request", {"code": code, "cursor_pos": 1, "detail_level": 1})
        for text in texts_of(shown):
            assert_harmless(text)


def test_what_a_hub_says_is_harmless(fetch, hub, cache):
    def refuse(handler, headers):
        handler.answer(403, {"X-Error-Code": "Other", "X-Error-Message": "no\x1b[2J\x9b31m"})

    hub.describe["config.json"] = refuse
    done = fetch()
    assert done.returncode == 1
    assert_harmless(done.stderr + done.stdout)
    del hub.describe["config.json"]
    hub.files["config.json"] = json.dumps({"model_type": f"x{ESC}"}).encode()
    done = fetch()
    assert done.returncode == 1
    assert_harmless(done.stderr + done.stdout, "]0;owned")


def test_what_is_long_is_cut(client, patience):
    """An undefined name of 1 MB, a fault in a line of 800 kB: said once, by the cell that has it."""
    name = "n" * 1_000_000
    for code in (name, f"f({name}=1)", f"top({name}=1)", f"x.{name}", f'load("{name}")',
                 "[" + "1, " * 260_000 + "1 1]", "x = " + "(1 + " * 150_000, f'"{name}', f"{name} {name}",
                 f"len({name}", f'{{"a": 1}}["{name}"]', f'zero("{name}", layer=0)', f"{name}(x) = x\n{name}(y)"):
        begun = time.monotonic()
        reply, messages = client.run(code, timeout=20 * patience)
        assert reply["status"] == "error"
        said = [(kind, content) for kind, content in messages if kind != "execute_input"] \
            + [("execute_reply", reply)]
        assert len(json.dumps(said)) < 30_000, code[:40]
        assert time.monotonic() - begun < 10 * patience
