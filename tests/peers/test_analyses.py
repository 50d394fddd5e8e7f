"""Three analyses as one writes them from the reference, each number beside TransformerLens'.

A circuit of names on a model of random weights, steering with a vector for each prompt, and what
most activates neurons, heads and directions over a corpus. Needs tools/requirements-peers.txt; run
by `tools/test peers`.
"""

from __future__ import annotations

import csv
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "golden")]

from lens import Lens  # noqa: E402

TOLERANCE = 2e-3
MARK = "---- "


def answers(script: str, asked: dict[str, str], folder: Path) -> dict[str, list[dict[str, str]]]:
    """The rows of csv() for each question asked behind a script."""
    lines = "".join(f'print("{MARK}{name}")\ncsv({code});\n' for name, code in asked.items())
    path = folder / "analysis.pbay"
    path.write_text(f"{script}\n{lines}", encoding="utf-8")
    done = subprocess.run([os.environ["PATCHBAY_BINARY"], "run", path], cwd=ROOT, timeout=120,
                          capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    parts = re.split(f"^{MARK}(.*)\n", done.stdout, flags=re.MULTILINE)
    return {name: list(csv.DictReader(io.StringIO(text)))
            for name, text in zip(parts[1::2], parts[2::2])}


def is_close(rows: list[dict[str, str]], wanted, tolerance: float = TOLERANCE) -> None:
    """The rows' last place values are wanted's, in order; a gap is wanted as NaN."""
    found = torch.tensor([float(row["value"] or "nan") for row in rows])
    wanted = torch.as_tensor(wanted).flatten().float()
    assert found.shape == wanted.shape
    assert torch.equal(found.isnan(), wanted.isnan())
    worst = (found - wanted).nan_to_num().abs().max().item()
    assert worst < tolerance, (worst, found[:8], wanted[:8])


class Names:
    """The prompts and answers of the circuit, made here as the script makes them."""

    women = ["Mary", "Alice", "Emma", "Kate", "Lisa", "Amy", "Anna"]
    men = ["John", "Tom", "Mark", "Bob", "Sam", "Jack", "Paul"]
    third = men[3:] + men[:3]
    into = [f"After {b} met {a} at the school, {b} sold the ring to" for a, b in zip(women, men)]
    other = [f"After {b} met {a} at the school, {c} sold the ring to"
             for a, b, c in zip(women, men, third)]
    script = f"""load("tests/models/random-3l5h");
women = {women}
men = {men}
story = prompts("After {{B}} met {{A}} at the school, {{B}} sold the ring to", A=women, B=men)
other = prompts("After {{B}} met {{A}} at the school, {{C}} sold the ring to", A=women, B=men, C=men[3:] + men[:3])
story.io = " " + story.A
story.s = " " + story.B
m = logit_diff(story.io, story.s)
sweep = patch(into=story, from=other, at="z", metric=m)
movers = sweep.mean("prompt").top(3).heads
"""
    asked = {
        "differences": "logit_diff(story, story.io, story.s)",
        "sweep": "sweep",
        "share": 'patch(into=story, from=other, at="z", metric=m, normalize=True)',
        "movers": 'table(head=sweep.mean("prompt").top(3).heads)',
        "ablated": 'logit_diff(story, story.io, story.s, edit=set("z", heads=movers, to=run(other)))',
        "kept": "logit_diff(story, story.io, story.s, "
                'edit=resample("z", heads=except_heads(movers), from=other))',
        "attention": "run(story).pattern[layer=2, query=-1, key=per(story.io)]",
        "attribution": 'attribute(story, story.io, against=story.s, by="head").mean("prompt")',
        "neurons": 'patch(into=story, from=other, at="mlp_post", layer=1, neuron=each, pos=-1, '
                   "metric=logit(story.io))",
        "queries": 'path(into=story, from=other, sender=each, receivers="L2H0.q", metric=m)',
        "linear": 'path(into=story, from=other, sender=each, metric=m, mode="linear")',
    }


@pytest.fixture(scope="module")
def small():
    return Lens(ROOT / "tests/models/random-3l5h")


@pytest.fixture(scope="module")
def circuit(small, tmp_path_factory):
    """What Patchbay says, and the caches and answers of TransformerLens."""
    told = answers(Names.script, Names.asked, tmp_path_factory.mktemp("circuit"))
    ids = [torch.tensor([small.ids(p) for p in side]) for side in (Names.into, Names.other)]
    words = torch.tensor([[small.word(" " + a), small.word(" " + b)]
                          for a, b in zip(Names.women, Names.men)])
    caches = [small.model.run_with_cache(tokens)[1] for tokens in ids]
    return told, ids, words, caches


def difference(logits: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
    last = logits[:, -1]
    return last.gather(1, words[:, :1])[:, 0] - last.gather(1, words[:, 1:])[:, 0]


def with_heads(small, tokens, cache, heads):
    """The model's logits with the z of some heads taken from a cache."""
    def put(z, hook):
        for layer, head in heads:
            if layer == hook.layer():
                z[:, :, head] = cache[hook.name][:, :, head]
        return z
    return small.model.run_with_hooks(
        tokens, fwd_hooks=[(f"blocks.{i}.attn.hook_z", put) for i in range(small.n_layers)])


def test_circuit_of_names(small, circuit):
    told, (into, other), words, (mine, theirs) = circuit
    here, there = (difference(small.model(t), words) for t in (into, other))
    is_close(told["differences"], here)
    every = [(i, j) for i in range(3) for j in range(5)]
    sweep = torch.stack([difference(with_heads(small, into, theirs, [h]), words) for h in every], 1)
    is_close(told["sweep"], sweep)
    is_close(told["share"], (sweep.mean(0) - here.mean()) / (there.mean() - here.mean()), 1e-2)
    order = (sweep.mean(0) - here.mean()).abs().argsort(descending=True)[:3].tolist()
    movers = [every[i] for i in order]
    assert {r["head"] for r in told["movers"]} == {f"L{i}H{j}" for i, j in movers}
    is_close(told["ablated"], difference(with_heads(small, into, theirs, movers), words))
    rest = [h for h in every if h not in movers]
    is_close(told["kept"], difference(with_heads(small, into, theirs, rest), words))
    keys = [small.position(p, " " + a) for p, a in zip(Names.into, Names.women)]
    is_close(told["attention"], torch.stack(
        [mine["pattern", 2][i, :, -1, key] for i, key in enumerate(keys)]))
    stack = mine.stack_head_results(layer=-1, pos_slice=-1)
    scaled = mine.apply_ln_to_stack(stack, layer=-1, pos_slice=-1)
    way = small.model.W_U[:, words[:, 0]] - small.model.W_U[:, words[:, 1]]
    is_close(told["attribution"], torch.einsum("cpd,dp->cp", scaled, way).mean(1))


def test_circuit_of_names_neurons(small, circuit):
    told, (into, _), words, (_, theirs) = circuit
    found = []
    for neuron in range(72):
        def put(post, hook, neuron=neuron):
            post[:, -1, neuron] = theirs[hook.name][:, -1, neuron]
            return post
        logits = small.model.run_with_hooks(into, fwd_hooks=[("blocks.1.mlp.hook_post", put)])
        found.append(logits[:, -1].gather(1, words[:, :1])[:, 0])
    is_close(told["neurons"], torch.stack(found, 1))


def path_to_query(small, circuit, layer: int, head: int) -> torch.Tensor:
    """Wang et al.: other heads stay as they are, MLPs answer, and L2H0 gets the query that comes."""
    _, (into, _), words, (mine, theirs) = circuit
    seen = {}

    def freeze(z, hook):
        z[:] = mine[hook.name]
        if hook.layer() == layer:
            z[:, :, head] = theirs[hook.name][:, :, head]
        return z

    def record(q, hook):
        seen["q"] = q[:, :, 0].clone()

    def receive(q, hook):
        q[:, :, 0] = seen["q"]
        return q

    small.model.run_with_hooks(into, fwd_hooks=[
        *[(f"blocks.{i}.attn.hook_z", freeze) for i in range(small.n_layers)],
        ("blocks.2.attn.hook_q", record)])
    return difference(small.model.run_with_hooks(
        into, fwd_hooks=[("blocks.2.attn.hook_q", receive)]), words)


def test_circuit_of_names_paths(small, circuit):
    told, (into, _), words, (mine, theirs) = circuit
    every = [(i, j) for i in range(3) for j in range(5)]
    is_close(told["queries"], torch.stack([path_to_query(small, circuit, *h) for h in every], 1))
    scale = mine["ln_final.hook_scale"][:, -1]
    way = small.model.W_U[:, words[:, 0]] - small.model.W_U[:, words[:, 1]]
    here = difference(small.model(into), words)
    moved = [here + torch.einsum(
        "pd,dp->p", (theirs["z", i] - mine["z", i])[:, -1, j] @ small.model.W_O[i, j] / scale, way)
        for i, j in every]
    is_close(told["linear"], torch.stack(moved, 1))


class Steering:
    """Praise and blame of several lengths; what sets each pair apart is added to the prompt."""

    sunny = ["I love this book", "The food here was wonderful and fresh", "We enjoyed it"]
    dreary = ["I hate this book", "The food here was terrible and stale", "We endured it"]
    script = f"""load("reviews-4m");
sunny = {sunny}
dreary = {dreary}
v = run(sunny).resid_post[layer=2, pos=-1] - run(dreary).resid_post[layer=2, pos=-1]
blame = table(prompt=[p + " because it is" for p in dreary])
d1 = v[prompt=0]
d2 = v[prompt=1]
steer = add("resid_post", layer=2, value=2 * v)
said = generate(blame, n=6, edit=steer)
"""
    asked = {
        "vectors": "v",
        "steered": 'logit_diff(blame, " great", " bad", edit=steer)',
        "doses": 'stack([logit(blame, " great", edit=add("resid_post", layer=2, value=c * v)) '
                 'for c in [0, 1, 4]], axis="dose")',
        "last": 'prob(blame, " great", edit=add("resid_post", layer=2, pos=-1, value=v))',
        "far": "kl(blame, reference=run(blame), edit=steer)",
        "out": 'logit(blame, " great", edit=project("resid_post", layer=2, out=[d1, d2]))',
        "halved": 'logit(blame, " great", edit=set("mlp_out", layer=4, to=lambda x: x * 0.5))',
        "centred": 'logit(blame, " great", edit=set("resid_post", layer=2, '
                   'to=lambda x: x - x.mean("pos")))',
        "said": "table(text=said)",
    }


@pytest.fixture(scope="module")
def reviews():
    return Lens(ROOT / "models/reviews-4m")


def edited(lens: Lens, prompt, layer: int, change, hook: str = "resid_post") -> torch.Tensor:
    """Logits [pos, token] with what a function makes of an activation [pos, d_model]."""
    ids = lens.ids(prompt) if isinstance(prompt, str) else prompt

    def put(x, hook):
        x[0] = change(x[0])
        return x
    return lens.model.run_with_hooks(torch.tensor([ids]),
                                     fwd_hooks=[(f"blocks.{layer}.hook_{hook}", put)])[0]


def test_steering_with_a_vector_for_each_prompt(reviews, tmp_path):
    told = answers(Steering.script, Steering.asked, tmp_path)
    def last(text):
        return reviews.run(text)[1]["resid_post", 2][-1]
    v = torch.stack([last(a) - last(b) for a, b in zip(Steering.sunny, Steering.dreary)])
    is_close(told["vectors"], v)
    blame = [p + " because it is" for p in Steering.dreary]
    great, bad = reviews.word(" great"), reviews.word(" bad")

    def each(change, hook="resid_post", layer=2):
        return [edited(reviews, p, layer, lambda x, d=d: change(x, d), hook)[-1]
                for p, d in zip(blame, v)]

    steered = each(lambda x, d: x + 2 * d)
    is_close(told["steered"], [x[great] - x[bad] for x in steered])
    is_close(told["doses"], [[x[great] for x in each(lambda x, d: x + c * d)] for c in (0, 1, 4)])

    def at_the_end(x, d):
        return torch.cat([x[:-1], x[-1:] + d])
    is_close(told["last"], [x.softmax(-1)[great] for x in each(at_the_end)])
    plain = [reviews.logits(p).log_softmax(-1) for p in blame]
    is_close(told["far"], [(p.exp() * (p - x.log_softmax(-1))).sum() for p, x in zip(plain, steered)])
    basis = torch.linalg.qr(v[:2].T)[0]
    is_close(told["out"], [x[great] for x in each(lambda x, d: x - x @ basis @ basis.T)])
    is_close(told["halved"], [x[great] for x in each(lambda x, d: 0.5 * x, "mlp_out", 4)])
    is_close(told["centred"], [x[great] for x in each(lambda x, d: x - x.mean(0))])
    said = []
    for prompt, d in zip(blame, v):
        ids = reviews.ids(prompt)
        for _ in range(6):
            ids.append(edited(reviews, ids, 2, lambda x: x + 2 * d)[-1].argmax().item())
        said.append(reviews.tokenizer.decode(ids, skip_special_tokens=True))
    assert [row["text"] for row in told["said"]] == said


class Corpus:
    """Forty texts of several lengths, one a line."""

    texts = [f"{start} the {thing} {end}" for start in ("I love", "We hated", "Nobody ever saw", "Why is")
             for thing in ("movie", "food at this place") for end in (
                 "because it is great", "so much", "and the story was long", "again", "in the end, really")]
    script = """load("reviews-4m");
texts = read("FILE", lines=True)
act = run(texts).mlp_post[layer=3, neuron=100]
"""
    asked = {
        "activations": "act",
        "places": 'act.top(12, by="value").table',
        "maxima": 'run(texts).mlp_post[layer=3].max("pos")',
        "where": 'act.argmax("pos")',
        "average": 'run(texts).mlp_post[layer=3, neuron=[5, 9]].mean(["prompt", "pos"])',
        "head": 'run(texts).z[layer=5, head=1].norm("d_head")',
        "direction": 'dot(run(texts).resid_post[layer=3], load().W_out[layer=2, d_mlp=7], over="d_model")',
        "attended": 'run(texts).pattern[layer=4, head=0, query=-1].max("key")',
        "losses": 'loss(texts, by="pos")',
        "common": 'table(prompt=texts.prompt, loss=loss(texts).values).sort(by="loss").head(5)',
    }


def test_what_most_activates_over_a_corpus(reviews, tmp_path):
    corpus = tmp_path / "texts.txt"
    corpus.write_text("\n".join(Corpus.texts), encoding="utf-8")
    script = Corpus.script.replace("FILE", str(corpus))
    told = answers(script, Corpus.asked, tmp_path)
    runs = [reviews.run(p) for p in Corpus.texts]
    most = max(len(logits) for logits, _ in runs)

    def padded(values: list[torch.Tensor]) -> torch.Tensor:
        return torch.stack([torch.cat([v, torch.full((most - len(v),), float("nan"))]) for v in values])

    act = [cache["post", 3][:, 100] for _, cache in runs]
    is_close(told["activations"], padded(act))
    best = sorted((v.item() for a in act for v in a), reverse=True)[:12]
    is_close(told["places"], best)
    is_close(told["maxima"], torch.stack([cache["post", 3].max(0).values for _, cache in runs]))
    for row, values in zip(told["where"], act):
        assert values.max() - values[int(float(row["value"]))] < TOLERANCE
    flat = torch.cat([cache["post", 3] for _, cache in runs])
    is_close(told["average"], flat[:, [5, 9]].mean(0))
    is_close(told["head"], padded([cache["z", 5][:, 1].norm(dim=-1) for _, cache in runs]))
    row = reviews.model.W_out[2, 7]
    is_close(told["direction"], padded([cache["resid_post", 3] @ row for _, cache in runs]))
    is_close(told["attended"], [cache["pattern", 4][0, -1].max() for _, cache in runs])
    losses = [-logits.log_softmax(-1)[:-1].gather(1, torch.tensor(reviews.ids(p))[1:, None])[:, 0]
              for (logits, _), p in zip(runs, Corpus.texts)]
    most -= 1
    is_close(told["losses"], padded(losses))
    common = sorted(range(len(losses)), key=lambda i: losses[i].mean().item())[:5]
    assert [row["prompt"] for row in told["common"]] == [Corpus.texts[i] for i in common]
