"""A NUL in a string is content, or it is refused; no string ends there.

tests/language/test_examples.c goes through the parameters of every word; this is what the program
does with files, places and text. That a C string ends at its first NUL is why it might.
"""

from __future__ import annotations

import json
import subprocess

import pytest

LOVE = "I love this movie because it is"


@pytest.fixture
def evaluate(binary, tmp_path, patience):
    """Evaluates code in an empty folder; gives its stdout and stderr as bytes."""

    def run(code: str) -> tuple[bytes, bytes]:
        done = subprocess.run([binary, "eval", code], capture_output=True, cwd=tmp_path,
                              timeout=60 * patience)
        assert done.returncode == (1 if b"Error: " in done.stderr else 0)
        return done.stdout, done.stderr

    return run


def test_a_file_is_not_written_under_the_start_of_its_name(evaluate, tmp_path):
    for code in (r'save(1, "a.json\x00.b")', r'save(1, "a.json\x00")', r'read("a.json\x00.csv")'):
        out, error = evaluate(code)
        assert b"has a NUL character" in error and b"^^^" in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [
    r'run(love).resid_post[layer=1, pos=" love\x00x"]', r'top(love, pos=" love\x00x")',
    r'run(love).resid_post[layer=1, pos=[" love\x00x", 1]]', r'zero("z\x00", layer=1)',
    r'patch(into=love, from=love, at="resid_post\x00q", metric=logit(" great"))',
    r'load("reviews-4m\x00x")', r'at(" love\x00x")', r'per([" love\x00x"])',
    r'zero("z", heads=["L1H1\x00"])', r'table(a=[1])["a\x00b"]', r'table(a=[1])[["a\x00b"]]',
    r'{"a": 1}["a\x00b"]', r'{"a": 1}.get("a\x00b")', r'tensor([1], axes="a\x00b")',
    r'tensor([1], axes="a", labels=["x\x00y"])', r'table(a=[2, 1]).sort("a\x00b")', r'help("top\x00")',
    r'bar(table(a=[1], b=[2]), x="a\x00q", y="b")', r'line([1, 2], title="a\x00b")', r'ask("a\x00b")',
    r'attention(love, layer=1, heads="L1H1\x00")', r'run(love).pattern["L1H1\x00"]'])
def test_a_name_with_a_nul_is_refused(evaluate, code):
    _, error = evaluate(f'load("reviews-4m"); love = "{LOVE}"; {code}')
    assert b"has a NUL character, \\x00, and no name has one" in error


def test_a_key_is_whole(evaluate):
    assert evaluate(r'"a\x00b" in {"a": 1}')[0] == b"False\n"
    assert b"not the string 'a\\x00b'" in evaluate(r'{"a\x00b": 1}')[1]


def test_text_is_printed_whole(evaluate):
    assert evaluate(r'print("a\x00b", 1, sep="|\x00|", end="\x00.\n"); warn("a\x00b")') \
        == (b"a\0b|\0|1\0.\n", b"a\0b\n")
    assert evaluate(r'"a\x00b"')[0] == b"'a\\x00b'\n"
    assert evaluate(r'table(x=["a\x00b"])')[0] == "x\na␀b\n".encode()


def test_a_prompt_is_read_whole(evaluate):
    """The tokens of all of it; and from a run, or behind it, the same text comes back."""
    code = r'load("reviews-4m"); p = "love\x00it"; '
    out, _ = evaluate(code + 'print(tokens(p).ids == tokens("love").ids, decode(tokens(p).ids[1:]) == p, '
                             'run(p).prompt == p, generate(p, n=1)[0:7] == p, '
                             'run(run(p).prompt).tokens == run(p).tokens)')
    assert out == b"False True True True True\n"
    out, _ = evaluate(code + r'print(logit(p, "\x00") == logit("love", "\x00"), prob(p, " great"))')
    assert out.startswith(b"False ")


def test_columns_of_a_file_are_whole(evaluate, tmp_path):
    (tmp_path / "a.csv").write_bytes(b"a\0b,c\n1,2\n")
    assert b"has a NUL character" in evaluate('read("a.csv")')[1]
    (tmp_path / "a.json").write_text(json.dumps({"axes": [{"name": "a\0b", "coordinates": [0]}],
                                                 "values": [1], "patchbay": "tensor"}))
    assert b"says that it holds a tensor" in evaluate('read("a.json")')[1]


def test_an_answer_is_whole(binary, patience):
    done = subprocess.run([binary, "eval", r'(x = ask("? "); [len(x), x == "a\x00z"])'], input=b"a\0z\n",
                          capture_output=True, timeout=60 * patience)
    assert done.stdout.strip().endswith(b"[3, True]"), done
