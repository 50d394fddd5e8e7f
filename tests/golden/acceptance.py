"""Every number of the tutorial's script, computed with TransformerLens for given prompts and words.

The names of the entries are those the tests ask Patchbay for; see tests/python/acceptance.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from lens import Lens


@dataclass(frozen=True)
class Story:
    """The prompts and words of one telling of the tutorial."""

    model: str  # a model folder, relative to the repository
    into: str  # "I love this movie because it is"
    source: str  # "I hate this movie because it is"; as many tokens
    variants: list[str]  # prompts for the table of logits
    words: list[str]  # two single tokens: " great", " bad"
    at: str  # the token of `into` that is patched
    attention_layer: int
    cases: list[tuple[str, str]]  # prompt, "positive" or "negative"
    neutral: str
    k: int = 5


def numbers(tensor: torch.Tensor):
    return tensor.double().tolist()


def top(lens: Lens, prompt: str, k: int) -> list[dict]:
    logits = lens.logits(prompt)
    probabilities = torch.softmax(logits.double(), dim=-1)
    return [
        {"token": lens.tokenizer.decode([i]), "probability": probabilities[i].item(),
         "logit": logits[i].item()}
        for i in logits.topk(k).indices.tolist()
    ]


def attribution(lens: Lens, prompt: str, word: str) -> dict:
    """Direct logit attribution at the last position, by component and by head."""
    logits, cache = lens.run(prompt)
    target = lens.word(word)
    direction = lens.model.W_U[:, target]
    sigma = cache["ln_final.hook_scale"][-1]

    def part(vector: torch.Tensor) -> float:
        return ((vector[-1] - vector[-1].mean()) @ direction).item()

    plain = {"embed": part(cache["hook_embed"]), "pos_embed": part(cache["hook_pos_embed"])}
    for layer in range(lens.n_layers):
        plain[f"L{layer}_attn"] = part(cache["attn_out", layer])
        plain[f"L{layer}_mlp"] = part(cache["mlp_out", layer])
    heads = [
        [(cache["z", layer][-1, head] @ lens.model.W_O[layer, head] @ direction / sigma).item()
         for head in range(lens.n_heads)]
        for layer in range(lens.n_layers)
    ]
    scaled = {name: value / sigma.item() for name, value in plain.items()}
    bias = lens.model.b_U[target].item()
    assert abs(sum(scaled.values()) + bias - logits[-1, target].item()) < 1e-4
    return {
        "components": scaled,
        "unscaled": plain,
        "heads": heads,
        "rest": sum(scaled.values()) - sum(map(sum, heads)),
        "bias": bias,
        "sum": sum(scaled.values()) + bias,
        "logit": logits[-1, target].item(),
    }


def largest(differences: dict[str, float], k: int) -> list[str]:
    return sorted(differences, key=lambda name: abs(differences[name]), reverse=True)[:k]


def patched(lens: Lens, story: Story, layer: int, position: int | slice) -> torch.Tensor:
    """Logits at the end of `into`, with resid_post at these positions taken from `source`."""
    source = lens.run(story.source)[1]["resid_post", layer]

    def hook(resid, hook):
        resid[:, position] = source[position]
        return resid

    return lens.model.run_with_hooks(
        lens.tensor(story.into), fwd_hooks=[(f"blocks.{layer}.hook_resid_post", hook)]
    )[0, -1]


def sweep(lens: Lens, story: Story, position: int | slice) -> list[float]:
    target = lens.word(story.words[0])
    return [patched(lens, story, layer, position)[target].item() for layer in range(lens.n_layers)]


def tell(lens: Lens, story: Story) -> dict:
    good, bad = (lens.word(word) for word in story.words)
    pair = [story.into, story.source]
    length = len(lens.ids(story.into))
    assert length == len(lens.ids(story.source)), "the two prompts differ in length"

    def table(prompts: list[str]) -> list[list[float]]:
        return [numbers(lens.logits(prompt)[[good, bad]]) for prompt in prompts]

    into, source = (attribution(lens, prompt, story.words[0]) for prompt in pair)
    components = {name: into["components"][name] - source["components"][name]
                  for name in into["components"]}
    heads = {f"L{layer}H{head}": into["heads"][layer][head] - source["heads"][layer][head]
             for layer in range(lens.n_layers) for head in range(lens.n_heads)}
    cases = table([prompt for prompt, _ in story.cases])
    return {
        "story": story.__dict__,
        "tokens": [lens.pieces(prompt) for prompt in pair],
        "top": [top(lens, prompt, story.k) for prompt in pair],
        "logits": table(pair),
        "variants": table(story.variants),
        "attribution": [into, source],
        "component_differences": components,
        "largest_components": largest(components, 10),
        "head_differences": heads,
        "largest_heads": largest(heads, 10),
        "patch_at": sweep(lens, story, lens.position(story.into, story.at)),
        "patch_last": sweep(lens, story, length - 1),
        "patch_all": sweep(lens, story, slice(None)),
        "patch_map": [
            [(lambda logits: (logits[good] - logits[bad]).item())(
                patched(lens, story, layer, position)) for position in range(length)]
            for layer in range(lens.n_layers)
        ],
        "pattern": numbers(lens.run(story.into)[1]["pattern", story.attention_layer]),
        "cases": cases,
        "cases_right": [
            (great > worse) == (expected == "positive")
            for (great, worse), (_, expected) in zip(cases, story.cases)
        ],
        "neutral": table([story.neutral])[0],
    }
