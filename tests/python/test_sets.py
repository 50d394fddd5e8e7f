"""Sets of prompts: every number is that of the prompts one by one, and faults name their row.

The lines of the analyst's script that concern sets are here word for word.
"""

from __future__ import annotations

import csv
import io
import math
import subprocess

import pytest

NAMES = """model = load("reviews-4m")
names = [["Mary", "John"], ["Alice", "Tom"], ["Emma", "Mark"], ["Kate", "Bob"], ["Lisa", "Sam"], ["Amy", "Jack"]]
ioi = prompts("When {A} and {B} went to the store, {B} gave a drink to", A=[a for a, b in names], B=[b for a, b in names])
abc = prompts("When {A} and {B} went to the store, {C} gave a drink to", A=ioi.A, B=ioi.B, C=ioi.A[1:] + ioi.A[0:1])
ioi.io = [" " + a for a in ioi.A]
ioi.s = [" " + b for b in ioi.B]
"""


@pytest.fixture(scope="module")
def told(run_script):
    """The rows that csv() prints for a question about the sets above."""

    def ask(code: str, setup: str = NAMES) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(run_script(f"{setup}csv({code})\n"))))

    return ask


def numbers(rows: list[dict[str, str]], name: str = "value") -> list[float]:
    return [float(row[name]) for row in rows]


def close(found: list[float], wanted: list[float], tolerance: float = 1e-4) -> bool:
    return len(found) == len(wanted) and all(
        math.isclose(a, b, abs_tol=tolerance, rel_tol=tolerance) for a, b in zip(found, wanted))


def test_a_template_makes_a_row_for_each_value(told):
    rows = told("ioi")
    assert [row["prompt"] for row in rows][:2] == [
        "When Mary and John went to the store, John gave a drink to",
        "When Alice and Tom went to the store, Tom gave a drink to"]
    assert list(rows[0]) == ["prompt", "A", "B", "io", "s"]
    assert [row["C"] for row in told("abc")] == ["Alice", "Emma", "Kate", "Lisa", "Amy", "Mary"]


def test_crossed_the_last_hole_changes_fastest(told):
    rows = told('prompts("I {v} this {n}{{}}", v=["love", "like"], n=["movie", "book", 3], cross=True)', "")
    assert [row["prompt"] for row in rows] == [
        f"I {v} this {n}{{}}" for v in ("love", "like") for n in ("movie", "book", 3)]


@pytest.mark.parametrize("set_of, one", [
    ("logit_diff(ioi, ioi.io, ioi.s)", "logit_diff(p, a, b)"),
    ("prob(ioi, ioi.io)", "prob(p, a)"),
    ("loss(ioi)", "loss(p)"),
    ("logit(ioi, ioi.io, pos=per(ioi.io))", "logit(p, a, pos=a)"),
    ("kl(ioi, reference=abc)", "kl(p, reference=q)"),
])
def test_a_metric_of_a_set_is_that_of_its_prompts(told, set_of, one):
    each = f"table(value=[{one} for p, q, a, b in zip(ioi.prompt, abc.prompt, ioi.io, ioi.s)])"
    assert close(numbers(told(f"table(value={set_of}.values)")), numbers(told(each)))


def test_two_sets_as_long_line_up_in_order(told):
    rows = told('attribute(ioi, ioi.io, by="head") - attribute(abc, ioi.io, by="head")')
    each = told('table(value=[(attribute(p, a, by="head") - attribute(q, a, by="head"))[layer=5, head=5] '
                "for p, q, a in zip(ioi.prompt, abc.prompt, ioi.io)])")
    there = [row for row in rows if (row["layer"], row["head"]) == ("5", "5")]
    assert close(numbers(there), numbers(each))
    assert there[0]["prompt"] == (
        "When Mary and John went to the store, John gave a drink to|"
        "When Mary and John went to the store, Alice gave a drink to")


def test_a_mean_over_a_set_is_the_mean_by_hand(told):
    rows = told('attribute(ioi, ioi.io, against=ioi.s, by="head").mean("prompt")')
    each = told('sum([attribute(p, a, against=b, by="head") for p, a, b in '
                "zip(ioi.prompt, ioi.io, ioi.s)]) / 6")
    assert close(numbers(rows), numbers(each))


def test_the_movers_of_a_sweep_over_a_set(run_script):
    out = run_script(NAMES + """m = logit_diff(ioi.io, ioi.s)
sweep = patch(into=ioi, from=abc, at="z", metric=m)
movers = sweep.mean("prompt").top(3).heads
print(movers)
""")
    assert out == "['L5H5', 'L2H0', 'L4H5']\n"


def test_text_columns_go_one_behind_the_other(run_script):
    out = run_script("""praise = prompts("I {v} this {n} because it is", v=["love", "adore", "enjoy", "like"], n=["movie", "book", "song", "play", "film"], cross=True)
blame = prompts("I {v} this {n} because it is", v=["hate", "detest", "despise", "dislike"], n=["movie", "book", "song", "play", "film"], cross=True)
both = praise.prompt + blame.prompt
print(len(both), both[20])
print(["a "] + praise.v[0:1], " " + praise.v[0:2])
""")
    assert out == "40 I hate this movie because it is\n['a ', 'love'] [' love', ' love']\n"


def test_loops_that_go_on_with_what_they_made(run_script):
    out = run_script("""slope(w) = 2 * (w - 3)
print(repeat(lambda w: w - 0.1 * slope(w), 0.0, 50))
print(fold(lambda a, x: [x, *a], [1, 2, 3], []), repeat(lambda x: x + 1, 5, 0))
print(max(*[3, 1], *[7]), (lambda a, b, c=0: [a, b, c])(*[1, 2], c=3))
""")
    w = 0.0
    for _ in range(50):
        w = w - 0.1 * 2 * (w - 3)
    first, *rest = out.splitlines()
    assert math.isclose(float(first), w, rel_tol=1e-12)
    assert rest == ["[3, 2, 1] 5", "7 [1, 2, 3]"]


@pytest.mark.parametrize("code, says", [
    ('prompts("a {x} {y}", x=[1, 2])', "nothing fills the hole {y}"),
    ('prompts("a {x}", x=[1, 2], y=[1, 2])', "the template has no hole {y}"),
    ('prompts("a {x} {y}", x=[1, 2], y=[1, 2, 3])', "x= has 2 values and y= has 3"),
    ('prompts("a {prompt}", prompt=["b"])', "a hole cannot be called prompt"),
    ('prompts("a {x", x=[1])', "a { of this template is not closed"),
    ('prompts("a }", x=[1])', "a } of this template closes no hole"),
    ('prompts("a {x + 1}", x=[1])', "a hole of a template is a name in braces"),
    ('prompts("a {x}", x=[])', "x= is empty"),
    ('logit(table(text=["a"]), " great")', "this table has no column prompt; it has text"),
    ('logit(table(prompt=["a", "b", 3]), " great")', "row 2: a prompt is a string"),
    ('logit(table(prompt=["a", ""]), " great")', "row 1: the prompt is empty"),
    ('logit(["a", "x" * 10000], " great")', "item 1: the prompt has"),
    ('t = table(prompt=["I am"] * 200)\nt.a = [" great"] * 123 + [" Xyzzyq"] + [" bad"] * 76\nlogit(t, t.a)',
     'row 123: " Xyzzyq" is 5 tokens'),
    ('patch(into=ioi, from=abc[0:4], at="z", metric=logit(" great"))', "6"),
])
def test_a_fault_names_its_row(binary, root, tmp_path, code, says):
    script = tmp_path / "fault.pbay"
    script.write_text(NAMES + code + "\n", encoding="utf-8")
    done = subprocess.run([binary, "run", script], capture_output=True, text=True, timeout=60,
                          cwd=root)
    assert done.returncode != 0
    assert says in done.stderr
