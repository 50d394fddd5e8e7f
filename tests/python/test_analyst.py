"""The analyst's script, word for word: the cells of a notebook, and what their numbers are.

The lines about metrics, edits that compute and paths are compared with runs edited by hand. What
the lines of algebra give is told in tests/analysis/cases.
"""

from __future__ import annotations

import subprocess

import nbformat
import pytest
from kernel_client import Kernel
from nbclient import NotebookClient

# The script as it stands, without what draws and ranks by chance (scatter, noise, faithfulness) and
# group; a blank line between two cells. The first cell is the tutorial's.
SCRIPT = '''
model = load("reviews-4m")
love = "I love this movie because it is"
hate = "I hate this movie because it is"

names = [["Mary", "John"], ["Alice", "Tom"], ["Emma", "Mark"], ["Kate", "Bob"], ["Lisa", "Sam"], ["Amy", "Jack"]]
ioi = prompts("When {A} and {B} went to the store, {B} gave a drink to", A=[a for a, b in names], B=[b for a, b in names])
abc = prompts("When {A} and {B} went to the store, {C} gave a drink to", A=ioi.A, B=ioi.B, C=ioi.A[1:] + ioi.A[0:1])
ioi.io = [" " + a for a in ioi.A]                      # a table with a column `prompt` is a set of prompts wherever a list is
ioi.s = [" " + b for b in ioi.B]
ioi.d = logit_diff(ioi, ioi.io, ioi.s)                 # evaluated: a number for each prompt
ioi

generalize(ioi.d)                                      # mean, interval, p and what p can reach at all, the share above zero, the worst cases

m = logit_diff(ioi.io, ioi.s)                          # a metric with an answer for each prompt
sweep = patch(into=ioi, from=abc, at="z", metric=m)
movers = sweep.mean("prompt").top(3).heads             # still a sweep: ranked by what patching changed; each head once
sweep.mean("prompt").top(3)

heatmap(attribute(ioi, ioi.io, against=ioi.s, by="head").mean("prompt"))

attribute(ioi, ioi.io, by="head") - attribute(abc, ioi.io, by="head")            # two sets as long: pair by pair, in order

run(ioi).pattern[layer=5, head=5, query=-1]            # [prompt, key]; lengths may differ

m2 = (logit_diff(" great", " bad") + logit_diff(" good", " terrible")) / 2       # metrics add, subtract, scale
m3 = prob(any_of([" great", " good", " wonderful"]))                             # a set of words as one target
m4 = lambda r: logit_diff(r, " great", " bad") - 0.1 * r.resid_post[layer=5, pos=-1].norm()      # your own, of anything the run has
heatmap(patch(into=love, from=hate, at="resid_post", metric=m4))

praise = prompts("I {v} this {n} because it is", v=["love", "adore", "enjoy", "like"], n=["movie", "book", "song", "play", "film"], cross=True)
blame = prompts("I {v} this {n} because it is", v=["hate", "detest", "despise", "dislike"], n=["movie", "book", "song", "play", "film"], cross=True)
both = praise.prompt + blame.prompt
x = run(both).resid_post[layer=3, pos=-1]              # [prompt, d_model]
c = pca(x, over="prompt", k=2)                         # coordinates, directions, shares
c

pr = probe(x, ["praise"] * 20 + ["blame"] * 20, over="prompt", positive="praise", seed=0)      # accuracy on prompts held out, beside shuffled labels
logit(hate, " great", edit=add("resid_post", layer=3, value=4 * pr.direction)) - logit(hate, " great")

svd(model.W_V[layer=4, head=0], rows="d_model", columns="d_head").s

ov("L5H1").copying(embed="effective")                  # kept as factors: .svd, .eig, .top(" great"); qk() likewise

logit(love, " great", edit=set("mlp_out", layer=4, to=lambda x: x * 0.5))        # an edit that computes; in generate() too

path(into=ioi, from=abc, sender=each, receivers=each, metric=m).mean("prompt")   # [sender, receiver]: heads, MLPs, embed; q, k, v, MLPs, logits

lens(ioi, ioi.io, pos=-1)                              # [prompt, layer]

slope(w) = 2 * (w - 3)
repeat(lambda w: w - 0.1 * slope(w), 0.0, 50)          # n times; fold(f, xs, start) over a list

random({"pos": 4, "d_model": model.d_model}, dist="normal", seed=0)
'''
SETUP = '''
model = load("reviews-4m");
love = "I love this movie because it is"
hate = "I hate this movie because it is"
names = [["Mary", "John"], ["Alice", "Tom"], ["Emma", "Mark"], ["Kate", "Bob"], ["Lisa", "Sam"], ["Amy", "Jack"]]
ioi = prompts("When {A} and {B} went to the store, {B} gave a drink to", A=[a for a, b in names], B=[b for a, b in names])
abc = prompts("When {A} and {B} went to the store, {C} gave a drink to", A=ioi.A, B=ioi.B, C=ioi.A[1:] + ioi.A[0:1])
ioi.io = [" " + a for a in ioi.A]
ioi.s = [" " + b for b in ioi.B]
ioi.d = logit_diff(ioi, ioi.io, ioi.s)
m = logit_diff(ioi.io, ioi.s)
sweep = patch(into=ioi, from=abc, at="z", metric=m)
movers = sweep.mean("prompt").top(3).heads
m2 = (logit_diff(" great", " bad") + logit_diff(" good", " terrible")) / 2
m3 = prob(any_of([" great", " good", " wonderful"]))
m4 = lambda r: logit_diff(r, " great", " bad") - 0.1 * r.resid_post[layer=5, pos=-1].norm()
pair(i) = [ioi.prompt[i], abc.prompt[i], ioi.io[i], ioi.s[i]]
near(a, b) = abs(a - b) < 1e-4
'''
LINES = {
    "an answer for each prompt":
        'near(m(ioi)[prompt=3], logit_diff(ioi.prompt[3], ioi.io[3], ioi.s[3]))',
    "a sweep with an answer for each prompt":
        'near(sweep[prompt=4, layer=5, head=5], logit_diff(ioi.prompt[4], ioi.io[4], ioi.s[4], '
        'edit=set("z", layer=5, head=5, to=run(abc.prompt[4]))))',
    "the heads that patching changes most": 'movers[0] == "L5H5"',
    "metrics add and scale":
        'near(m2(love), (logit_diff(love, " great", " bad") + logit_diff(love, " good", " terrible")) / 2)',
    "a set of words as one target":
        'near(m3(love), sum([prob(love, w) for w in [" great", " good", " wonderful"]]))',
    "a function of anything the run has":
        'near(patch(into=love, from=hate, at="resid_post", metric=m4)[layer=3, pos=2], '
        'm4(run(love, edit=set("resid_post", layer=3, pos=2, to=run(hate)))))',
    "an edit that computes":
        'near(logit(love, " great", edit=set("mlp_out", layer=4, to=lambda x: x * 0.5)), '
        'logit(love, " great", edit=scale("mlp_out", layer=4, by=0.5)))',
    "the graph of paths":
        'near(path(into=ioi, from=abc, sender=each, receivers=each, metric=m)'
        '[prompt=2, sender="L4_mlp", receiver="L5H5.q"], logit_diff(ioi.prompt[2], ioi.io[2], '
        'ioi.s[2], edit=set("q", layer=5, head=5, to=run(ioi.prompt[2], edit=[set("z", layer=all, '
        'to=run(ioi.prompt[2])), set("mlp_out", layer=4, to=run(abc.prompt[2]))]))))',
}


@pytest.fixture(scope="module")
def answers(run_script) -> dict[str, str]:
    script = SETUP + "".join(f"print({line})\n" for line in LINES.values())
    return dict(zip(LINES, run_script(script).split("\n")))


@pytest.mark.parametrize("title", LINES)
def test_is_what_a_run_edited_by_hand_gives(answers, title):
    assert answers[title] == "True", LINES[title]


@pytest.mark.parametrize("line, words", [
    ('logit_diff(ioi, [w + "x" if i == 4 else w for i, w in enumerate(ioi.io)], ioi.s)',
     'item 4: " Lisax" is 3 tokens'),
    ('patch(into=ioi, from=abc, at="z", metric=logit_diff(ioi.io[0:5], ioi.s[0:5]))',
     "there are 6 prompts and 5 words"),
    ('logit(love, " great", edit=set("mlp_out", layer=4, to=lambda x: x[pos=0:3]))',
     "was given [pos 8, d_model 192] and gave [pos 3, d_model 192]"),
])
def test_what_is_wrong_is_said_and_nothing_lost(binary, root, tmp_path, line, words, patience):
    done = subprocess.run([binary, "console"], cwd=root, capture_output=True, text=True,
                          input=f"{SETUP}\n{line}\nprint(len(movers))\n", timeout=60 * patience)
    assert words in done.stderr + done.stdout
    assert done.stdout.strip().split("\n")[-1] == "3"


@pytest.fixture(scope="module")
def notebook(root, kernelspec, patience):
    """The script's cells with their outputs; what goes wrong stands in them."""
    made = nbformat.v4.new_notebook()
    for cell in SCRIPT.strip("\n").split("\n\n"):
        made.cells.append(nbformat.v4.new_code_cell(cell))
    NotebookClient(made, timeout=int(60 * patience), kernel_name=kernelspec, allow_errors=True,
                   resources={"metadata": {"path": str(root)}}).execute()
    return made


def shown(notebook, line: str) -> str:
    """What the cell with a line shows as text."""
    (cell,) = [cell for cell in notebook.cells if line in cell.source]
    return "\n".join(output.data["text/plain"] for output in cell.outputs if "data" in output)


# What TransformerLens 3.9 gives for each line (hooks on hook_z, hook_resid_post and hook_mlp_out,
# stack_head_results with apply_ln_to_stack); the singular values are torch's, in double precision.
SHOWN = {
    "ioi.d = ": ["7.66", "5.77", "14.04", "10.14", "11.62", "7.53"],
    "movers = ": ["unpatched 9.462", "L5H5 -0.909", "L2H0 +9.551", "L4H5 +9.530"],
    "heatmap(attribute(ioi": ["5 0.272 -6.037 0.127 -0.864 2.511 7.370", "3 -0.118 -0.041 -0.287 0.001 2.411"],
    "run(ioi).pattern": ["0.0998 0.0068 0.0012 0.0022 0.0042", "0.0685 0.0070 0.0018 0.0033 0.0042"],
    "metric=m4": ["3 -0.298 -0.298 -5.710", "-8.540", "-8.565"],
    "svd(model": ["0 1.278", "1 1.237", "2 1.204"],
    "edit=set(": ["15.69"],  # the digits after it are the build's
    "lens(ioi": ["6.48 5.20 6.18 10.80 12.97 18.66", "6.81 6.50 8.03 11.45 13.79 21.15"],
    "slope(w)": ["2.9999571825692"],
}


@pytest.mark.parametrize("line", SHOWN)
def test_shows_what_transformer_lens_gives(notebook, line):
    text = " ".join(shown(notebook, line).split())
    assert [number for number in SHOWN[line] if number not in text] == []


def test_every_cell_of_the_script_runs_and_shows_something(notebook):
    wrong = [(cell.source, output.evalue) for cell in notebook.cells for output in cell.outputs
             if output.output_type == "error"]
    assert not wrong
    assert [cell.source for cell in notebook.cells[1:] if not cell.outputs] == []


@pytest.mark.parametrize("code, offers", [
    ("ioi[", ["prompt=", "A=", "io="]),
    ("sweep[", ["prompt=", "layer=", "head=", "heads="]),
    ('sweep[heads="L5', [f"L5H{head}" for head in range(6)]),
    ("run(ioi).mlp_post[", ["layer=", "pos=", "d_mlp=", "neuron="]),
    ('path(into=ioi, from=abc, receivers=["L5H5', ["L5H5.q", "L5H5.k", "L5H5.v"]),
])
def test_what_may_stand_here_is_offered(analyst, code, offers):
    found = analyst.ask("complete_request", {"code": code, "cursor_pos": len(code)})["matches"]
    assert [offer for offer in offers if offer not in found] == []


@pytest.fixture(scope="module")
def analyst(tmp_path_factory, binary):
    kernel = Kernel(tmp_path_factory.mktemp("analyst"), name="patchbay")
    kernel.client.run(SETUP)
    yield kernel.client
    kernel.close()
