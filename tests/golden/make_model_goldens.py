"""Goldens for the model layer, and the random model that some of them are of.

    python tests/golden/make_model_goldens.py            goldens of both models
    python tests/golden/make_model_goldens.py --model    the random model first

A golden is two files: NAME.f32, the values of every entry one after the other as little-endian
float32, and NAME.txt, an entry a line with its shape, in the same order:

    prompt KEY ID...             the token ids of a prompt, no values
    act KEY HOOK SIZE...         an activation under TransformerLens' default processing
    logits KEY STEP SIZE...      logits [pos, token], every STEP-th token
    raw-act, raw-logits          the same of the unprocessed weights
    weight NAME LAYER SIZE...    a processed weight at a layer, "-" for those without
    rows NAME STEP SIZE...       every STEP-th row of a weight whose rows are tokens
    variant KEY VALUE STEP SIZE  logits of prompt a's last token with one setting of config.json
                                 changed, every STEP-th token
    error KEY HOOK 1             how far TransformerLens' own float32 is from an act or logits entry
                                 of float64: the root of the mean square (make_full_size.py alone)
"""

from __future__ import annotations

import copy
import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from transformer_lens import HookedTransformer
from transformer_lens.pretrained.weight_conversions import convert_gpt2_weights
from transformers import GPT2LMHeadModel

from lens import Lens, made_with

HERE = Path(__file__).parent
MODELS = HERE.parent.parent / "models"
RANDOM = HERE.parent / "models" / "random-3l5h"

PROMPT_A = "When Anna and Tom went to the shop"

LAYERS, HEADS, WIDTH, MLP, CONTEXT = 3, 5, 40, 72, 64


def make_random_model() -> None:
    """A GPT-2 of random weights, large enough that attention and norms do something.

    The file has what older exports have: names without "transformer." and causal masks as buffers.
    """
    g = torch.Generator().manual_seed(20)

    def normal(size, *shape, mean=0.0):
        return mean + size * torch.randn(*shape, generator=g)

    tokens = json.loads((MODELS / "reviews-4m" / "config.json").read_text())["vocab_size"]
    weights = {
        "wte.weight": normal(0.6, tokens, WIDTH, mean=0.1),
        "wpe.weight": normal(0.4, CONTEXT, WIDTH, mean=-0.1),
        "ln_f.weight": normal(0.4, WIDTH, mean=1.2),
        "ln_f.bias": normal(0.3, WIDTH),
    }
    for layer in range(LAYERS):
        h = f"h.{layer}."
        weights |= {
            h + "ln_1.weight": normal(0.4, WIDTH, mean=1.0),
            h + "ln_1.bias": normal(0.3, WIDTH),
            h + "attn.c_attn.weight": normal(0.22, WIDTH, 3 * WIDTH, mean=0.02),
            h + "attn.c_attn.bias": normal(0.3, 3 * WIDTH),
            h + "attn.c_proj.weight": normal(0.2, WIDTH, WIDTH, mean=0.03),
            h + "attn.c_proj.bias": normal(0.2, WIDTH, mean=0.1),
            h + "ln_2.weight": normal(0.4, WIDTH, mean=1.0),
            h + "ln_2.bias": normal(0.3, WIDTH),
            h + "mlp.c_fc.weight": normal(0.25, WIDTH, MLP),
            h + "mlp.c_fc.bias": normal(0.3, MLP),
            h + "mlp.c_proj.weight": normal(0.15, MLP, WIDTH, mean=-0.02),
            h + "mlp.c_proj.bias": normal(0.2, WIDTH, mean=-0.1),
        }
    weights["h.0.attn.bias"] = torch.tril(torch.ones(CONTEXT, CONTEXT))[None, None]
    config = {
        "model_type": "gpt2",
        "architectures": ["GPT2LMHeadModel"],
        "activation_function": "gelu_new",
        "n_layer": LAYERS,
        "n_head": HEADS,
        "n_embd": WIDTH,
        "n_inner": MLP,
        "n_positions": CONTEXT,
        "n_ctx": CONTEXT,
        "vocab_size": tokens,
        "layer_norm_epsilon": 1e-05,
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
        "tie_word_embeddings": True,
        "bos_token_id": tokens - 1,
        "eos_token_id": tokens - 1,
    }
    RANDOM.mkdir(parents=True, exist_ok=True)
    for name in ("vocab.json", "merges.txt"):
        shutil.copyfile(MODELS / "reviews-4m" / name, RANDOM / name)
    (RANDOM / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    save_file(weights, RANDOM / "model.safetensors", metadata={"format": "pt"})
    (RANDOM / "model.safetensors").chmod(0o644)


def unprocessed(lens: Lens) -> HookedTransformer:
    """The same folder with its weights as they are on disk."""
    cfg = copy.deepcopy(lens.model.cfg)
    cfg.normalization_type = "LN"
    model = HookedTransformer(cfg, move_to_device=False)
    hugging_face = GPT2LMHeadModel.from_pretrained(lens.folder, dtype=cfg.dtype)
    model.load_and_process_state_dict(
        convert_gpt2_weights(hugging_face, cfg), fold_ln=False, center_writing_weights=False,
        center_unembed=False, fold_value_biases=False,
    )
    return model.eval()


VARIANTS = {
    "activation_function": ["gelu", "relu", "silu"],
    "scale_attn_weights": [False],
    "scale_attn_by_inverse_layer_idx": [True],
    "layer_norm_epsilon": [0.25],
}


def add_variants(golden: Golden, prompt: str) -> None:
    """The random model with other settings than GPT-2's."""
    config = json.loads((RANDOM / "config.json").read_text())
    for key, values in VARIANTS.items():
        for value in values:
            with tempfile.TemporaryDirectory() as folder:
                shutil.copytree(RANDOM, folder, dirs_exist_ok=True)
                (Path(folder) / "config.json").write_text(json.dumps({**config, key: value}))
                logits = Lens(folder).logits(prompt)
            golden.add(f"variant {key} {json.dumps(value)} 64", logits[::64])


class Golden:
    """Entries as they are added, then the two files."""

    def __init__(self):
        self.lines = ["made " + " ".join(f"{k} {v}" for k, v in made_with().items())]
        self.values: list[np.ndarray] = []

    def add(self, head: str, tensor: torch.Tensor) -> None:
        array = tensor.detach().contiguous().float().numpy().astype("<f4")
        self.lines.append(head + "".join(f" {n}" for n in array.shape))
        self.values.append(array.ravel())

    def write(self, name: str, folder: Path = HERE) -> None:
        (folder / f"{name}.txt").write_text("\n".join(self.lines) + "\n")
        np.concatenate(self.values).tofile(folder / f"{name}.f32")


def hooks_of(layers: int, layers_with_result) -> list[str]:
    names = ["hook_embed", "hook_pos_embed", "ln_final.hook_scale", "ln_final.hook_normalized"]
    for layer in range(layers):
        b = f"blocks.{layer}."
        names += [b + n for n in (
            "hook_resid_pre", "hook_resid_mid", "hook_resid_post", "hook_attn_out", "hook_mlp_out",
            "ln1.hook_scale", "ln1.hook_normalized", "ln2.hook_scale", "ln2.hook_normalized",
            "attn.hook_q", "attn.hook_k", "attn.hook_v", "attn.hook_z", "attn.hook_attn_scores",
            "attn.hook_pattern", "mlp.hook_pre", "mlp.hook_post")]
        if layer in layers_with_result:
            names.append(b + "attn.hook_result")
    return names


def add_run(golden: Golden, model, ids: list[int], key: str, hooks: list[str], step: int,
            prefix: str = "") -> None:
    model.set_use_attn_result(True)
    logits, cache = model.run_with_cache(torch.tensor([ids]))
    for hook in hooks:
        value = cache[hook][0]
        golden.add(f"{prefix}act {key} {hook}", value[:, 0] if hook.endswith("scale") else value)
    golden.add(f"{prefix}logits {key} {step}", logits[0, :, ::step])


WEIGHTS = ("W_Q", "W_K", "W_V", "W_O", "W_in", "W_out",
           "b_Q", "b_K", "b_V", "b_O", "b_in", "b_out")


def add_weights(golden: Golden, model, layers) -> None:
    for name in WEIGHTS:
        for layer in layers:
            golden.add(f"weight {name} {layer}", getattr(model, name)[layer])
    golden.add("weight b_U -", model.b_U)
    golden.add("weight W_pos -", model.W_pos)


def random_goldens() -> None:
    lens, golden = Lens(RANDOM), Golden()
    prompts = {"a": lens.ids(PROMPT_A), "b": lens.ids("so bad, so good")}
    for key, ids in prompts.items():
        golden.lines.append(f"prompt {key} " + " ".join(map(str, ids)))
    every = hooks_of(LAYERS, range(LAYERS))
    add_run(golden, lens.model, prompts["a"], "a", every, 16)
    add_run(golden, lens.model, prompts["b"], "b", every, 16)
    add_run(golden, unprocessed(lens), prompts["a"], "a", every, 16, "raw-")
    add_weights(golden, lens.model, range(LAYERS))
    golden.add("rows W_E 64", lens.model.W_E[::64])
    golden.add("rows W_U 64", lens.model.W_U.T[::64])
    add_variants(golden, PROMPT_A)
    golden.write("model-random-3l5h")


def reviews_goldens() -> None:
    lens, golden = Lens(MODELS / "reviews-4m"), Golden()
    prompts = {"love": lens.ids("I love this movie because it is"),
               "other": lens.ids("The film was slow, but the ending made up for it. I would")}
    for key, ids in prompts.items():
        golden.lines.append(f"prompt {key} " + " ".join(map(str, ids)))
    layers = lens.n_layers
    add_run(golden, lens.model, prompts["love"], "love", hooks_of(layers, (0, layers - 1)), 8)
    add_run(golden, lens.model, prompts["other"], "other",
            [f"blocks.{layer}.hook_resid_post" for layer in range(layers)], 32)
    add_run(golden, unprocessed(lens), prompts["other"], "other", ["blocks.5.attn.hook_z"], 32,
            "raw-")
    golden.add("rows W_E 512", lens.model.W_E[::512])
    golden.add("rows W_U 512", lens.model.W_U.T[::512])
    golden.add("weight b_U -", lens.model.b_U)
    golden.write("model-reviews-4m")


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    if "--model" in sys.argv[1:]:
        make_random_model()
    random_goldens()
    reviews_goldens()
