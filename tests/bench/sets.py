"""Sweeps over a set of pairs on reviews-4m, with metrics of words and with functions of one's own.

    python sets.py [--quick] [--out FOLDER]

What a function of one's own costs is told beside the metric of words that reads the same places:
at most 1.5 times that is the goal. 200 pairs through all heads take less than 2 s on two cores.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from pathlib import Path

import turns
from turns import BINARY, ROOT, Times, milliseconds, ratio

SETUP = '''
load("reviews-4m");
whole(verb) = [f"{who} {verb} this {what} {why}" for who in ["I", "We", "You", "They", "People"] for what in ["movie", "book", "song", "play", "film"] for why in ["because it is", "since it was", "and it is", "but it is", "as it was", "for it is", "when it is", "if it is"]];
into = whole("love");
from = whole("hate");
'''
# title, what is asked, and the title of what reads the same places
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

    def ask(self, lines: str) -> float:
        """Milliseconds until it is done."""
        start = time.perf_counter()
        self.process.stdin.write(f'{lines}\nprint("@@")\n')
        self.process.stdin.flush()
        while (line := self.process.stdout.readline()).strip() != "@@":
            if not line:
                raise SystemExit("bench: the console ended: " + self.process.stderr.read())
        return 1e3 * (time.perf_counter() - start)

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, default=ROOT / "build/bench")
    arguments = parser.parse_args()
    before, console = turns.machine(), Console()
    console.ask(SETUP)
    found: dict[str, Times] = {title: Times() for title, _, _ in ROWS}
    for _ in range(2 if arguments.quick else 4):
        for title, what, _ in ROWS:
            found[title].add(console.ask(f'patch(into=into, from=from, at="z", {what});'))
    console.close()
    print(f"{before['processor']}, {before['cpus']} cpus, load {before['load']}\n")
    print("| work | ms | to what reads the same |\n|---|---|---|")
    for title, _, beside in ROWS:
        least = found[title].least
        print(f"| {title} | {milliseconds(least)} | "
              f"{ratio(least, found[beside].least) if beside else ''} |")
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "sets.json").write_text(json.dumps(
        {"before": before, "after": turns.machine(),
         "ms": {title: times.tries for title, times in found.items()}}, indent=1))


if __name__ == "__main__":
    main()
