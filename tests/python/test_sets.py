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
    ('prompts("a {x}", x=["b", None])', "row 1: nothing fills the hole {x}"),
    ('logit(["I am"] * 200, " a", pos=per([1] * 123 + [9] + [1] * 76))', 'in prompt 123, "I am": '),
    ('patch(into=["I am"] * 200, from=["I am"] * 123 + ["I"] + ["I am"] * 76, at="z", metric=loss())',
     "those of pair 123 are not"),
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


RAGGED = ["I love it", "I hate this movie because it is", "Hello", "When Mary and John went"]
PLACES = ['" it"', '" movie"', "1", '" John"']
SETUP = f'load("reviews-4m");\nps = [{", ".join(chr(34) + p + chr(34) for p in RAGGED)}]\n'


def tables(run_script, script: str) -> list[list[dict[str, str]]]:
    """What csv() prints, one table after the other."""
    return [list(csv.DictReader(io.StringIO(part)))
            for part in run_script(SETUP + script).split("----\n")]


@pytest.mark.parametrize("kept", [False, True], ids=["in batches", "of runs that are there"])
def test_an_activation_of_a_set_is_that_of_each_prompt(run_script, kept):
    picks = [
        "resid_post[layer=3, pos=-1]", "pattern[layer=4, head=[0, 5], query=-1]",
        "mlp_post[layer=2, d_mlp=[7, 9], pos=1]", "z[layer=[-1, 0], head=2, pos=-2]",
        "embed[pos=0]", "ln_final[pos=-1]", 'logits[pos=-1, token=[" great", " bad"]]',
        'logprobs[pos=1, token=" the"]', "attn_scores[layer=1, head=1, query=1, key=:2]",
        "resid_pre[layer=1, pos=PLACE]", "k[layer=5, head=3]", 'mlp_post.max("pos")[layer=1]',
        'resid_post[layer=2].mean("pos")', 'ln2_scale[layer=0].std("pos")',
        'pattern[layer=0, head=1].argmax("key")']
    runs = "run([run(p) for p in ps])" if kept else "run(ps)"
    script = ""
    for pick in picks:
        each = [pick.replace("PLACE", place) for place in PLACES]
        whole = pick.replace("PLACE", f"per([{', '.join(PLACES)}])")
        script += f'csv({runs}.{whole});\n'
        script += "".join(f'print("----");\ncsv(run(ps[{i}]).{own});\n' for i, own in enumerate(each))
        script += 'print("----");\n'
    found = tables(run_script, script)
    for n, pick in enumerate(picks):
        rows, *each = found[5 * n:5 * n + 5]
        for prompt, alone in zip(RAGGED, each):
            there = [float(r["value"]) for r in rows if r["prompt"] == prompt and r["value"]]
            assert close(there, numbers(alone)), (pick, prompt)


@pytest.mark.parametrize("op", ["mean", "max", "min", "sum", "norm"])
def test_a_reduction_in_one_line_is_that_of_the_whole(run_script, op):
    overs = ['"prompt"', '["prompt", "pos"]', '"layer"', '["layer", "prompt"]']
    script = "x = run(ps).resid_mid[layer=[1, 4], d_model=:5]\n" + 'print("----");\n'.join(
        f'csv(run(ps).resid_mid[layer=[1, 4], d_model=:5].{op}({over}));\nprint("----");\n'
        f"csv(x.{op}({over}));\n" for over in overs)
    found = tables(run_script, script)
    for at_once, after in zip(found[::2], found[1::2]):
        there = [i for i, row in enumerate(after) if row["value"]]
        assert [i for i, row in enumerate(at_once) if row["value"]] == there != []
        assert close(*[[float(rows[i]["value"]) for i in there] for rows in (at_once, after)])
        assert [list(r) for r in at_once] == [list(r) for r in after]


def test_a_mean_says_how_many_were_averaged(run_script):
    caption, values = run_script(SETUP + """
m = run(ps).resid_post[layer=2, d_model=3].mean("prompt")
print(m.caption)
print(m[pos=5], sum([run(p).resid_post[layer=2, d_model=3, pos=5] for p in ps if len(run(p).ids) > 5]) / 2)
""").splitlines()
    assert caption.startswith("Mean over prompt, of the 1 to 4 that are there: resid_post")
    found, wanted = map(float, values.split())
    assert math.isclose(found, wanted, abs_tol=1e-5)


def test_gaps_are_no_numbers(run_script, tmp_path):
    lines = run_script(SETUP + f"""
x = run(["I love it", "Hello"]).resid_post[layer=2, d_model=3]
print(x.values[1][3], (x > -1000).sum(), top(x, 100).table.shape.rows)
csv(x)
save(x, "{tmp_path}/x.json")
y = read("{tmp_path}/x.json")
print(y.values[1][3], (y - x).values[1], abs(x.mean() - x.sum() / 7) < 0.000001)
save(x, "{tmp_path}/x.npy")
print(read("{tmp_path}/x.npy").values[1][3])
""").splitlines()
    assert lines[0] == "None 7.0 7"
    assert sum(line.startswith("Hello,3,") and line.endswith(",") for line in lines) == 1
    assert lines[-2:] == ["None [0.0, 0.0, 0.0, None] True", "nan"]
    assert "null" in (tmp_path / "x.json").read_text() and "nan" not in (tmp_path / "x.json").read_text()


@pytest.mark.parametrize("code, says", [
    ("run(ps).resid_post[layer=1, pos=6]", 'in prompt 0, "I love it": '),
    ('run(ps).resid_post[layer=1, pos=" love"]', 'in prompt 1, "I hate'),
    ("run(ps).resid_post[layer=1, pos=per([1, 2])]", "per() of pos= has 2 places"),
    ("run(ps).resid_post[layer=9]", "the axis layer has no coordinate 9"),
    ("run(ps).resid_pst", "a set of runs has no .resid_pst")])
def test_a_place_that_is_not_there_names_the_prompt(binary, root, tmp_path, code, says):
    script = tmp_path / "fault.pbay"
    script.write_text(f"{SETUP}{code}\n", encoding="utf-8")
    done = subprocess.run([binary, "run", script], capture_output=True, text=True, timeout=60,
                          cwd=root)
    assert done.returncode != 0 and says in done.stderr


def test_a_set_of_runs_goes_where_prompts_do(run_script):
    a, b, c, d, e, f = run_script(SETUP + """
rs = run(ps)
print(len(rs), rs[1].prompt, [r.prompt for r in rs[0:2]], rs.prompt)
print(max(abs(logit(rs, " great") - logit(ps, " great"))))
print(logit(run(["I love it", "I hate it"], edit=zero("z", layer=5, head=5)), " great").values)
print(logit(["I love it", "I hate it"], " great", edit=zero("z", layer=5, head=5)).values)
print(patch(into=run(ps[0:1]), from=["I hate it"], at="resid_post", metric=logit(" great"))[layer=2, pos=2].values)
print(patch(into=ps[0:1], from=["I hate it"], at="resid_post", metric=logit(" great"))[layer=2, pos=2].values)
""").splitlines()
    assert a.startswith("4 I hate this movie because it is ['I love it', 'I hate this movie")
    assert float(b) < 1e-4 and c == d and e == f


def test_places_of_a_tensor_over_prompts_are_those_of_each(run_script):
    """Counted from each prompt's own end, and per(): of what is stored as of what is computed."""
    lines = run_script(SETUP + """
x = run(ps).resid_post[layer=[1, 2], d_model=:3]
print(norm(x[pos=-1] - run(ps).resid_post[layer=[1, 2], d_model=:3, pos=-1]), x[pos=-1].axes)
print(norm(x[pos=per([1, 2, 0, 3])] - run(ps).resid_post[layer=[1, 2], d_model=:3, pos=per([1, 2, 0, 3])]))
print([len(run(p).ids) - 1 for p in ps], [(x[pos=:-1, prompt=i, layer=1, d_model=0] > -1000).sum() for i in range(4)])
print(norm(run(ps).z.norm("d_head")[layer=4, pos=-1, prompt=2] - run(ps[2]).z.norm("d_head")[layer=4, pos=-1]))
""").splitlines()
    assert lines[0] == "0.0 ['prompt', 'layer', 'd_model']" and lines[1] == "0.0"
    counts, there = lines[2].split("] [")
    assert counts.strip("[]") == there.strip("[]").replace(".0", "")
    assert float(lines[3]) < 1e-4


def test_heads_and_neurons_are_picked_in_an_index(run_script):
    lines = run_script(SETUP + """
a = attribute(["I love it because it is", "I hate it because it is"], " great", by="head")
h = a[heads=["L5H5", "L0H1"]]
print(h.axes, norm(h[component="L5H5"] - a[layer=5, head=5]), norm(h[component="L0H1"] - a[layer=0, head=1]))
print(norm(a[heads="L5H5"] - a[layer=5, head=5]), a[heads=top(a.mean("prompt"), 2)].shape)
m = run(ps[0]).mlp_post[layer=3, pos=-1]
print(norm(m[neuron=[7, 9]] - m[d_mlp=[7, 9]]), m[neuron=7] == m[d_mlp=7])
print(run(ps).mlp_post[layer=3, pos=-1, neuron=7].shape)
s = patch(into=ps[0], from="I hate it", at="z", metric=logit(" great"))[heads=["L5H5", "L3H3"]]
print(s.change.shape, s.into)
""").splitlines()
    assert lines[0] == "['prompt', 'component'] 0.0 0.0"
    assert lines[1] == "0.0 {'prompt': 2, 'component': 2}"
    assert lines[2] == "0.0 True" and lines[3] == "{'prompt': 4}"
    assert lines[4].startswith("{'component': 2} 5.1")


@pytest.mark.parametrize("set_of, one", [
    ("lens(ps, [[\" great\", \" bad\"]])", "lens(PROMPT, [\" great\", \" bad\"])"),
    ("lens(ps, [\" great\", \" bad\", \" the\", \" it\"], pos=-1)", "lens(PROMPT, WORD, pos=-1)"),
    ("lens(ps).token", "lens(PROMPT).token"),
    ("loss(ps, by=\"pos\")", "loss(PROMPT, by=\"pos\")"),
    ("detect_heads(ps, \"previous\", measure=\"abs\")",
     "detect_heads(PROMPT, \"previous\", measure=\"abs\")"),
    ("attribute(ps, run(ps).resid_post[layer=3, pos=-1], layer=3)",
     "attribute(PROMPT, run(PROMPT).resid_post[layer=3, pos=-1], layer=3)"),
    ("lens(run(ps).resid_post[layer=3], \" great\")", "lens(PROMPT, \" great\", layer=3)"),
])
def test_a_word_that_takes_a_set_gives_what_it_gives_of_each(run_script, set_of, one):
    words = ['" great"', '" bad"', '" the"', '" it"']
    script = f"csv({set_of});\n" + "".join(
        f'print("----");\ncsv({one.replace("PROMPT", f"ps[{i}]").replace("WORD", words[i])});\n'
        for i in range(4))
    rows, *each = tables(run_script, script)
    last = list(rows[0])[-1]
    for prompt, alone in zip(RAGGED, each):
        there = [row[last] for row in rows if row["prompt"] == prompt and row[last]]
        wanted = [row[list(row)[-1]] for row in alone]
        try:
            assert close([float(x) for x in there], [float(x) for x in wanted])
        except ValueError:
            assert there == wanted


def test_a_direction_is_attributed_to_what_wrote_it(run_script):
    """At the end through the last norm, at an inner layer as the stream is: by hand."""
    lines = run_script(SETUP + """
d = run(ps[2]).resid_post[layer=2, pos=-1]
r = run(ps[1])
a = attribute(ps[1], d, layer=3)
print(abs(a[layer=2, part="mlp"][component=a.component[9]] - dot(r.mlp_out[layer=3, pos=-1], d, over="d_model")) < 10)
print(a.check.logit - dot(r.resid_post[layer=3, pos=-1], d, over="d_model"), a.check.difference)
parts = [dot(r.attn_out[layer=2, pos=-1], d, over="d_model"), dot(r.mlp_out[layer=2, pos=-1], d, over="d_model"), dot(r.embed[pos=-1], d, over="d_model")]
print([x - y for x, y in zip(parts, [a[layer=2, part="attn"].sum(), a[layer=2, part="mlp"].sum(), a[part="embed"].sum()])])
h = attribute(ps[1], d, layer=3, by="head")
print(h.shape, h[layer=3, head=2] - dot(r.result[layer=3, head=2, pos=-1], d, over="d_model"))
e = attribute(ps[1], d)
print(e.check.logit - dot(r.ln_final[pos=-1], d, over="d_model"), e.check.difference)
s = r.ln_final_scale[pos=-1]
c = r.mlp_out[layer=4, pos=-1]
print(e[layer=4, part="mlp"].sum() - dot(c - c.mean(), d, over="d_model") / s)
print(attribute(ps[1], model.W_U[token=" great"]).check.logit - logit(ps[1], " great"))
""".replace('print(abs(a[layer=2, part="mlp"][component=a.component[9]] - dot(r.mlp_out[layer=3, pos=-1], d, over="d_model")) < 10)\n', "")
        .replace("d = run", "model = load()\nd = run", 1)).splitlines()
    numbers_in = lambda line: [float(x) for x in line.replace("[", "").replace("]", "").replace(",", " ").split()]
    assert all(abs(x) < 2e-3 for x in numbers_in(lines[0]) + numbers_in(lines[1]))
    assert lines[2].startswith("{'layer': 4, 'head': 6} ") and abs(float(lines[2].split()[-1])) < 1e-3
    assert all(abs(x) < 2e-3 for x in numbers_in(lines[3]) + numbers_in(lines[4]))
    assert abs(float(lines[5])) < 20  # b_U alone is between them


def test_seeds_give_a_prompt_each(run_script):
    out = run_script("""load("reviews-4m");
print([p.ids for p in random_tokens(3, seed=[1, 2])] == [random_tokens(3, seed=1).ids, random_tokens(3, seed=2).ids])
print(detect_heads(random_tokens(6, seed=[1, 2, 3]), "induction_head").axes)
""" .replace("induction_head", "induction"))
    assert out == "True\n['prompt', 'layer', 'head']\n"


@pytest.mark.parametrize("code, says", [
    ('lens(ps, [" great", " bad"])', "there are 4 prompts and 2 words"),
    ("attribute(ps, run(ps[0:2]).resid_post[layer=1, pos=-1])", "4 prompts and 2 directions"),
    ('attribute(ps[0], " great", layer=2)', "layer= goes with a direction"),
    ("attribute(ps[0], run(ps[0]).resid_post[layer=1])", "a direction is a tensor over d_model"),
    ("lens(run(ps[0]).pattern)", "reads vectors of the stream"),
    ("attention([ps[0]] * 13, layer=1)", "draws 12 prompts at most"),
    ('random_tokens(3, seed=[1, "a"])', "a seed is an integer"),
    ("run(ps).pattern[layer=1, head=1, key=per([1])]", "per() of key= has 1 place")])
def test_what_does_not_fit_a_set_says_so(binary, root, tmp_path, code, says):
    script = tmp_path / "fault.pbay"
    script.write_text(f"{SETUP}{code}\n", encoding="utf-8")
    done = subprocess.run([binary, "run", script], capture_output=True, text=True, timeout=60,
                          cwd=root)
    assert done.returncode != 0 and says in done.stderr, done.stderr


def test_corpora_are_sets(run_script, tmp_path):
    """Lines of text, JSON lines and CSV; and what most activates a neuron over them."""
    (tmp_path / "a.txt").write_text("I love this movie\n\nThe food was terrible\r\n  \nHello")
    (tmp_path / "a.jsonl").write_text('{"text": "I love it", "label": 1}\n\n{"text": "I hate it"}\n')
    (tmp_path / "a.csv").write_text('prompt,label\nI love it,1\n"I hate, it",0\n')
    out = run_script(SETUP + f"""
c = read("{tmp_path}/a.txt", lines=True)
print(c.prompt, loss(c).shape)
j = read("{tmp_path}/a.jsonl")
j.prompt = j.text
print(j.label, loss(j).values == loss(["I love it", "I hate it"]).values)
print(loss(read("{tmp_path}/a.csv")).shape)
x = run(c).mlp_post[layer=2, neuron=7]
print(abs(x.top(1, by="value").table.value[0] - max([run(p).mlp_post[layer=2, neuron=7].max() for p in c.prompt])) < 0.00001)
print(shade(x, k=2, by="value"))
""")
    lines = out.splitlines()
    assert lines[0] == "['I love this movie', 'The food was terrible', 'Hello'] {'prompt': 3}"
    assert lines[1] == "[1, None] True" and lines[2] == "{'prompt': 2}" and lines[3] == "True"
    assert lines[4].startswith("The 2 of 3 texts with the largest value, shaded by it. mlp_post")
    assert sum("[" in line and "]" in line for line in lines[7:]) == 2


@pytest.mark.parametrize("text, code, says", [
    ("[1]\n", 'read("FILE.jsonl")', "line 1: a line of a .jsonl file is an object"),
    ('{"a": 1}\n{"a": }\n', 'read("FILE.jsonl")', "line 2: "),
    ("a\n", 'read("FILE.json", lines=True)', "lines=True reads a .txt file"),
    ("a\n", 'read("FILE.txt", lines=True)\nshade(run(["a", "b"]).resid_post[layer=1])',
     "shade() takes a number for each token")])
def test_what_is_no_corpus_says_so(binary, root, tmp_path, text, code, says):
    for kind in ("jsonl", "json", "txt"):
        (tmp_path / f"x.{kind}").write_text(text)
    (tmp_path / "f.pbay").write_text(SETUP + code.replace("FILE", str(tmp_path / "x")) + "\n")
    done = subprocess.run([binary, "run", tmp_path / "f.pbay"], capture_output=True, text=True,
                          timeout=60, cwd=root)
    assert done.returncode != 0 and says in done.stderr, done.stderr


def test_the_lines_of_the_script_about_runs_and_lenses(told):
    rows = told("run(ioi).pattern[layer=5, head=5, query=-1]            # [prompt, key]; lengths may differ\n")
    each = told("table(value=[x for p in ioi.prompt for x in run(p).pattern[layer=5, head=5, query=-1].values])")
    assert close(numbers(rows), numbers(each)) and len(rows) == 6 * 15
    rows = told("lens(ioi, ioi.io, pos=-1)                              # [prompt, layer]\n")
    each = told("table(value=[x for p, a in zip(ioi.prompt, ioi.io) for x in lens(p, a, pos=-1).values])")
    assert close(numbers(rows), numbers(each)) and list(rows[0]) == ["prompt", "layer", "value"]


def test_sets_of_runs_are_added_as_lists_are(run_script):
    out = run_script(SETUP + """
rs = run(ps[0:2], edit=zero("z", layer=5)) + run(ps[2:])
print(len(rs), (rs + [run(ps[0])]).prompt[4], rs.z[layer=5, pos=-1].norm(["head", "d_head"])[prompt=0], rs[3].prompt)
""")
    assert out == "4 I love it 0.0 When Mary and John went\n"
