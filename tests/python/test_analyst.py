"""The analyst's script: its lines about metrics, edits that compute and paths, as they stand.

Every number is compared with a run that is edited by hand.
"""

from __future__ import annotations

import subprocess

import pytest

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
