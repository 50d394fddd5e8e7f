"""Goldens for the study layer: attribution, patching, edits, metrics, heads and paths.

    python tests/golden/make_study_goldens.py [reviews-4m] [random-3l5h]

The two files of a model are as in make_model_goldens.py, with these lines:

    prompt KEY ID...             the token ids of a prompt
    word KEY ID                  the token id of a word
    study ABOUT NAME SIZE...     a result; tests/study/test_goldens.c says what each one is

Patch results are named SITE-WALKS: what is walked, in order, of layer, head, pos, query and key.
TransformerLens' get_act_patch_* make those it has; the others are hooks written out here. A cell
that was not asked for is NaN; the goldens beside this file have none.
"""

from __future__ import annotations

import itertools
import random
import sys
from pathlib import Path

import pandas
import torch
from transformer_lens import patching
from transformer_lens.head_detector import (
    compute_head_attention_similarity_score, get_duplicate_token_head_detection_pattern,
    get_induction_head_detection_pattern, get_previous_token_head_detection_pattern)
from transformer_lens.tools.analysis.direct_path_patching import get_act_patch_direct_path
from transformer_lens.utilities.matrix import composition_scores

from lens import Lens
from make_model_goldens import HERE, MODELS, RANDOM, Golden

STEP = 64  # every STEP-th logit is kept where whole rows are compared


class Story:
    """A model, its prompts and words, and the golden being filled. Of a sweep that walks many cells
    some are drawn, `most` at the most."""

    def __init__(self, lens, prompts: dict[str, list[int]], good: int, bad: int,
                 most: int | None = None):
        self.lens = lens
        self.most, self.dice = most, random.Random(7)
        self.model = self.lens.model
        self.model.set_use_attn_result(True)
        self.prompts, self.good, self.bad = prompts, good, bad
        self.tokens = {key: torch.tensor([ids]) for key, ids in prompts.items()}
        runs = {key: self.model.run_with_cache(ids) for key, ids in self.tokens.items()}
        self.logits = {key: logits for key, (logits, _) in runs.items()}
        self.cache = {key: cache for key, (_, cache) in runs.items()}
        self.model.set_use_attn_result(False)  # slow, and only some hooks below need it
        self.layers, self.heads = self.lens.n_layers, self.lens.n_heads
        cfg = self.model.cfg
        self.kv_heads = cfg.n_key_value_heads or cfg.n_heads
        self.centred = cfg.normalization_type in ("LN", "LNPre")
        self.rotary = cfg.positional_embedding_type == "rotary"
        self.parallel = cfg.parallel_attn_mlp
        self.golden = Golden()
        for key, ids in prompts.items():
            self.golden.lines.append(f"prompt {key} " + " ".join(map(str, ids)))
        self.golden.lines += [f"word good {good}", f"word bad {bad}"]

    def add(self, about: str, name: str, value) -> None:
        values = torch.atleast_1d(torch.as_tensor(value))
        assert self.most or not values.isnan().any(), name
        self.golden.add(f"study {about} {name}", values)

    def walk(self, sizes: list[int], value) -> torch.Tensor:
        """value(cells), a list, laid out as a sweep of that shape; NaN where it is not asked for."""
        cells = list(itertools.product(*map(range, sizes)))
        if self.most and len(cells) > self.most:
            cells = sorted(self.dice.sample(cells, self.most))
        whole = torch.full(sizes, torch.nan)
        whole[tuple(zip(*cells))] = torch.as_tensor(value(cells), dtype=torch.float32)
        return whole

    def centre(self, parts: torch.Tensor) -> torch.Tensor:
        """As the norm does that attribution goes through."""
        return parts - parts.mean(-1, keepdim=True) if self.centred else parts

    def good_logit(self, logits: torch.Tensor) -> torch.Tensor:
        return logits[0, -1, self.good]

    def hooked(self, key: str, *hooks) -> torch.Tensor:
        return self.model.run_with_hooks(self.tokens[key], fwd_hooks=list(hooks))


# ---- attribution and the logit lens ----


def attributions(s: Story, key: str) -> None:
    cache, model = s.cache[key], s.model
    parts = [cache["hook_embed"]] + ([] if s.rotary else [cache["hook_pos_embed"]])
    for layer in range(s.layers):
        parts += [cache["attn_out", layer], cache["mlp_out", layer]]
    parts = torch.stack(parts)[:, 0]  # [component, pos, d_model]
    sigma = cache["ln_final.hook_scale"][0]  # [pos, 1]
    plain = s.centre(parts)
    scaled = plain / sigma
    good, bad = model.W_U[:, s.good], model.W_U[:, s.bad]
    s.add(key, "attribute-component", scaled[:, -1] @ good)
    s.add(key, "attribute-component-plain", plain[:, -1] @ good)
    s.add(key, "attribute-component-against", scaled[:, -1] @ (good - bad))
    s.add(key, "attribute-component-pos", (scaled @ good).T)  # [pos, component]
    heads = cache.stack_head_results(-1, pos_slice=-1)[:, 0].reshape(s.layers, s.heads, -1)
    heads = s.centre(heads)
    s.add(key, "attribute-head", heads / sigma[-1] @ good)
    s.add(key, "attribute-head-plain", heads @ good)
    theirs = cache.logit_attrs(cache.stack_head_results(-1, pos_slice=-1), s.good, pos_slice=-1,
                               has_batch_dim=True)
    assert torch.allclose(theirs.reshape(s.layers, s.heads), heads / sigma[-1] @ good, atol=1e-4)
    neurons = cache.stack_neuron_results(-1, pos_slice=-1)  # [layer * neuron, batch, d_model]
    theirs = cache.logit_attrs(neurons, s.good, pos_slice=-1, has_batch_dim=True)
    s.add(key, "attribute-neuron", theirs.reshape(s.layers, -1))
    s.add(key, "bias-logit", [model.b_U[s.good], s.logits[key][0, -1, s.good]])


def logit_lens(s: Story, key: str) -> None:
    words = torch.tensor([s.good, s.bad, 0, 11, 100])
    for site in ("resid_pre", "resid_mid", "resid_post"):
        if site == "resid_mid" and s.parallel:
            continue
        states = torch.stack([s.cache[key][site, layer][0] for layer in range(s.layers)])
        logits = s.model.unembed(s.model.ln_final(states))
        s.add(key, f"lens-{site}", logits[..., words])
        s.add(key, f"lens-top-{site}", logits.argmax(-1).float())


# ---- metrics ----


def metrics(s: Story) -> None:
    for key in ("into", "from", "other"):
        logits = s.logits[key][0]
        logprobs = logits.double().log_softmax(-1)
        row = logprobs[-1]
        tokens = s.tokens[key][0]
        loss = -logprobs[:-1].gather(1, tokens[1:, None])[:, 0]
        assert abs(loss.mean() - s.model(s.tokens[key], return_type="loss")) < 1e-4
        s.add(key, "loss-tokens", loss)
        s.add(key, "loss", loss.mean())
        s.add(key, "metrics", [logits[-1, s.good], logits[-1, s.good] - logits[-1, s.bad],
                               row[s.good].exp(), row[s.good],
                               (logits[-1] > logits[-1, s.good]).sum()])
        top = logits[-1].topk(10)
        s.add(key, "top-ids", top.indices.float())
        s.add(key, "top-logits", top.values)
        s.add(key, "top-probabilities", row[top.indices].exp())
    p, q = (s.logits[key][0, -1].double().log_softmax(-1) for key in ("from", "into"))
    s.add("into", "kl-from", (p.exp() * (p - q)).sum())


# ---- patching ----


def patch_cells(s: Story, hook: str, sizes: list[int], place) -> torch.Tensor:
    """The metric with from's activation written over into's, at place(layer, *rest), cell by cell.
    `sizes` are those of the layers and the rest; a hook without layers has one."""
    def value(layer: int, *rest: int) -> float:
        name = hook.format(layer)
        source = s.cache["from"][name]

        def setter(activation, hook, at=place(*rest)):
            activation[at] = source[at]
            return activation

        return s.good_logit(s.hooked("into", (name, setter))).item()

    return s.walk(sizes, lambda cells: [value(*cell) for cell in cells])


def patch_theirs(s: Story, name: str) -> torch.Tensor:
    """get_act_patch_NAME, on the cells that are asked for."""
    sweep = getattr(patching, f"get_act_patch_{name}")
    axes = sweep.keywords["index_axis_names"]
    length = len(s.prompts["into"])
    heads = s.kv_heads if "head_k" in name or "head_v" in name else s.heads
    sizes = {"layer": s.layers, "head": heads, "head_index": heads}

    def values(cells) -> torch.Tensor:
        return sweep(s.model, s.tokens["into"], s.cache["from"], s.good_logit,
                     index_axis_names=None, index_df=pandas.DataFrame(cells, columns=axes))

    return s.walk([sizes.get(axis, length) for axis in axes], values)


def patches_of_transformer_lens(s: Story) -> None:
    for site in ("resid_pre", "resid_mid", "attn_out", "mlp_out"):
        if site == "resid_mid" and s.parallel:
            continue
        s.add("patch", f"{site}-layer-pos", patch_theirs(s, site))
    for ours, theirs in {"z": "out", "q": "q", "k": "k", "v": "v", "pattern": "pattern"}.items():
        s.add("patch", f"{ours}-layer-head", patch_theirs(s, f"attn_head_{theirs}_all_pos"))
        each = patch_theirs(s, f"attn_head_{theirs}_by_pos")
        if ours == "pattern":  # theirs is [layer, head, query], the others [layer, pos, head]
            s.add("patch", "pattern-layer-head-query", each)
        else:
            s.add("patch", f"{ours}-layer-head-pos", each.transpose(1, 2))


def patches_by_hooks(s: Story) -> None:
    length, every = len(s.prompts["into"]), slice(None)
    by_position = {
        "resid_post": "blocks.{}.hook_resid_post", "ln1": "blocks.{}.ln1.hook_normalized",
        "ln1_scale": "blocks.{}.ln1.hook_scale", "ln2": "blocks.{}.ln2.hook_normalized",
        "ln2_scale": "blocks.{}.ln2.hook_scale", "mlp_pre": "blocks.{}.mlp.hook_pre",
        "mlp_post": "blocks.{}.mlp.hook_post",
    }
    if s.model.cfg.gated_mlp:
        by_position["mlp_pre_linear"] = "blocks.{}.mlp.hook_pre_linear"
    for site, hook in by_position.items():
        s.add("patch", f"{site}-layer-pos",
              patch_cells(s, hook, [s.layers, length], lambda pos: (every, pos)))
    for site, hook in {"embed": "hook_embed", "ln_final": "ln_final.hook_normalized",
                       "ln_final_scale": "ln_final.hook_scale"}.items():
        cells = patch_cells(s, hook, [1, length], lambda pos: (every, pos))
        s.add("patch", f"{site}-pos", cells[0])
    for site, n_heads in {"rot_q": s.heads, "rot_k": s.kv_heads}.items() if s.rotary else ():
        s.add("patch", f"{site}-layer-head", patch_cells(
            s, "blocks.{}.attn.hook_" + site, [s.layers, n_heads],
            lambda head: (every, every, head)))
    s.model.set_use_attn_result(True)
    s.add("patch", "result-layer-head", patch_cells(
        s, "blocks.{}.attn.hook_result", [s.layers, s.heads], lambda head: (every, every, head)))
    s.model.set_use_attn_result(False)
    s.add("patch", "attn_scores-layer-head", patch_cells(
        s, "blocks.{}.attn.hook_attn_scores", [s.layers, s.heads], lambda head: (every, head)))
    pairs = [patch_cells(s, f"blocks.{n}.attn.hook_pattern", [1, length, length],
                         lambda q, k, n=n: (every, n, q, k))[0] for n in range(2)]
    s.add("patch", "pattern-pairs-query-key", torch.stack(pairs))  # L0H0 and L1H1
    s.add("patch", "resid_post-layer", patch_cells(
        s, "blocks.{}.hook_resid_post", [s.layers], lambda: every))


def patch_all_layers(s: Story) -> None:
    """mlp_out of every layer at once, position by position."""
    values = []
    for pos in range(len(s.prompts["into"])):
        def hook(activation, hook, pos=pos):
            activation[:, pos] = s.cache["from"][hook.name][:, pos]
            return activation

        hooks = [(f"blocks.{layer}.hook_mlp_out", hook) for layer in range(s.layers)]
        values.append(s.good_logit(s.hooked("into", *hooks)).item())
    s.add("patch", "mlp_out-pos", values)


# ---- edits ----


def edits(s: Story) -> None:
    layer, head = 1, 2
    block = f"blocks.{layer}."
    direction = s.model.W_U[:, s.good] - s.model.W_U[:, s.bad]

    def mean(site: str, keys, by_position: bool) -> torch.Tensor:
        values = [s.cache[key][site, layer][0] for key in keys]
        if by_position:
            return torch.stack(values).mean(0)
        return torch.cat([value[1:] for value in values]).mean(0)

    def record(name: str, hook: str, change) -> None:
        def edit(activation, hook):
            change(activation)
            return activation

        logits = s.hooked("into", (hook, edit))
        s.add("edit", name, logits[0, :, ::STEP])

    def assign(at, value):
        def change(activation):
            activation[at] = value
        return change

    def remove(activation):
        along = (activation @ direction) / (direction @ direction)
        activation -= along[..., None] * direction

    every = slice(None)
    record("zero-z", block + "attn.hook_z", assign((every, every, head), 0.0))
    s.model.set_use_attn_result(True)
    record("zero-result-pos", block + "attn.hook_result", assign((every, 3, head), 0.0))
    s.model.set_use_attn_result(False)
    record("zero-key", block + "attn.hook_pattern", assign((every, head, every, 1), 0.0))
    record("set-scores", block + "attn.hook_attn_scores",
           lambda a: a[:, head].masked_fill_(~a[:, head].isneginf(), 2.0))
    record("mean-pos", block + "hook_mlp_out",
           assign(every, mean("mlp_out", ("into", "from"), True)))
    record("mean-all", block + "hook_mlp_out",
           assign(every, mean("mlp_out", ("from", "other"), False)))
    record("resample", block + "hook_attn_out",
           assign(every, s.cache["from"]["attn_out", layer]))
    record("add", block + "hook_resid_post", lambda a: a.add_(3 * direction))
    record("scale", block + "hook_attn_out", lambda a: a.mul_(0.5))
    record("project", block + "hook_resid_pre", remove)
    record("neurons", block + "mlp.hook_post", assign((every, every, slice(5, 20)), 0.0))
    record("set-from-pos", block + "hook_resid_post",
           assign((every, 2), s.cache["from"]["resid_post", layer][:, 2]))


# ---- heads ----


def compositions(model, mode: str) -> torch.Tensor:
    """all_composition_scores, a layer of left heads at a time: whole, gpt2's take 8 GB."""
    right = {"Q": model.QK, "K": model.QK.T, "V": model.OV}[mode]
    scores = torch.cat([composition_scores(model.OV[layer: layer + 1], right)
                        for layer in range(model.cfg.n_layers)])
    layers = torch.arange(model.cfg.n_layers)
    return scores * (layers[:, None, None, None] < layers[None, None, :, None])


def heads(s: Story) -> None:
    patterns = torch.stack([s.cache["repeat"]["pattern", layer][0] for layer in range(s.layers)])
    tokens = s.tokens["repeat"]
    detectors = {
        "previous": get_previous_token_head_detection_pattern(tokens),
        "duplicate": get_duplicate_token_head_detection_pattern(tokens),
        "induction": get_induction_head_detection_pattern(tokens),
    }
    for (name, detector), bos, current in itertools.product(
            detectors.items(), (False, True), (False, True)):
        scores = [[compute_head_attention_similarity_score(
            patterns[layer, head].clone(), detector.float(), exclude_bos=bos,
            exclude_current_token=current, error_measure="mul") for head in range(s.heads)]
            for layer in range(s.layers)]
        suffix = "-bos" * bos + "-current" * current
        s.add("heads", f"{name}-mul{suffix}", scores)
        off = (patterns - detector).abs()
        if bos:
            off[..., 0] = 0
        if current:
            off.diagonal(dim1=-2, dim2=-1).zero_()
        s.add("heads", f"{name}-abs{suffix}", 1 - off.sum((-1, -2)) / len(tokens[0]))
    period = (len(tokens[0]) - 1) // 2
    rows = torch.arange(period + 1, 2 * period + 1)
    for name, back in {"previous": 1, "duplicate": period, "induction": period - 1}.items():
        s.add("heads", f"stripe-{name}", patterns[:, :, rows, rows - back].mean(-1))
    for mode in "QKV":
        s.add("heads", f"composition-{mode}", compositions(s.model, mode))


# ---- tokens ----


def similarities(s: Story) -> None:
    for name, vectors in {"embedded": s.model.W_E, "unembedded": s.model.W_U.T}.items():
        s.add("similar", name, torch.cosine_similarity(vectors[s.good], vectors, dim=-1))


# ---- paths ----


def frozen_hooks(s: Story, mode: str, sender: tuple[int, int]) -> list:
    """Pass 1: every head as in `into`, the sender's z as in `from`; by mode MLPs and norms too."""
    into, source = s.cache["into"], s.cache["from"]
    layer_of, head_of = sender

    def freeze(activation, hook):
        activation[:] = into[hook.name]
        if hook.name == f"blocks.{layer_of}.attn.hook_z":
            activation[:, :, head_of] = source[hook.name][:, :, head_of]
        return activation

    sites = ["attn.hook_z"]
    if mode != "ioi":
        sites.append("hook_mlp_out")
    if mode == "linear":
        sites += ["ln1.hook_scale", "ln2.hook_scale"]
    hooks = [(f"blocks.{layer}.{site}", freeze) for layer in range(s.layers) for site in sites]
    return hooks + ([("ln_final.hook_scale", freeze)] if mode == "linear" else [])


def path(s: Story, mode: str, sender: tuple[int, int], receivers) -> float:
    """`receivers` are (hook name, head or None), or None for the logits."""
    kept = {}

    def keep(activation, hook):
        kept[hook.name] = activation.clone()
        return activation

    def put(head):
        def hook_function(activation, hook):
            at = (slice(None), slice(None), head) if head is not None else slice(None)
            activation[at] = kept[hook.name][at]
            return activation
        return hook_function

    first = frozen_hooks(s, mode, sender)
    if receivers is None:
        return s.good_logit(s.hooked("into", *first)).item()
    s.hooked("into", *first, *[(name, keep) for name, _ in receivers])
    return s.good_logit(s.hooked("into", *[(name, put(head)) for name, head in receivers])).item()


def paths(s: Story) -> None:
    last = s.layers - 1
    pair = [(f"blocks.{last}.attn.hook_q", 1), (f"blocks.{last - 1}.attn.hook_v", 0)]
    mlp = ["mlp.hook_pre"] + ["mlp.hook_pre_linear"] * s.model.cfg.gated_mlp
    targets = {"logits": None, "pair": pair,
               "mlp": [(f"blocks.{last - 1}.{hook}", None) for hook in mlp]}
    for mode, (name, receivers) in itertools.product(("ioi", "direct", "linear"), targets.items()):
        s.add("path", f"{mode}-{name}", s.walk([s.layers, s.heads], lambda senders: [
            path(s, mode, sender, receivers) for sender in senders]))
    for component in "" if s.kv_heads < s.heads or s.parallel else "qkv":
        values = get_act_patch_direct_path(
            s.model, s.tokens["into"], s.cache["from"], s.cache["into"], s.good_logit, 0, 1,
            component=component, verbose=False)
        s.add("path", f"theirs-{component}", values[1:])


# ---- generation ----


def generation(s: Story) -> None:
    tokens, edited = s.tokens["into"], s.tokens["into"]

    def zero(activation, hook):
        activation[:, :, 2] = 0.0
        return activation

    for _ in range(12):
        tokens = torch.cat([tokens, s.model(tokens)[:, -1:].argmax(-1)], 1)
        logits = s.model.run_with_hooks(edited, fwd_hooks=[("blocks.1.attn.hook_z", zero)])
        edited = torch.cat([edited, logits[:, -1:].argmax(-1)], 1)
    s.add("generate", "greedy", tokens[0, -12:].float())
    s.add("generate", "edited", edited[0, -12:].float())


def tell(s: Story, name: str, folder: Path = HERE) -> None:
    attributions(s, "into")
    attributions(s, "other")
    logit_lens(s, "into")
    metrics(s)
    patches_of_transformer_lens(s)
    patches_by_hooks(s)
    patch_all_layers(s)
    edits(s)
    heads(s)
    similarities(s)
    paths(s)
    generation(s)
    s.golden.write(name, folder)


def main(models: list[str]) -> None:
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)  # these products are too small to share
    generator = torch.Generator().manual_seed(7)
    drawn = torch.randint(300, 8000, (40,), generator=generator).tolist()
    lens = Lens(MODELS / "reviews-4m")
    start = lens.ids("")
    prompts = {"into": lens.ids("I love this movie because it is"),
               "from": lens.ids("I hate this movie because it is"),
               "other": lens.ids("The film was slow, but the ending made up for it"),
               "repeat": start + drawn[:12] * 2}
    if "reviews-4m" in models:
        tell(Story(lens, prompts, lens.word(" great"), lens.word(" bad")),
             "study-reviews-4m")
    # Random tokens: the two prompts differ in two places, with a shared start.
    into = start + drawn[12:20]
    source = into[:3] + [drawn[30], into[4], drawn[31]] + into[6:]
    prompts = {"into": into, "from": source, "other": start + drawn[20:25],
               "repeat": start + drawn[:7] * 2}
    if "random-3l5h" in models:
        tell(Story(Lens(RANDOM), prompts, drawn[32], drawn[33]), "study-random-3l5h")


if __name__ == "__main__":
    main(sys.argv[1:] or ["reviews-4m", "random-3l5h"])
