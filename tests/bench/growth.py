"""How cost grows: with the length of a prompt, the cells of a sweep, and the size of a model.

    python growth.py [--python PEERS] [--peers] [--out FOLDER] [--long]

Ours alone, unless --peers. Models of random weights are made under build/models as they are needed.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import turns
from bench import PEERS
from random_gpt2 import SIZES, make
from turns import Bounds, Times, Worker, milliseconds, ratio

LENGTHS = [8, 16, 32, 64, 128, 256, 512, 1024]
# (cells, words for the worker): one position, all of them, then several pairs of prompts
SWEEPS = [(12, "patch 8"), (96, "resid_sweep 8 1"), (960, "resid_sweep 8 10"),
          (9984, "resid_sweep 8 104")]
LONG_SWEEPS = [(1536, "resid_sweep 128"), (12288, "resid_sweep 1024")]


def tries(worker: Worker, words: str) -> tuple[Times, dict]:
    """One to five tries, fewer of what takes long; the first of short work is not counted."""
    times, got = Times(), worker.ask(words)
    if got["ms"] is None or got["ms"] > 2000:
        times.add(got["ms"])
        return times, got
    for _ in range(3 if got["ms"] > 300 else 5):
        got = worker.ask(words)
        times.add(got["ms"])
    return times, got


def best(times: Times) -> float | None:
    return times.least if times else None


def by_length(ours: Worker, peers: list[Worker]) -> tuple[str, list[dict]]:
    """Top-k of one prompt: the blocks, and one row of logits."""
    bounds, rows, cells = Bounds(ours, 5), [], []
    for n in LENGTHS:
        times, got = tries(ours, f"top {n}")
        bounds.refresh()
        least = bounds.rows(n) + bounds.attention(n) + bounds.bytes(bounds.unembed_bytes())
        theirs = [tries(worker, f"top {n}")[0] for worker in peers]
        cells.append([str(n), milliseconds(times.least), f"{times.least / n:.2f} ms",
                      milliseconds(least), ratio(times.least, least),
                      *(milliseconds(best(one)) for one in theirs)])
        rows.append({"tokens": n, "ours": times.json(), "bound": least, "counts": got,
                     **{w.name: one.json() for w, one in zip(peers, theirs)}})
        print(f"{n} tokens in {milliseconds(times.least)}", flush=True)
    head = ["tokens", "top-k", "a token", "bound", "ours / bound",
            *(PEERS[worker.name] for worker in peers)]
    return turns.table(head, cells), rows


def by_cells(ours: Worker, sweeps: list[tuple[int, str]]) -> tuple[str, list[dict]]:
    """Sweeps of resid_post over layer x position, on pairs of prompts; both ends' runs included."""
    bounds, rows, cells = Bounds(ours, 5), [], []
    for _, words in sweeps:
        times, got = tries(ours, words)
        bounds.refresh()
        least = bounds.rows(16) + bounds.row_layers(got["row_layers"])
        cells.append([str(got["cells"]), str(got["row_layers"]), milliseconds(times.least),
                      f"{times.least / got['cells']:.2f} ms", milliseconds(least),
                      ratio(times.least, least), f"{ours.peak_mb():.0f} MB"])
        rows.append({"ask": words, "ours": times.json(), "bound": least, "counts": got,
                     "peak_mb": ours.peak_mb()})
        print(f"{got['cells']} cells in {milliseconds(times.least)}, "
              f"{ratio(times.least, least)} of the bound", flush=True)
    head = ["cells", "row-layers", "sweep", "a cell", "bound", "ours / bound", "memory so far"]
    return turns.table(head, cells), rows


def by_size(kinds: list[str], python: str) -> tuple[str, list[dict]]:
    """Models: what loading, one prompt, a sweep over every layer and position, and writing cost."""
    rows, cells = [], []
    for size in SIZES:
        folder = make(turns.ROOT / f"build/models/gpt2-random-{size}", size)
        ours = turns.engine(folder)
        asked = {words: tries(ours, words)[0] for words in ("top", "resid_sweep", "generate 20")}
        about = ours.about
        row = {"size": size, "about": about, "peak_mb": ours.peak_mb(),
               **{words: times.json() for words, times in asked.items()}}
        cells.append([f"{about['parameters'] / 1e6:.0f}M", milliseconds(about["load_ms"]),
                      *(milliseconds(times.least) for times in asked.values()),
                      f"{ours.peak_mb():.0f} MB", f"{about['weight_bytes'] / 1e6:.0f} MB"])
        ours.close()
        for kind in kinds:
            worker = turns.peer(kind, python, folder)
            row[kind] = {"load_ms": worker.load_ms, "top": tries(worker, "top")[0].json()}
            cells[-1].append(milliseconds(row[kind]["top"]["min"]))
            worker.close()
        rows.append(row)
        print(size, flush=True)
    head = ["parameters", "load", "top-k", "resid sweep of 8", "generate 20", "memory", "weights",
            *(f"top-k, {PEERS[kind]}" for kind in kinds)]
    return turns.table(head, cells), rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default=sys.executable, help="the Python that has the peers")
    parser.add_argument("--peers", action="store_true", help="the other libraries too")
    parser.add_argument("--long", action="store_true", help="sweeps of 12 x 128 and 12 x 1024")
    parser.add_argument("--model", type=Path, default=turns.ROOT / "build/models/gpt2-random")
    parser.add_argument("--out", type=Path, default=turns.ROOT / "build/bench")
    arguments = parser.parse_args()
    kinds = list(PEERS) if arguments.peers else []
    folder = make(arguments.model, "124m")
    arguments.out.mkdir(parents=True, exist_ok=True)
    before = turns.machine()
    ours = turns.engine(folder)
    peers = [turns.peer(kind, arguments.python, folder) for kind in kinds]
    parts = {"length of the prompt": by_length(ours, peers),
             "cells of a sweep": by_cells(ours, SWEEPS + (LONG_SWEEPS if arguments.long else []))}
    library = ours.about["library"]
    for worker in (ours, *peers):
        worker.close()
    parts["size of the model"] = by_size(kinds, arguments.python)
    after = turns.machine()
    text = "\n\n".join([f"{before['processor']}, {before['cpus']} cpus, {library}; load average "
                        f"{before['load'][0]} before, {after['load'][0]} after",
                        *(f"Growth with the {name}\n\n{part[0]}" for name, part in parts.items())])
    print("\n" + text)
    (arguments.out / "growth.md").write_text(text + "\n")
    (arguments.out / "growth.json").write_text(json.dumps({
        "before": before, "after": after,
        **{name: part[1] for name, part in parts.items()}}, indent=1) + "\n")


if __name__ == "__main__":
    main()
