"""save() and read(): what leaves comes back (rule 16 of the language), whatever it is.

Values are drawn at random, written as code, saved and read by the program, and compared by what it
prints of them: all digits, signs of zero and kinds of numbers show there.
"""

from __future__ import annotations

import json
import math
import os
import random
import socket
import stat
import struct
import subprocess

import pytest

NAMES = ["a", "patchbay", "", "latin1", "names", "two words", "é", "\x1b[31m", '"', "\\", "values"]
MARKS = ["table", "tensor", "mask", "record", "columns", "bytes", "nan", "inf", "-inf", "table nan@0:0"]
TEXTS = [*MARKS, "", "a\x00b", "\x00", "\x1b[2J", "\u202e", "\U0001f600", "nan", "12", "True", "a,b",
         ' "q" ', "\r\n", "None", "null"]
LABELS = ["p", " é", "\x1b[0m", "L8H6", '"', "\\", "nan"]
NUMBERS = ["0.1 + 0.2", "1/3", "0.0", "-0.0", "5e-324", "1.7976931348623157e308", "1e16", "1e22",
           "2.0**53", "2**53 - 1", "-(2**53) + 1", "123456789012345680.0", "0", "-7", 'float("nan")',
           'float("inf")', '-float("inf")', "3.0", "1e-5", "100000.0"]


def text(value: str) -> str:
    """A string of the language."""
    return '"' + "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else
                         f"\\U{ord(c):08x}" for c in value) + '"'


def draw_number(draw: random.Random) -> str:
    if draw.random() < 0.6:
        return draw.choice(NUMBERS)
    if draw.random() < 0.5:
        return str(draw.randint(-2**53 + 1, 2**53 - 1))
    number = struct.unpack("d", draw.randbytes(8))[0]
    return repr(number) if math.isfinite(number) else "0.5"


def draw_scalar(draw: random.Random) -> str:
    kind = draw.random()
    if kind < 0.5:
        return draw_number(draw)
    if kind < 0.8:
        return text(draw.choice(TEXTS) + "".join(chr(draw.choice([0, 7, 27, 34, 92, 97, 233, 0x4e00]))
                                                 for _ in range(draw.randrange(3))))
    return draw.choice(["None", "True", "False"])


def draw_tensor(draw: random.Random) -> str:
    rows, columns = draw.randrange(1, 4), draw.randrange(1, 4)
    if draw.random() < 0.1:
        return 'tensor([], axes="pos")'

    def number() -> str:
        if draw.random() < 0.5:
            return draw.choice(["-0.0", 'float("nan")', 'float("inf")', '-float("inf")', "0.1", "2**24 - 1"])
        return repr(struct.unpack("f", struct.pack("I", draw.randrange(0x7F800000)))[0])

    def labels(count: int) -> str:
        return "[" + ", ".join(text(c) for c in draw.sample(LABELS, count)) + "]"

    lines = ["tensor([" + ", ".join(number() for _ in range(columns)) + f'], axes="pos", labels={labels_})'
             for labels_ in [labels(columns)] for _ in range(rows)]
    made = lines[0] if rows == 1 else \
        "stack([" + ", ".join(lines) + f'], axis="layer", labels={labels(rows)})'
    return f"({made} > 0)" if draw.random() < 0.3 else made


def draw_table(draw: random.Random, depth: int) -> str:
    names = draw.sample(NAMES, draw.randrange(4))
    rows = draw.randrange(4)
    columns = ", ".join(f"{text(name)}: [" + ", ".join(draw_value(draw, depth + 2) for _ in range(rows))
                        + "]" for name in names)
    return f"table({{{columns}}})"


def draw_value(draw: random.Random, depth: int = 0) -> str:
    kind = draw.random()
    if depth > 3 or kind < 0.4:
        return draw_scalar(draw)
    if kind < 0.6:
        return "[" + ", ".join(draw_value(draw, depth + 1) for _ in range(draw.randrange(4))) + "]"
    if kind < 0.8:
        names = draw.sample(NAMES, draw.randrange(4))
        return "{" + ", ".join(f"{text(name)}: {draw_value(draw, depth + 1)}" for name in names) + "}"
    return draw_tensor(draw) if kind < 0.9 else draw_table(draw, depth)


# What a value is, in all its parts, as lists of texts.
DESCRIBE = """d(x) = ([d(y) for y in x] if type(x) == "list"
        else [[d(k), d(x.get(k))] for k in x.keys()] if type(x) == "record"
        else [x.shape, [[d(c), d([y for y in x[c]])] for c in x.columns]] if type(x) == "table"
        else [repr(x), str(x), d(x.values)] if type(x) == "tensor"
        else type(x) + " " + repr(x))
"""


def came_back(run_script, folder, values: list[str], name: str) -> None:
    """Asserts that each value comes back from a file of that name as what it was."""
    path = text(str(folder / name))
    script = DESCRIBE + "".join(
        f"v = {value}\nsave(v, {path})\nr = read({path})\nprint(d(v)); print(d(r))\n"
        for value in values)
    lines = run_script(script).splitlines()
    assert len(lines) == 2 * len(values)
    for i, value in enumerate(values):
        assert lines[2 * i] == lines[2 * i + 1], value


@pytest.mark.parametrize("seed", range(4))
def test_json_brings_anything_back(run_script, tmp_path, seed):
    draw = random.Random(seed)
    came_back(run_script, tmp_path, [draw_value(draw) for _ in range(150)], "v.json")


def test_each_special_value_comes_back(run_script, tmp_path):
    """The drawn ones may miss some; each alone, in a list, in a record and in a table."""
    scalars = NUMBERS + [text(x) for x in TEXTS]
    values = [wrap.format(x=x) for x in scalars
              for wrap in ("{x}", "[{x}, {x}]", "{{\"a\": {x}}}", "table(a=[1, {x}])",
                           "table(patchbay=[{x}])", "{{\"patchbay\": {x}}}")]
    came_back(run_script, tmp_path, values, "v.json")
    came_back(run_script, tmp_path, ["{}", "[]", "table()", "table(a=[])", "[[], {}, [{}]]",
                                     "table(a=[table(b=[1])])"], "v.json")


def test_other_programs_read_the_numbers(run_script, tmp_path):
    """Python's json reads the same doubles, and a float32 where there was one."""
    path = tmp_path / "v.json"
    run_script(f"save([0.1 + 0.2, 2 / 3, 1e22, -0.0, 7], {text(str(path))})")
    assert json.dumps(json.loads(path.read_text())) == json.dumps([0.1 + 0.2, 2 / 3, 1e22, -0.0, 7])
    run_script(f'save(tensor([0.1, 1/3, 16777217, float("nan")], axes="a"), {text(str(path))})')
    expected = [0.1, 0.33333334, 16777216.0, None]
    assert json.loads(path.read_text())["values"] == expected


def test_csv_brings_cells_back(run_script, tmp_path):
    """Numbers with nine digits, as rule 16 has it; everything else as it was."""
    texts = [text(x) for x in TEXTS]
    numbers = ["0", "-7", "0.5", "-0.0", "1e300", 'float("nan")', 'float("inf")', '-float("inf")', "None",
               "True", "False"]
    came_back(run_script, tmp_path, ["table()", "table(a=[])", 'table({"": [None, 1]})',
                                     f"table(a=[{', '.join(texts)}])", f"table(a=[{', '.join(numbers)}])",
                                     f"table({{{', '.join(f'{text(n)}: [1.5, {t}]' for n, t in zip(NAMES, texts))}}})"],
              "v.csv")


def test_text_and_arrays_come_back(run_script, tmp_path):
    came_back(run_script, tmp_path, [text(x) for x in TEXTS], "v.txt")
    array = "tensor([[{}], [{}]], axes=[\"dim0\", \"dim1\"])"
    rows = 'float("nan"), 0.1, -0.0, 1e-45', 'float("inf"), -float("inf"), 3.4e38, 16777217'
    path = text(str(tmp_path / "v.npy"))
    made = array.format(*rows)
    out = run_script(f"v = {made}\nsave(v, {path}); r = read({path})\nprint(repr(v.values)); "
                     "print(repr(r.values)); print(v.axes == r.axes)").splitlines()
    assert out[0] == out[1] and out[2] == "True"


def test_tokens_that_are_no_text_come_back(run_script, tmp_path):
    """A token may be part of a character: its bytes are no UTF-8, alone or as labels and names."""
    path = text(str(tmp_path / "v.json"))
    out = run_script(f"""load("reviews-4m");
pieces = [decode([i]) for i in range(256)]
save([pieces, table(token=pieces)], {path})
print(read({path})[0] == pieces, [x for x in read({path})[1].token] == pieces)
names = [x for x in pieces if x != decode([188])]
broken = {{names[i]: i for i in range(len(names))}}
save(broken, {path}); print(read({path}) == broken)
labelled = tensor(range(len(names)), axes="token", labels=names)
save(labelled, {path}); print(str(read({path})) == str(labelled))
""")
    assert out == "True True\nTrue\nTrue\n"
    json.loads((tmp_path / "v.json").read_text(encoding="utf-8"))


def test_what_cannot_be_written_is_said(binary, tmp_path):
    def error(code: str) -> str:
        done = subprocess.run([binary, "eval", code], capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 1
        return done.stderr

    assert "the function lambda cannot be written as JSON" in error('save([1, {"f": [lambda x: x]}], "v.json")')
    nested = "v = [1]\n" + "v = [v]\n" * 600
    assert "nested more than 500 deep" in error(nested + 'save(v, "v.json")')
    assert not (tmp_path / "v.json").exists()
    (tmp_path / "v.json").write_text('{"a": [1,\n 12345678901234567890]}')
    assert "the number in line 2 is too large" in error('read("v.json")')
    (tmp_path / "v.json").write_text('{"a\\u0000b": 1}')
    assert "has a NUL character" in error('read("v.json")')


def test_many_unusual_numbers_take_no_time(run_script, tmp_path):
    """Where they are is read once, however many there are."""
    path = text(str(tmp_path / "v.json"))
    out = run_script(f'v = tensor([float("inf")] * 300000, axes="a"); save(v, {path}); '
                     f"print(read({path}).sum())")
    assert out == "inf\n"


# ---- what a file is written in the place of ----


@pytest.fixture
def save(binary, tmp_path):
    """Saves a value under a name; gives what was said on stderr."""

    def run(name: str, umask: int = 0o022) -> str:
        done = subprocess.run([binary, "eval", f'save("new", {text(str(tmp_path / name))})'],
                              capture_output=True, text=True, umask=umask)
        assert done.returncode == (1 if done.stderr else 0)
        return done.stderr

    return run


def mode(path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002, 0])
def test_a_new_file_is_readable_as_the_umask_says(save, tmp_path, umask):
    assert save("new.txt", umask) == ""
    assert mode(tmp_path / "new.txt") == 0o666 & ~umask
    (tmp_path / "old.txt").write_text("old")
    (tmp_path / "old.txt").chmod(0o640)
    assert save("old.txt", umask) == ""
    assert mode(tmp_path / "old.txt") == 0o640


def test_a_link_is_followed(save, tmp_path):
    (tmp_path / "there.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("there.txt")
    assert save("link.txt") == ""
    assert (tmp_path / "link.txt").is_symlink() and (tmp_path / "there.txt").read_text() == "new"


@pytest.mark.parametrize("kind, said", [
    ("fifo", "it is not a regular file"), ("socket", "it is not a regular file"),
    ("folder", "it is a folder"), ("dangling", "it is a link to where nothing is"),
    ("loop", "which is a link: Too many levels"), ("read-only", "it is read-only"),
    ("linked fifo", "it is not a regular file"), ("linked read-only", "it is read-only")])
def test_what_is_no_file_to_replace_stays(save, tmp_path, kind, said):
    path = tmp_path / "v.txt"
    if kind.startswith("linked"):
        path.symlink_to("end")
        path = tmp_path / "end"
    if kind.endswith("fifo"):
        os.mkfifo(path)
    elif kind == "socket":
        socket.socket(socket.AF_UNIX).bind(str(path))
    elif kind == "folder":
        path.mkdir()
    elif kind == "dangling":
        path.symlink_to("nowhere.txt")
    elif kind == "loop":
        path.symlink_to("v.txt")
    else:
        path.write_text("old")
        path.chmod(0o444)
    before = {each.name: each.lstat() for each in tmp_path.iterdir()}
    assert said in save("v.txt")
    after = {each.name: each.lstat() for each in tmp_path.iterdir()}
    assert {n: (s.st_ino, s.st_mode, s.st_mtime) for n, s in after.items()} \
        == {n: (s.st_ino, s.st_mode, s.st_mtime) for n, s in before.items()}
