"""A GPT-2 of full size and random weights, and what the peers say of it: `tools/test peers`.

    python tests/golden/make_full_size.py VOCABULARY FOLDER

VOCABULARY holds GPT-2's vocab.json and merges.txt. FOLDER/model gets the model (124 million
parameters, 0.5 GB), FOLDER/model-full-size.* and study-full-size.* its goldens, as beside this
file. Nothing of it is committed: it is made afresh from a seed.

Activations, logits and weights are TransformerLens' in float64, with the error of its own float32
beside them, so that Patchbay is held to what float32 can do and not to another's rounding. The
sweeps are in float32, and of each some cells are drawn: TransformerLens computes one a pass.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import GPT2LMHeadModel

import make_study_goldens as study
from lens import START, Lens
from make_model_goldens import Golden, add_weights, hooks_of, unprocessed

LAYERS, WIDTH, MLP, CONTEXT, TOKENS = 12, 768, 3072, 1024, 50257
STEP = 97  # every STEP-th logit
CELLS = 32  # of a sweep


def make_model(vocabulary: Path, folder: Path) -> None:
    """Scaled so that scores have a spread of about 1.5, every block adds about as much as is there,
    and every gain and bias does something."""
    g = torch.Generator().manual_seed(124)

    def normal(size, *shape, mean=0.0):
        return mean + size * torch.randn(*shape, generator=g)

    weights = {
        "wte.weight": normal(0.14, TOKENS, WIDTH, mean=0.01),
        "wpe.weight": normal(0.08, CONTEXT, WIDTH, mean=-0.01),
        "ln_f.weight": normal(0.3, WIDTH, mean=1.2),
        "ln_f.bias": normal(0.2, WIDTH),
    }
    for layer in range(LAYERS):
        h = f"h.{layer}."
        weights |= {
            h + "ln_1.weight": normal(0.2, WIDTH, mean=1.0),
            h + "ln_1.bias": normal(0.2, WIDTH),
            h + "attn.c_attn.weight": normal(0.042, WIDTH, 3 * WIDTH, mean=0.001),
            h + "attn.c_attn.bias": normal(0.2, 3 * WIDTH),
            h + "attn.c_proj.weight": normal(0.012, WIDTH, WIDTH, mean=0.001),
            h + "attn.c_proj.bias": normal(0.02, WIDTH, mean=0.01),
            h + "ln_2.weight": normal(0.2, WIDTH, mean=1.0),
            h + "ln_2.bias": normal(0.2, WIDTH),
            h + "mlp.c_fc.weight": normal(0.042, WIDTH, MLP),
            h + "mlp.c_fc.bias": normal(0.2, MLP),
            h + "mlp.c_proj.weight": normal(0.006, MLP, WIDTH, mean=-0.0002),
            h + "mlp.c_proj.bias": normal(0.02, WIDTH, mean=-0.01),
        }
    config = {
        "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"],
        "activation_function": "gelu_new", "n_layer": LAYERS, "n_head": 12, "n_embd": WIDTH,
        "n_positions": CONTEXT, "n_ctx": CONTEXT, "vocab_size": TOKENS,
        "layer_norm_epsilon": 1e-05, "tie_word_embeddings": True,
        "bos_token_id": TOKENS - 1, "eos_token_id": TOKENS - 1,
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("vocab.json", "merges.txt"):
        shutil.copyfile(vocabulary / name, folder / name)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


# ---- activations, logits and weights ----


def error(single: torch.Tensor, double: torch.Tensor) -> torch.Tensor:
    off = single.double() - double
    off = off[torch.isfinite(off)]  # masked scores are minus infinity in both
    return off.square().mean().sqrt().reshape(1)


def add_with_error(golden: Golden, key: str, hooks: list[str], models, ids: torch.Tensor,
                   prefix: str = "") -> None:
    for model in models:
        model.set_use_attn_result(True)
    (logits, cache), (logits32, cache32) = (model.run_with_cache(ids) for model in models)
    for hook in hooks:
        value, single = cache[hook][0], cache32[hook][0]
        if hook.endswith("scale"):
            value, single = value[:, 0], single[:, 0]
        golden.add(f"{prefix}act {key} {hook}", value)
        golden.add(f"{prefix}error {key} {hook}", error(single, value))
    golden.add(f"{prefix}logits {key} {STEP}", logits[0, :, ::STEP])
    golden.add(f"{prefix}error {key} {STEP}", error(logits32[0, :, ::STEP], logits[0, :, ::STEP]))


def model_goldens(folder: Path, prompt: list[int], to: Path) -> None:
    exact, single, golden = Lens(folder, torch.float64), Lens(folder), Golden()
    ids = torch.tensor([prompt])
    golden.lines.append("prompt into " + " ".join(map(str, prompt)))
    add_with_error(golden, "into", hooks_of(LAYERS, (0, LAYERS - 1)), (exact.model, single.model),
                   ids)
    add_with_error(golden, "into", [f"blocks.{LAYERS - 1}.hook_resid_post"],
                   (unprocessed(exact), unprocessed(single)), ids, "raw-")
    theirs = GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float64)(ids).logits
    golden.add(f"raw-logits into {STEP}", theirs[0, :, ::STEP])  # transformers' own
    add_weights(golden, exact.model, (0, LAYERS // 2, LAYERS - 1))
    golden.add("rows W_E 512", exact.model.W_E[::512])
    golden.add("rows W_U 512", exact.model.W_U.T[::512])
    golden.write("model-full-size", to)


def main() -> None:
    vocabulary, to = Path(sys.argv[1]), Path(sys.argv[2])
    torch.set_grad_enabled(False)
    model = to / "model"
    make_model(vocabulary, model)
    generator = torch.Generator().manual_seed(7)
    drawn = torch.randint(300, TOKENS - 300, (40,), generator=generator).tolist()
    start = [json.loads((vocabulary / "vocab.json").read_text())[START]]
    into = start + drawn[:5]
    prompts = {"into": into, "from": into[:2] + [drawn[30], into[3], drawn[31]] + into[5:],
               "other": start + drawn[20:29], "repeat": start + drawn[10:17] * 2}
    model_goldens(model, prompts["into"], to)
    study.tell(study.Story(Lens(model), prompts, drawn[32], drawn[33], CELLS), "study-full-size", to)


if __name__ == "__main__":
    main()
