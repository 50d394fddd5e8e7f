"""The table of docs/performance.md: ours beside the peers' and the counted bound, in one run.

    python bench.py [--quick] [--python PEERS] [--without-peers] [--model FOLDER] [--out FOLDER]

The programs are asked in turns, A B C A B C, so that whatever else the machine does meets all of
them. Run through tools/bench, which builds and installs what this needs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable, NamedTuple

import turns
from random_gpt2 import make
from turns import Bounds, Times, Worker, milliseconds, ratio

sys.path.insert(0, str(turns.ROOT / "tests/python"))

PEERS = {"lens": "TransformerLens", "transformers": "transformers"}


class Row(NamedTuple):
    """A piece of work: its words for the workers and what it cannot do without, in ms."""

    title: str
    ask: str
    bound: Callable[[Bounds, dict], float]
    heavy: bool = False  # TransformerLens takes many seconds
    lens_part: int = 0   # a quick run asks it for a sweep of so many layers only
    other_work: bool = False  # transformers has no hooks: as many forward passes instead


def sweep_bound(b: Bounds, got: dict) -> float:
    return b.rows(16) + b.row_layers(got["row_layers"])


ROWS = [
    Row("top-k of one prompt", "top", lambda b, _: b.rows(8) + b.bytes(b.unembed_bytes())),
    Row("attribution of two prompts", "attribution", lambda b, _: b.rows(16)),
    Row("head attribution of two prompts", "heads", lambda b, _: b.rows(16)),
    Row("12-layer patch at one position", "patch", sweep_bound, heavy=True),
    Row("resid sweep, 12 x 8 cells", "resid_sweep", sweep_bound, True, 3, True),
    Row("head sweep, 12 x 12 cells", "head_sweep", sweep_bound, True, 2, True),
    Row("generate 50 tokens", "generate 50", lambda b, _: b.rows(8) +
        b.bytes(b.unembed_bytes()) + 49 * b.bytes(b.weight_bytes()), heavy=True),
    Row("forward of 1024 tokens, all logits", "forward 1024", lambda b, _: b.attention(1024) +
        b.rows(1024) * (1 + 0.5 * b.unembed_bytes() / b.ours.about["layers"] / b.layer_flops()),
        heavy=True),
]


class Result:
    """One line of the table."""

    def __init__(self, title: str, unit: str = "ms"):
        self.title, self.unit = title, unit
        self.times = {name: Times() for name in ("ours", "bound", *PEERS)}
        self.marks: dict[str, str] = {}  # "~": from a part of it; "()": other work
        self.counts: dict = {}

    def best(self, name: str) -> float | None:
        return self.times[name].least if self.times[name] else None

    def cell(self, name: str) -> str:
        times = self.times[name]
        if not times:
            return "-"
        show = milliseconds if self.unit == "ms" else lambda value: f"{value:.0f} MB"
        text = show(times.least)
        if name != "bound" and len(times.tries) > 1 and self.unit == "ms":
            text += f" / {show(times.median)}"
        mark = self.marks.get(name, "")
        return f"({text})" if mark == "()" else mark + text

    def cells(self) -> list[str]:
        ours, bound = self.best("ours"), self.best("bound")
        return [self.title, self.cell("ours"), *(self.cell(name) for name in PEERS),
                self.cell("bound"), ratio(ours, bound),
                *(ratio(self.best(name), ours) for name in PEERS)]

    def json(self) -> dict:
        ours = self.best("ours")
        return {"work": self.title, "unit": self.unit, "counts": self.counts, "marks": self.marks,
                **{name: times.json() for name, times in self.times.items()},
                "ours_to_bound": ours / self.best("bound") if self.best("bound") else None,
                "peers_to_ours": {name: self.best(name) / ours for name in PEERS
                                  if self.best(name)}}


HEAD = ["work", "ours", *PEERS.values(), "bound", "ours / bound",
        *(f"{name} / ours" for name in PEERS.values())]


# ---- what is measured --------------------------------------------------------------------------


def measure(row: Row, ours: Worker, peers: list[Worker], bounds: Bounds, quick: bool) -> Result:
    """Rounds of everyone in turn. Short work is done once before, uncounted.

    Who is asked after the others have worked finds cold caches and sleeping threads, so that the
    bound and we take turns in being first.
    """
    result = Result(row.title)
    layers = ours.about["layers"]
    enough = 6.0 if quick else 60.0
    least, most = (1, 5) if row.heavy else (3, 20)
    started = time.perf_counter()
    if not row.heavy:
        for worker in (ours, *peers):
            worker.ask(row.ask)
    while len(result.times["ours"].tries) < most:
        bounds.refresh()
        bound_first = len(result.times["ours"].tries) % 2 == 1  # it needs our counts
        if bound_first:
            result.times["bound"].add(row.bound(bounds, result.counts))
        result.counts = ours.ask(row.ask)
        result.times["ours"].add(result.counts.pop("ms"))
        if not bound_first:
            result.times["bound"].add(row.bound(bounds, result.counts))
        for worker in peers:
            part = row.lens_part if quick and worker.name == "lens" else 0
            if row.other_work and worker.name == "transformers":
                result.marks[worker.name] = "()"
            if part:
                result.marks[worker.name] = "~"
            took = worker.ask(row.ask, *([0, part] if part else []))["ms"]
            result.times[worker.name].add(took and took * (layers / part if part else 1))
        if time.perf_counter() - started > enough and len(result.times["ours"].tries) >= least:
            break
    return result


def load(folder: Path, python: str, kinds: list[str], rounds: int):
    """From nothing to a loaded model, each time a new process; the files are in the system's cache.
    Keeps the last of each peer."""
    result, workers = Result("import and load"), []
    with open(folder / "model.safetensors", "rb") as file:
        while file.read(1 << 24):
            pass

    def load_ours() -> None:
        start = time.perf_counter()
        subprocess.run([turns.BINARY, "eval", f"load({json.dumps(str(folder))})"], check=True,
                       stdout=subprocess.DEVNULL, env={**os.environ, **turns.SETTINGS})
        result.times["ours"].add(1e3 * (time.perf_counter() - start))

    for i in range(rounds):
        load_ours()
        for kind in kinds:
            worker = turns.peer(kind, python, folder)
            result.times[kind].add(worker.load_ms)
            if i + 1 < rounds:
                worker.close()
            else:
                workers.append(worker)
            load_ours()
    return result, workers


def kernel_rows(folder: Path, rounds: int) -> list[Result]:
    """On raw sockets: a kernel's start, a round trip, and its memory with the model loaded."""
    from kernel_client import Client, Kernel

    start, trip = Result("kernel start to first reply"), Result("round trip of 1+1")
    memory = Result("memory, model loaded and asked once", "MB")
    with tempfile.TemporaryDirectory() as scratch:
        for i in range(rounds):
            begun = time.perf_counter()
            kernel = Kernel(Path(scratch), "patchbay", connect=False, env=turns.SETTINGS)
            client = Client(kernel.content)
            kernel.clients.append(client)
            request = client.send("kernel_info_request")
            client.reply(request, timeout=60)
            start.times["ours"].add(1e3 * (time.perf_counter() - begun))
            if i == 0:
                for _ in range(50):
                    begun = time.perf_counter()
                    client.reply(client.execute("1+1"), timeout=60)
                    trip.times["ours"].add(1e3 * (time.perf_counter() - begun))
                client.reply(client.execute(
                    f'top("When Mary and John went", k=5, model=load({json.dumps(str(folder))}))'),
                    timeout=120)
                memory.times["ours"].add(turns.peak_mb(kernel.process.pid))
            kernel.close()
    return [start, trip, memory]


def everything(arguments: argparse.Namespace) -> tuple[list[Result], dict]:
    folder, quick = arguments.model, arguments.quick
    kinds = [] if arguments.without_peers else list(PEERS)
    print("starting", flush=True)
    loading, peers = load(folder, arguments.python, kinds, 1 if quick else 3)
    kernel = kernel_rows(folder, 3 if quick else 10)
    memory = kernel[-1]
    ours = turns.engine(folder)
    bounds = Bounds(ours)
    for worker in peers:
        worker.ask("top")
        memory.times[worker.name].add(worker.peak_mb())
    memory.times["bound"].add(4e-6 * ours.about["parameters"])
    loading.times["bound"].add(bounds.copy())
    loading.counts = {"load_ms": ours.about["load_ms"]}
    results = [loading]
    for row in ROWS:
        print(row.title, flush=True)
        results.append(measure(row, ours, peers, bounds, quick))
    about = {worker.name: worker.about for worker in (ours, *peers)}
    for worker in (ours, *peers):
        worker.close()
    return [*results, memory, *kernel[:2]], about


# ---- what is said ------------------------------------------------------------------------------


def report(results: list[Result], about: dict, before: dict, after: dict, quick: bool) -> str:
    ours = about["patchbay"]
    lines = [
        f"{before['processor']}, {before['cpus']} cpus, {ours['library']}; "
        f"load average {before['load'][0]} before, {after['load'][0]} after",
        *(about[name]["library"] for name in PEERS if name in about), "",
        turns.table(HEAD, [result.cells() for result in results]), "",
        "Times are least / median; ratios are of the least. The bound: docs/performance.md.",
        "(...): transformers has no hooks; this is as many forward passes as cells, in batches.",
    ]
    if quick:
        lines.append("~: measured on some of the layers, and multiplied.")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few rounds, parts of sweeps")
    parser.add_argument("--python", default=sys.executable, help="the Python that has the peers")
    parser.add_argument("--without-peers", action="store_true")
    parser.add_argument("--model", type=Path, default=turns.ROOT / "build/models/gpt2-random")
    parser.add_argument("--out", type=Path, default=turns.ROOT / "build/bench")
    arguments = parser.parse_args()
    make(arguments.model, "124m")
    arguments.out.mkdir(parents=True, exist_ok=True)
    before = turns.machine()
    results, about = everything(arguments)
    after = turns.machine()
    text = report(results, about, before, after, arguments.quick)
    print("\n" + text)
    (arguments.out / "bench.md").write_text(text + "\n")
    (arguments.out / "bench.json").write_text(json.dumps({
        "before": before, "after": after, "quick": arguments.quick, "about": about,
        "rows": [result.json() for result in results]}, indent=1) + "\n")


if __name__ == "__main__":
    main()
