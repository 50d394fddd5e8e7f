"""What values may hold in all is bounded, and a bound that is met costs a sentence, not the session.

PATCHBAY_MEMORY is the bound. The process's own peak, as the kernel counts it (getrusage(2)), shows
that sizes are looked at before memory is taken, and not after.
"""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time

import pytest

from kernel_client import Kernel, stream_text

BUDGET_MB = 200
# Beside values: the program, its libraries, a model and what computes. A list that grows is there
# twice for a moment.
PEAK_MB = BUDGET_MB + 150
SAYS = re.compile(r"MemoryError: this needs (more than the 200 MB that the session's values may hold "
                  r"in all|[0-9.]+ [MG]B, and the session's values may hold 200 MB in all \([0-9.]+ "
                  r"[MG]B are in use\)); PATCHBAY_MEMORY sets it\n")

measured = pytest.mark.skipif(os.environ.get("PATCHBAY_PRESET", "release") != "release",
                              reason="sanitizers take memory of their own")


@pytest.fixture
def run(binary, patience, tmp_path):
    """Runs code under a budget: what it wrote, and the MB it had at its peak."""

    def run(code: str, memory: str = f"{BUDGET_MB}M") -> tuple[str, float]:
        (tmp_path / "code.pb").write_text(code)
        child = subprocess.Popen([binary, "run", tmp_path / "code.pb"], cwd=tmp_path, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                 env=dict(os.environ, PATCHBAY_MEMORY=memory))
        end = threading.Timer(60 * patience, child.kill)
        end.start()
        out = child.stdout.read()
        _, status, used = os.wait4(child.pid, 0)
        end.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
        assert child.returncode >= 0, f"ended by signal {-child.returncode}"
        return out, used.ru_maxrss / 1024

    return run


# Each would take gigabytes.
MUCH = {
    "strings": '["x" * 10**6 for i in range(3000)]',
    "sums of strings": 'a = "x" * 10**7; [a + str(i) for i in range(300)]',
    "texts": '[str(["x" * 10**6]) for i in range(3000)]',
    "formats": 'a = "x" * 10**6; [f"{a}{i}" for i in range(3000)]',
    "replaced": '[("x" * 1000).replace("x", "y" * 1000) for i in range(3000)]',
    "pieces": '["a b " * 10**7][0].split()',
    "small strings": '[str(i) + "x" * 1000 for i in range(3000000)]',
    "lists": "[[0] * 10**6 for i in range(1000)]",
    "joined lists": "x = [1] * 10**6; [x + x for i in range(1000)]",
    "a comprehension": "[[i] for i in range(4000000)]",
    "a literal": "[" + ",".join(["1"] * 4000000) + "]",
    "records": 'map(lambda i: {"a": i}, range(4000000))',
    "pairs": "zip(range(4000000), range(4000000))",
    "a tensor": 'r = tensor(range(20000), axes="i"); r + rename(r, i="j")',
    "tensors": 'r = tensor(range(1000), axes="i"); s = r + rename(r, i="j"); '
               "[s + i for i in range(1000)]",
    "a table": 'r = tensor(range(1900), axes="i"); table(r + rename(r, i="j"))',
    "a file": 'save("x" * (50 * 10**6), "a.txt"); [read("a.txt") for i in range(60)]',
    "runs": 'run(["hello"] * 100000)[0]',
    "predictions": 'top(["hello"] * 100000)',
    "continuations": 'generate(["hello"] * 20000, n=50)',
    "a sweep": 'patch(into=["I love this"] * 20000, from=["I hate this"] * 20000, at="resid_post", '
               'layer=each, pos=each, metric=logit(" great"))',
}


@measured
@pytest.mark.parametrize("name", MUCH)
def test_what_would_take_too_much_is_refused(run, name):
    out, peak = run("model = load()\n" + MUCH[name])
    assert SAYS.search(out), out[-400:]
    assert "hint: give large names another value" in out
    assert peak < PEAK_MB


@measured
def test_a_string_that_would_be_too_long_is_not_put_together(run):
    for code in ('",".join(["x" * 10**6] * 3000)', '"x" * 3 * 10**9',
                 '("x" * 10**6).replace("x", "y" * 3000)'):
        out, peak = run(code)
        assert "LimitError: a string is at most 64 MB long, this one would have" in out
        assert peak < 250  # a buffer at its limit and, while it grows, the one it had before


@measured
def test_a_json_file_is_weighed_before_it_is_read(run, tmp_path):
    """Its parser makes some 40 bytes of every number."""
    (tmp_path / "a.json").write_text("[" + "1," * 20000000 + "1]")
    out, peak = run('read("a.json")')
    assert SAYS.search(out), out[-400:]
    assert peak < PEAK_MB


def test_what_fits_fits_again_once_it_is_let_go_of(run):
    out, _ = run('for_all(n) = len(["a" * 10**6 for i in range(n)])\n'
                 "print([for_all(150) for i in range(5)])\n"
                 'x = ["a" * 10**6 for i in range(150)]\nx = None\n'
                 'x = ["b" * 10**6 for i in range(150)]\nprint(len(x))')
    assert out == "[150, 150, 150, 150, 150]\n150\n"


def test_a_session_that_has_spent_all_lives_on(tmp_path, patience):
    """It keeps its names, says what it is asked, and has its memory back when a name is let go of."""
    kernel = Kernel(tmp_path, "patchbay", env={"PATCHBAY_MEMORY": f"{BUDGET_MB}M"})
    try:
        run = lambda code: kernel.client.run(code, timeout=60 * patience)
        assert run('kept = "here"; many = ["x" * 10**6 for i in range(180)]')[0]["status"] == "ok"
        for _ in range(3):
            reply, _ = run('more = ["y" * 10**6 for i in range(180)]')
            assert reply["ename"] == "MemoryError"
            assert "the session's values may hold 200 MB in all" in reply["evalue"]
        # what is left, in pieces too small to be asked for one by one
        reply, _ = run("small = [str(i) for i in range(3000000)]")
        assert reply["ename"] == "MemoryError"
        reply, told = run("print(kept, len(many))")
        assert reply["status"] == "ok" and stream_text(told) == "here 180\n"
        assert run("many = None")[0]["status"] == "ok"
        assert run('more = ["y" * 10**6 for i in range(180)]')[0]["status"] == "ok"
    finally:
        kernel.close()


@pytest.mark.parametrize("said, bytes", [("104857600", "100 MB"), ("102400K", "100 MB"),
                                         ("100m", "100 MB"), ("0.5G", "512 MB"), ("2G", "2.0 GB")])
def test_the_bound_is_what_was_said(run, said, bytes):
    out, _ = run('r = tensor(range(30000), axes="i"); r + rename(r, i="j")', memory=said)
    assert f"this needs 3.4 GB, and the session's values may hold {bytes} in all" in out


@pytest.mark.parametrize("said", ["much", "-1", "0", "1X", "5MB", "nan", "1e400"])
def test_a_bound_that_is_no_size_is_refused(run, said):
    out, _ = run("1 + 1", memory=said)
    assert f"PATCHBAY_MEMORY is {said}, which is no size" in out
    assert "800M, 8G" in out


@measured
@pytest.mark.parametrize("threads", ["1", "3"])
def test_short_of_addresses_it_says_so(binary, tmp_path, threads):
    """oneDNN makes code for each kind of product, and faults where it gets no memory for it."""
    (tmp_path / "code.pb").write_text(
        'model = load()\nruns(n) = run(["I love this movie because it is" * n] * (n + 1))\n'
        "sums = [[sum(each.logits) for each in runs(n)] for n in range(1, 7)]\n"
        's = tensor(range(300), axes="i"); t = s + rename(s, i="j")\n'
        'd = dot(t, rename(t, i="k"), over="j")\n'
        'a = attribute("I love this movie because it is", " great", by="head")\n'
        'print("done")')
    ended = {}
    for megabytes in range(90, 340, 6):
        done = subprocess.run(
            ["sh", "-c", f'ulimit -c 0; ulimit -v {megabytes * 1024}; exec "$@"', "sh", binary, "run",
             tmp_path / "code.pb"], capture_output=True, text=True,
            env=dict(os.environ, OMP_NUM_THREADS=threads))
        ended[megabytes] = done.returncode
        assert done.returncode in (0, 1), (megabytes, done.returncode, done.stderr)
        assert done.stdout == "done\n" if done.returncode == 0 else "emory" in done.stderr, done
    assert ended[90] == 1 and ended[336] == 0, ended


# ---- wide tables ----

def wide(columns: int, cells: str = "[1, 2]") -> str:
    return "table(" + ", ".join(f"c{i}={cells}" for i in range(columns)) + ")"


def test_a_wide_table_takes_time_as_its_width(run, patience):
    """A copy of all columns for each, and a look through all names, would take a thousand times
    as long for ten times the columns."""

    def seconds(columns: int, times: int) -> float:
        before = sum(os.times()[2:4])  # of children, on a processor
        out, _ = run(f"print([len({wide(columns)}) for i in range({times})][0])", memory="4G")
        assert out == "2\n", out
        return sum(os.times()[2:4]) - before

    assert seconds(10000, 1) < 100 * seconds(1000, 10)


def test_a_table_has_so_many_columns_and_no_more(run, tmp_path, patience):
    limit = "LimitError: a table has at most 16384 columns"
    started = time.monotonic()
    (tmp_path / "a.csv").write_text(",".join(f"c{i}" for i in range(10**6)) + "\n"
                                    + ",".join(["1"] * 10**6) + "\n")
    assert limit in run('read("a.csv")')[0]
    (tmp_path / "a.json").write_text(
        '{"patchbay": "table", ' + ", ".join(f'"c{i}": [1]' for i in range(10**5)) + "}")
    assert limit in run('read("a.json")', memory="2G")[0]
    assert limit in run(wide(16385), memory="2G")[0]
    assert run(f"t = {wide(16384)}\nt.more = 1", memory="2G")[0].startswith(limit)
    assert run(f"t = {wide(16384)}\nprint(t == t, t.c16383)", memory="2G")[0] == "True [1, 2]\n"
    assert time.monotonic() - started < 40 * patience


def test_a_wide_table_is_interrupted_on_the_way(tmp_path, patience):
    kernel = Kernel(tmp_path, "patchbay")
    try:
        client = kernel.client
        request = client.execute(f"for_ever = [len({wide(2000, '1')}) for i in range(1000000)]")
        time.sleep(1)
        asked = time.monotonic()
        kernel.interrupt()
        reply = client.reply(request, timeout=60 * patience)
        assert reply["content"]["ename"] == "Interrupted"
        assert time.monotonic() - asked < 2 * patience
    finally:
        kernel.close()
