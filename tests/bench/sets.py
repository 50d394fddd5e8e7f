"""Sweeps over a set of pairs on reviews-4m, and an activation of every token of a larger set.

    python sets.py [--quick] [--out FOLDER]

What a function of one's own costs is told beside the metric of words that reads the same places:
at most 1.5 times that is the goal. 200 pairs through all heads take less than 2 s on two cores.
The bound is the products alone (docs/performance.md): of a sweep those of its row-layers, of the
neurons of a set those of all layers without the last W_out, which no neuron waits for; 1.3 times
that is the goal there. Bounds are measured in the same round as what they are compared with.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import turns
from turns import BINARY, ROOT, Bounds, Times, milliseconds, ratio

SETUP = '''
load("reviews-4m");
whole(verb) = [f"{who} {verb} this {what} {why}" for who in ["I", "We", "You", "They", "People"] for what in ["movie", "book", "song", "play", "film"] for why in ["because it is", "since it was", "and it is", "but it is", "as it was", "for it is", "when it is", "if it is"]];
into = whole("love");
from = whole("hate");
set = into + from + whole("like") + whole("watch") + whole("forget");
'''
NEURONS = 'run(set).mlp_post.max("pos");'
# title, the metric of a sweep, and the title of what reads the same places
ROWS = [
    ("200 pairs x 36 heads, logit_diff", 'metric=logit_diff(" great", " bad")', None),
    ("the same, your own", 'metric=lambda r: logit_diff(r, " great", " bad")',
     "200 pairs x 36 heads, logit_diff"),
    ("a sum of two metrics",
     'metric=(logit_diff(" great", " bad") + logit_diff(" good", " terrible")) / 2', None),
    ("prob", 'metric=prob(" great")', None),
    ("your own, of the logits at one position",
     'metric=lambda r: r.logits[pos=-1, token=" great"]', "prob"),
    ("your own, of the last stream too",
     'metric=lambda r: logit_diff(r, " great", " bad") - 0.1 * r.resid_post[layer=5, pos=-1].norm()',
     "200 pairs x 36 heads, logit_diff"),
]


class Console:
    """A console that is given lines, and says when each is done."""

    def __init__(self):
        self.process = subprocess.Popen([str(BINARY), "console"], text=True, cwd=ROOT,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)

    def tell(self, lines: str) -> list[str]:
        """What it prints until it is done."""
        self.process.stdin.write(f'{lines}\nprint("@@")\n')
        self.process.stdin.flush()
        said = []
        while (line := self.process.stdout.readline()).strip() != "@@":
            if not line:
                raise SystemExit("bench: the console ended: " + self.process.stderr.read())
            said.append(line)
        return said

    def ask(self, lines: str) -> float:
        """Milliseconds until it is done."""
        start = time.perf_counter()
        self.tell(lines)
        return 1e3 * (time.perf_counter() - start)

    def ids(self, prompts: str) -> list[list[int]]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "ids.json"
            self.tell(f'save(run({prompts}).ids, "{path}")')
            return json.loads(path.read_text())

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def sweep_row_layers(console: Console, layers: int, heads: int) -> int:
    """Rows times layers of both sides, and of every head of every pair: docs/performance.md."""
    pairs = list(zip(console.ids("into"), console.ids("from")))
    cells = layers * (layers - 1) // 2  # a head of layer L enters there, and N - 1 - L go on
    first = [next(i for i, (a, b) in enumerate(zip(*pair)) if a != b) for pair in pairs]
    return sum(2 * layers * len(into) + heads * ((len(into) - at) * cells + layers)
               for (into, _), at in zip(pairs, first))


def neurons_bound(b: Bounds, n_tokens: int) -> float:
    """The products of all layers on so many rows, without the last W_out."""
    about = b.ours.about
    last = 2 * about["width"] * about["mlp"] / (about["layers"] * b.layer_flops())
    return b.rows(n_tokens) * (1 - last)


def report(found: dict[str, Times], bounds: dict[str, Times]) -> str:
    beside = {title: other for title, _, other in ROWS}
    rows = [[title, milliseconds(times.least),
             ratio(times.least, found[beside[title]].least) if beside.get(title) else "",
             ratio(times.least, bounds[title].least) if title in bounds else ""]
            for title, times in found.items()]
    return turns.table(["work", "least", "to what reads the same", "to the bound"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, default=ROOT / "build/bench")
    arguments = parser.parse_args()
    before, console = turns.machine(), Console()
    engine = turns.engine(ROOT / "models/reviews-4m")
    console.ask(SETUP)
    neurons = "1,000 prompts, the largest of each neuron"
    found = {title: Times() for title in [*(title for title, _, _ in ROWS), neurons]}
    bounds = {ROWS[0][0]: Times(), neurons: Times()}
    row_layers = sweep_row_layers(console, engine.about["layers"], engine.about["heads"])
    n_tokens = sum(len(ids) for ids in console.ids("set"))
    for _ in range(2 if arguments.quick else 4):
        products = Bounds(engine, tries=3)
        for title, what, _ in ROWS:
            found[title].add(console.ask(f'patch(into=into, from=from, at="z", {what});'))
        bounds[ROWS[0][0]].add(products.row_layers(row_layers))
        found[neurons].add(console.ask(NEURONS))
        bounds[neurons].add(neurons_bound(products, n_tokens))
    console.close()
    engine.close()
    print(f"{before['processor']}, {before['cpus']} cpus, load {before['load']}\n")
    print(report(found, bounds))
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "sets.json").write_text(json.dumps(
        {"before": before, "after": turns.machine(),
         "ms": {title: times.tries for title, times in found.items()},
         "bounds": {title: times.tries for title, times in bounds.items()}}, indent=1))


if __name__ == "__main__":
    main()
