"""The tutorial's script for any prompts, words and model, and what each of its lines must give.

The numbers come from tests/golden/notebook.json, made by tests/golden/make_notebook_goldens.py.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "notebook.json"


def goldens() -> dict:
    return json.loads(GOLDEN.read_text(encoding="utf-8"))


def quoted(text) -> str:
    """A string, or a list of strings, as the language writes it."""
    return json.dumps(text, ensure_ascii=False)


@dataclass(frozen=True)
class Question:
    """A line of the script whose answer `csv` prints, and the numbers that must stand in it."""

    name: str
    code: str  # an expression over the names that setup() binds
    expected: Callable[[dict], list[float]]  # from the golden, in the answer's order
    tolerance: float = 1e-4


def setup(told: dict) -> str:
    """The names of the script: model, into, source, a, b, h, p, cases."""
    story = told["story"]
    good, bad = story["words"]
    prompts, expected = zip(*story["cases"])
    return f"""
model = load({quoted(story["model"])});
love = {quoted(story["into"])}
hate = {quoted(story["source"])}
a = attribute(love, {quoted(good)})
b = attribute(hate, {quoted(good)})
h = attribute(love, {quoted(good)}, by="head") - attribute(hate, {quoted(good)}, by="head")
p = patch(into=love, from=hate, at="resid_post", pos={quoted(story["at"])}, metric=logit({quoted(good)}))
cases = table(prompt={quoted(prompts)}, expected={quoted(expected)})
cases.great = logit(cases.prompt, {quoted(good)})
cases.bad = logit(cases.prompt, {quoted(bad)})
cases.ok = check(cases.expected == where(cases.great > cases.bad, "positive", "negative"))
"""


def questions(told: dict) -> list[Question]:
    story = told["story"]
    words, good = quoted(story["words"]), quoted(story["words"][0])
    contrast = ", ".join(map(quoted, story["words"]))

    def sweep(position: str) -> str:
        return (f'patch(into=love, from=hate, at="resid_post", pos={position}, '
                f"metric=logit({good}))")

    return [
        Question("logits", f"logits([love, hate], {words})", lambda t: flat(t["logits"])),
        Question("variants", f"logits({quoted(story['variants'])}, {words})",
                 lambda t: flat(t["variants"])),
        Question("attribution", "a", lambda t: parts(t["attribution"][0]["components"])),
        Question("attribution-of-the-source", "b",
                 lambda t: parts(t["attribution"][1]["components"])),
        Question("component-differences", "a - b", lambda t: parts(t["component_differences"])),
        Question("unscaled", f"attribute(love, {good}, scale=False)",
                 lambda t: parts(t["attribution"][0]["unscaled"])),
        Question("head-differences", "h", lambda t: list(t["head_differences"].values())),
        Question("patch-at", sweep(quoted(story["at"])), lambda t: t["patch_at"]),
        Question("patch-last", sweep("-1"), lambda t: t["patch_last"]),
        Question("patch-all", sweep("all"), lambda t: t["patch_all"]),
        Question("patch-map",
                 f'patch(into=love, from=hate, at="resid_post", metric=logit_diff({contrast}))',
                 lambda t: flat(t["patch_map"])),
        Question("pattern", f"run(love).pattern[layer={story['attention_layer']}]",
                 lambda t: flat(t["pattern"]), 1e-5),
        Question("neutral", f"logits({quoted(story['neutral'])}, {words})",
                 lambda t: t["neutral"]),
    ]


def flat(value) -> list[float]:
    if isinstance(value, list):
        return [number for item in value for number in flat(item)]
    return [value]


def parts(components: dict[str, float]) -> list[float]:
    """Components in the order of the model, which is the order of the golden."""
    return list(components.values())


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def values(text: str) -> list[float]:
    """The numbers of a printed tensor, whose columns are its axes and, last, `value`."""
    table = list(csv.reader(io.StringIO(text)))
    assert table and table[0][-1] == "value", text[:200]
    return [float(row[-1]) for row in table[1:]]


def close(found: list[float], expected: list[float], tolerance: float) -> list[str]:
    """What is further off than the tolerance, absolute or relative; empty if all agree."""
    if len(found) != len(expected):
        return [f"{len(found)} numbers, expected {len(expected)}"]
    return [f"number {i}: {a} and not {b}" for i, (a, b) in enumerate(zip(found, expected))
            if not abs(a - b) <= tolerance * max(1.0, abs(b))]
