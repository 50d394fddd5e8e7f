"""How soon an interrupt is heard: work is begun in a kernel and interrupted at random moments, and
the time from the signal to the reply is taken.

    python interrupts.py [--tries N] [--only WORD] ... [--model FOLDER] [--out FOLDER]

The kernel is asked on raw sockets, so that no client adds its own waiting. After each try what was
computed before must still be there. Run through tools/bench.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import turns
from random_gpt2 import make
from turns import Times, milliseconds

sys.path.insert(0, str(turns.ROOT / "tests/python"))

AIM_MS = 50.0
MOST_SECONDS = 10.0  # what runs longer is stopped, and its length is told as "> 10 s"
PATIENCE = 600.0     # seconds for a reply that should have come long ago

# Names that pieces of work need, each with the cell that makes it.
MAKE = {
    "model": "model = load({model});",
    "long": 'long = " a" * 127; other = " b" * 127;',
    "longest": 'longest = " a" * 1023;',
    "megabytes": 'megabytes = " the cat sat" * 1000000;',
    "numbers": "numbers = range(4000000);",
    "shuffled": "shuffled = [i * 7919 % 4000000 for i in range(4000000)];",
    "texts": "texts = [str(i) for i in range(1000000)];",
    "row": 'row = tensor(range(16000), axes="i") / 16000;',
    "square": 'square = row + rename(row, i="j");',
    "million": 'million = tensor(range(4000000), axes="i");',
    "rows": "rows = table(n=range(1000000), m=range(1000000));",
    "npy": 'npy = {scratch} + "/square.npy"; save(square, npy)',
    "json": 'json = {scratch} + "/numbers.json"; save(range(4000000), json)',
    "csv": 'csv_file = {scratch} + "/rows.csv"; save(rows, csv_file)',
    "wide": 'wide = {"c" + str(i): range(2000) for i in range(2000)};',
    "wide_csv": 'wide_csv = {scratch} + "/wide.csv"; '
                'save({"c" + str(i): range(100) for i in range(16000)}, wide_csv)',
    "nested": "nested = [[[[1] * 1000] * 1000] * 1000] * 1000; "
              "again = [[[[1] * 1000] * 1000] * 1000] * 1000;",
}


class Work(NamedTuple):
    title: str
    code: str
    needs: str = ""  # keys of MAKE
    fails: bool = False  # it ends in an error


METRIC = 'metric=logit_diff(" a", " b")'
SIDES = f"into=long, from=other, {METRIC}"

WORKS = [
    Work("load of 124M parameters", "load({model}, raw=True); load({model});"),
    Work("forward of 1024 tokens, all logits", "run(longest).logits;", "model longest"),
    Work("logprobs of 1024 tokens", "run(longest).logprobs;", "model longest"),
    Work("generate 200 tokens", 'generate(" a", 200);', "model"),
    Work("attribution of 1024 tokens", 'attribute(longest, " b", by="head");', "model longest"),
    Work("lens of 1024 tokens", "lens(longest);", "model longest"),
    Work("sweep, layer x position of 128 tokens",
         f'patch(at="resid_post", pos=each, layer=each, {SIDES});', "model long"),
    Work("head sweep, 12 x 12 of 128 tokens",
         f'patch(at="z", layer=each, head=each, {SIDES});', "model long"),
    Work("path patching, all heads", f"path(sender=each, {SIDES});", "model long"),
    Work("composition", 'composition("K");', "model"),
    Work("detect_heads of 1024 tokens", 'detect_heads(longest, "previous");', "model longest"),
    Work("ablate_mean over 50 prompts of 128 tokens",
         'top(long, edit=ablate_mean("z", layer=all, over=[long] * 50));', "model long"),
    Work("a prompt of 12 MB, refused", "tokens(megabytes);", "model megabytes", fails=True),
    Work("a prompt of one word of 12 MB, refused", 'tokens("a" * 12000000);', "model", fails=True),
    Work("exp of 256M values", "exp(square);", "row square"),
    Work("power of 256M values", "square ** 1.5;", "row square"),
    Work("remainder of 256M values", "square % 0.001;", "row square"),
    Work("sum of two of 256M values", "square + square;", "row square"),
    Work("outer sum of 256M values", 'row + rename(row, i="j");', "row"),
    Work("where of 256M values", "where(square > 1, square, 0);", "row square"),
    Work("sum of 256M values", "sum(square);", "row square"),
    Work("std of 256M values over the first axis", 'std(square, "i");', "row square"),
    Work("argmax of 256M values", 'argmax(square, "i");', "row square"),
    Work("softmax of 256M values", 'softmax(square, "i");', "row square"),
    Work("select half of 256M values", "square[j=::2];", "row square"),
    Work("transpose of 256M values", 'transpose(square, ["j", "i"]);', "row square"),
    Work("stack of twice 256M values", "stack([square, square]);", "row square"),
    Work("product of 4096 x 4096 matrices", 'm = row[i=0:4096] + rename(row[i=0:4096], i="j"); '
         'dot(m, rename(m, i="k"), over="j");', "row"),
    Work("top of 256M values", "top(square, 1000000);", "row square"),
    Work("equality of 256M values", "square == square + 0;", "row square"),
    Work("show 256M values", "show(square)", "row square"),
    Work("save 256M values as .npy", 'save(square, {scratch} + "/out.npy")', "row square"),
    Work("read 256M values of .npy", "read(npy);", "row square npy"),
    Work("tensor of 4M numbers", 'tensor(numbers, axes="i");', "numbers"),
    Work("values of 4M numbers", "million.values;", "million"),
    Work("select 4M numbers by a list", "million[i=shuffled[0:2000000]];", "million shuffled"),
    Work("table of a tensor of 4M numbers", "table(million);", "million"),
    Work("csv of a tensor of 4M numbers", 'save(million, {scratch} + "/out.csv")', "million"),
    Work("csv printed of 1M rows", "csv(rows)", "rows"),
    Work("read a .csv of 1M rows", "read(csv_file);", "rows csv"),
    Work("table of 2000 columns", "table(wide);", "wide"),
    Work("read a .csv of 16000 columns", "read(wide_csv);", "wide_csv"),
    Work("sort a table of 1M rows", 'sort(rows, by="n", reverse=True);', "rows"),
    Work("rows of a table where", "rows[rows.n > 500000];", "rows"),
    Work("each row of a table of 1M", "[r.n for r in rows];", "rows"),
    Work("a column of 1M", "rows.n * 2 + rows.m;", "rows"),
    Work("show a table of 1M rows", "show(rows)", "rows"),
    Work("a chart of 200000 bars", "bar(million[i=0:200000]);", "million"),
    Work("range(4000000)", "range(4000000);"),
    Work("a comprehension of 4M items", "[i * 2 for i in range(4000000)];"),
    Work("sorted, 4M items", "sorted(shuffled);", "shuffled"),
    Work("unique, 4M items", "unique(shuffled);", "shuffled"),
    Work("index, 4M items", "index(numbers, 3999999);", "numbers"),
    Work("sum of 4M items", "sum(numbers);", "numbers"),
    Work("mean of 4M items", "mean(numbers);", "numbers"),
    Work("max of 4M items", "max(numbers);", "numbers"),
    Work("reversed, 4M items", "numbers[::-1];", "numbers"),
    Work("enumerate, 4M items", "enumerate(numbers);", "numbers"),
    Work("zip, 4M items", "zip(numbers, numbers);", "numbers"),
    Work("filter, 4M items", "filter(lambda i: i > 3, numbers);", "numbers"),
    Work("a list of 4M times one", "[1, 2] * 2000000;"),
    Work("two lists of 4M joined", "numbers[0:2000000] + numbers[0:2000000];", "numbers"),
    Work("str of 4M items", "str(numbers);", "numbers"),
    Work("show 4M items", "show(numbers)", "numbers"),
    Work("print 4M items", "print(numbers)", "numbers"),
    Work("json of 4M items", 'save(numbers, {scratch} + "/out.json")', "numbers"),
    Work("read a .json of 4M items", "read(json);", "json"),
    Work("64 MB of text", '"ab" * 33000000;'),
    Work("replace in 12 MB of text", 'megabytes.replace("c", "dd");', "megabytes"),
    Work("split of 12 MB of text", "megabytes.split();", "megabytes"),
    Work("join of 1M texts", '", ".join(texts);', "texts"),
    Work("characters of 12 MB of text", "list(megabytes[0:3000000]);", "megabytes"),
    Work("upper of 12 MB of text", "upper(megabytes);", "megabytes"),
    Work("length of 12 MB of text", "len(megabytes);", "megabytes"),
    Work("a search in 12 MB of text", '" the cat sat" * 100 + "!" in megabytes;', "megabytes"),
    Work("equality of lists in lists", "nested == again;", "nested"),
    Work("order of lists in lists", "nested < again;", "nested"),
    Work("json of lists in lists", 'save(nested, {scratch} + "/out.json")', "nested"),
]


def computed_ms(process: int) -> float:
    """What a process' threads have computed so far: on a busy machine less than what passed."""
    total = 0
    for path in Path(f"/proc/{process}/task").iterdir():
        with contextlib.suppress(OSError):
            total += int((path / "schedstat").read_text().split()[0])
    return total / 1e6


class Result:
    """One line of the table."""

    def __init__(self, work: Work):
        self.work, self.whole, self.times = work, None, Times()
        self.computed = Times()  # ms of all threads between the signal and the reply
        self.outran = 0  # tries where the work was done before the signal

    def cells(self) -> list[str]:
        whole = milliseconds(self.whole) if self.whole else f"> {MOST_SECONDS:.0f} s"
        if not self.times:
            return [self.work.title, whole, "-", "-", "-", "-"]
        return [self.work.title, whole, milliseconds(self.times.least),
                milliseconds(self.times.median), milliseconds(max(self.times.tries)),
                milliseconds(max(self.computed.tries))]

    def json(self) -> dict:
        return {"work": self.work.title, "code": self.work.code, "ms": self.whole,
                "outran": self.outran, "reply": self.times.json(), "computed": self.computed.json()}


class Session:
    """A kernel, what has been made in it, and a variable that must outlive every interrupt."""

    def __init__(self, scratch: Path, model: Path):
        from kernel_client import Kernel
        self.words = {"model": json.dumps(str(model)), "scratch": json.dumps(str(scratch))}
        self.kernel = Kernel(scratch, "patchbay", env=turns.SETTINGS)
        self.made: set[str] = set()
        self.run("kept = 12")

    def cell(self, code: str) -> str:
        for name, text in self.words.items():
            code = code.replace("{" + name + "}", text)
        return code

    def begin(self, code: str) -> str:
        return self.kernel.client.execute(self.cell(code))

    def end(self, request: str) -> dict:
        client = self.kernel.client
        reply = client.reply(request, timeout=PATIENCE)["content"]
        client.published(request, timeout=PATIENCE)
        return reply

    def run(self, code: str) -> None:
        reply = self.end(self.begin(code))
        if reply["status"] != "ok":
            raise SystemExit(f"bench: {self.cell(code)}: {reply['evalue']}")

    def need(self, keys: list[str]) -> None:
        """Makes what is not there yet, and lets go of what is not needed."""
        for key in self.made - set(keys) - {"model"}:
            for name in MAKE[key].split(";"):
                if "=" in name:
                    self.run(f"{name.split('=')[0].strip()} = None")
        self.made &= set(keys) | {"model"}
        for key in keys:
            if key not in self.made:
                self.run(MAKE[key])
                self.made.add(key)

    def is_alive(self) -> None:
        self.run('check(kept == 12 and 1 + 1 == 2) or 1 / 0;')


def uninterrupted(session: Session, work: Work) -> float | None:
    """Milliseconds; None if it had to be stopped."""
    start = time.perf_counter()
    request = session.begin(work.code)
    done = session.kernel.client.sockets["shell"].poll(1000 * MOST_SECONDS)
    took = 1e3 * (time.perf_counter() - start)
    if not done:
        session.kernel.interrupt()
    reply = session.end(request)
    if done and reply["status"] != ("error" if work.fails else "ok"):
        raise SystemExit(f"bench: {session.cell(work.code)}: {reply['evalue']}")
    return took if done else None


def interrupted(session: Session, work: Work, after: float, result: Result) -> None:
    """One try: the signal comes `after` seconds from the beginning."""
    request = session.begin(work.code)
    time.sleep(after)
    computed = computed_ms(session.kernel.process.pid)
    start = time.perf_counter()
    session.kernel.interrupt()
    reply = session.kernel.client.reply(request, timeout=PATIENCE)["content"]
    took = 1e3 * (time.perf_counter() - start)
    computed = computed_ms(session.kernel.process.pid) - computed
    session.kernel.client.published(request, timeout=PATIENCE)
    if reply["status"] == "ok" and took < 1:
        result.outran += 1
    else:
        result.times.add(took)
        result.computed.add(computed)
    session.is_alive()


def measure(session: Session, work: Work, tries: int) -> Result:
    result = Result(work)
    session.need(work.needs.split())
    result.whole = uninterrupted(session, work)
    longest = min((result.whole or 1e3 * MOST_SECONDS) / 1e3, 3.0)
    moments = random.Random(work.title)
    for _ in range(tries):
        interrupted(session, work, longest * moments.uniform(0.05, 0.9), result)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tries", type=int, default=7)
    parser.add_argument("--only", action="append", default=[],
                        help="only work whose title has this in it; may be repeated")
    parser.add_argument("--model", type=Path, default=turns.ROOT / "build/models/gpt2-random")
    parser.add_argument("--out", type=Path, default=turns.ROOT / "build/bench")
    arguments = parser.parse_args()
    make(arguments.model, "124m")
    arguments.out.mkdir(parents=True, exist_ok=True)
    works = [work for work in WORKS
             if not arguments.only or any(word in work.title for word in arguments.only)]
    before, results = turns.machine(), []
    with tempfile.TemporaryDirectory() as scratch:
        session = Session(Path(scratch), arguments.model.resolve())
        try:
            for work in works:
                results.append(measure(session, work, arguments.tries))
                print(*results[-1].cells(), sep=" | ", flush=True)
        finally:
            session.kernel.close()
    after = turns.machine()
    late = [result for result in results if result.times and max(result.times.tries) > AIM_MS]
    text = "\n".join([
        f"{before['processor']}, {before['cpus']} cpus; "
        f"load average {before['load'][0]} before, {after['load'][0]} after", "",
        turns.table(["work", "uninterrupted", "least", "median", "most", "computed"],
                    [result.cells() for result in results]), "",
        "Computed: the most that all threads together computed in that time, also of what is due "
        "for the signal's own way.",
        f"From SIGINT to the reply, {arguments.tries} tries each; "
        f"{len(late)} of {len(results)} took more than {AIM_MS:.0f} ms at most."])
    print("\n" + text)
    (arguments.out / "interrupts.md").write_text(text + "\n")
    (arguments.out / "interrupts.json").write_text(json.dumps({
        "before": before, "after": after, "rows": [one.json() for one in results]}, indent=1) + "\n")


if __name__ == "__main__":
    main()
