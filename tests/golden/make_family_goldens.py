"""Goldens for the families beside GPT-2, and the random models that they are of.

    python tests/golden/make_family_goldens.py [--models] [llama] [qwen2] [gpt_neox]

The files are as in make_model_goldens.py and make_study_goldens.py. Random models hide errors, so
every parameter is random, norms and biases too, with gains far from 1; head_dim is not d_model /
n_head; heads are grouped, 6 on 2; and Llama 3's scaling has an original context of 32, of 64 tokens.

TransformerLens knows no biases of Llama's attention: its state gets them here. What it gives is
held against transformers in float64, logits less their mean at each position, before it is written.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformer_lens import HookedTransformer, HookedTransformerConfig
from transformer_lens.pretrained import weight_conversions
from transformers import AutoConfig, AutoModelForCausalLM

import make_study_goldens as study
from make_model_goldens import HERE, Golden, add_run
from lens import START

MODELS = HERE.parent / "models"
LAYERS, TOKENS, CONTEXT, MLP = 3, 320, 64, 72

CONFIGS = {
    "llama": {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 42,
        "num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 16, "hidden_act": "silu",
        "rms_norm_eps": 1e-5, "attention_bias": True, "mlp_bias": False, "rope_theta": 500.0,
        "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                         "high_freq_factor": 4.0, "original_max_position_embeddings": 32},
        "tie_word_embeddings": False},
    "qwen2": {
        "model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"], "hidden_size": 42,
        "num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 16, "hidden_act": "silu",
        "rms_norm_eps": 1e-6, "use_sliding_window": False,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1000.0},
        "tie_word_embeddings": True},
    "gpt_neox": {
        "model_type": "gpt_neox", "architectures": ["GPTNeoXForCausalLM"], "hidden_size": 48,
        "num_attention_heads": 4, "hidden_act": "gelu", "layer_norm_eps": 1e-5, "rotary_pct": 0.5,
        "rotary_emb_base": 300, "use_parallel_residual": True, "attention_bias": True,
        "tie_word_embeddings": False},
}


# Settings that those have not: what config.json says last counts, for json as for the kernel.
VARIANTS = {
    "llama": [
        {"attention_bias": False}, {"mlp_bias": True}, {"rope_scaling": None},
        {"rope_scaling": {"type": "linear", "factor": 4.0}}, {"rope_theta": 50.0},
        {"rope_scaling": None, "rope_theta": None, "rope_parameters": {
            "rope_type": "llama3", "rope_theta": 300.0, "factor": 4.0, "low_freq_factor": 1.0,
            "high_freq_factor": 2.0, "original_max_position_embeddings": 16}},
        {"rms_norm_eps": 0.25}, {"hidden_act": "gelu_pytorch_tanh"}],
    "qwen2": [
        {"rope_parameters": None, "rope_theta": 70.0}, {"rms_norm_eps": 0.25},
        {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 90.0}},
        {"hidden_act": "relu"}],
    "gpt_neox": [
        {"use_parallel_residual": False}, {"rotary_pct": 1.0}, {"rotary_pct": 0.34},
        {"attention_bias": False}, {"hidden_act": "gelu_new"}, {"layer_norm_eps": 0.25},
        {"rotary_emb_base": 30}],
}


# ---- the random models ----


def shapes(hugging_face) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in hugging_face.state_dict().items()}


def random_weight(name: str, shape, g: torch.Generator) -> torch.Tensor:
    drawn = torch.randn(*shape, generator=g)
    if "norm" in name:
        return 1.1 + 0.4 * drawn if name.endswith("weight") else 0.3 * drawn
    if name.endswith("bias"):
        return 0.3 * drawn + 0.1
    if "embed_tokens" in name or "embed_in" in name:
        return 0.6 * drawn + 0.1
    return 1.3 * drawn / shape[-1] ** 0.5 + 0.02


def byte_letters() -> list[str]:
    """The letters by which a byte-level vocabulary writes the 256 bytes, as GPT-2's does."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [b for b in range(256) if b not in shown]
    return [chr(b) for b in shown] + [chr(256 + i) for i in range(len(hidden))]


def write_vocabulary(folder: Path) -> None:
    letters = byte_letters()
    pairs = [(a, b) for a in "\u0120aeiou" for b in "nrstlmdcgw"][:TOKENS - 257]
    words = letters + ["".join(pair) for pair in pairs]
    words += [f"<{i}>" for i in range(TOKENS - 1 - len(words))] + [START]
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    lines = ["#version: 0.2"] + [" ".join(pair) for pair in pairs]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n")


def make_model(family: str) -> None:
    folder = MODELS / f"{family}-3l"
    folder.mkdir(parents=True, exist_ok=True)
    config = CONFIGS[family] | {
        "vocab_size": TOKENS, "max_position_embeddings": CONTEXT, "intermediate_size": MLP,
        "num_hidden_layers": LAYERS, "bos_token_id": TOKENS - 1, "eos_token_id": TOKENS - 1}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    write_vocabulary(folder)
    empty = AutoModelForCausalLM.from_config(
        AutoConfig.from_pretrained(folder, **({"mlp_bias": True} if family == "llama" else {})))
    g = torch.Generator().manual_seed(20)
    weights = {name: random_weight(name, shape, g) for name, shape in shapes(empty).items()
               if not (config["tie_word_embeddings"] and name == "lm_head.weight")
               and not name.endswith("inv_freq")}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)


# ---- TransformerLens ----


def lens_config(folder: Path, dtype: torch.dtype) -> HookedTransformerConfig:
    c = json.loads((folder / "config.json").read_text())
    heads, width = c["num_attention_heads"], c["hidden_size"]
    d_head = c.get("head_dim") or width // heads
    rms = "rms_norm_eps" in c
    rope = c.get("rope_parameters") or {}
    scaling = c.get("rope_scaling") or {}
    more = {}
    if scaling:
        more = {"use_NTK_by_parts_rope": True, "NTK_by_parts_factor": scaling["factor"],
                "NTK_by_parts_low_freq_factor": scaling["low_freq_factor"],
                "NTK_by_parts_high_freq_factor": scaling["high_freq_factor"],
                "NTK_original_ctx_len": scaling["original_max_position_embeddings"]}
    return HookedTransformerConfig(
        model_name=folder.name, d_model=width, d_head=d_head, n_heads=heads,
        n_key_value_heads=c.get("num_key_value_heads"), d_mlp=c["intermediate_size"],
        n_layers=c["num_hidden_layers"], n_ctx=c["max_position_embeddings"],
        eps=c["rms_norm_eps"] if rms else c["layer_norm_eps"], d_vocab=c["vocab_size"],
        act_fn=c["hidden_act"], normalization_type="RMS" if rms else "LN", final_rms=rms,
        gated_mlp=rms, positional_embedding_type="rotary", rotary_adjacent_pairs=False,
        rotary_dim=int(d_head * c.get("rotary_pct", 1)),
        rotary_base=rope.get("rope_theta") or c.get("rope_theta") or c.get("rotary_emb_base"),
        parallel_attn_mlp=c.get("use_parallel_residual", False),
        original_architecture=c["architectures"][0], device="cpu", dtype=dtype, **more)


def llama_biases(hugging_face, cfg, state: dict) -> None:
    for n, layer in enumerate(hugging_face.model.layers):
        at = f"blocks.{n}.attn."
        state[at + "b_Q"] = layer.self_attn.q_proj.bias.reshape(-1, cfg.d_head)
        state[at + "_b_K"] = layer.self_attn.k_proj.bias.reshape(-1, cfg.d_head)
        state[at + "_b_V"] = layer.self_attn.v_proj.bias.reshape(-1, cfg.d_head)
        state[at + "b_O"] = layer.self_attn.o_proj.bias


def state_of(family: str, hugging_face, cfg) -> dict:
    convert = {"llama": weight_conversions.convert_llama_weights,
               "qwen2": weight_conversions.convert_qwen2_weights,
               "gpt_neox": weight_conversions.convert_neox_weights}[family]
    state = convert(hugging_face, cfg)
    if family == "llama":
        llama_biases(hugging_face, cfg, state)
    return {name: value.detach().clone() for name, value in state.items()}


class FamilyLens:
    """What lens.Lens is to GPT-2."""

    def __init__(self, family: str, processed: bool = True, dtype: torch.dtype = torch.float32):
        torch.set_grad_enabled(False)
        self.family, self.folder = family, MODELS / f"{family}-3l"
        cfg = lens_config(self.folder, dtype)
        hugging_face = AutoModelForCausalLM.from_pretrained(self.folder, dtype=dtype)
        self.model = HookedTransformer(cfg, move_to_device=False)
        self.model.load_and_process_state_dict(
            state_of(family, hugging_face, cfg), fold_ln=processed, center_unembed=processed,
            center_writing_weights=processed and cfg.normalization_type == "LN",
            fold_value_biases=processed)
        self.model.eval()
        self.n_layers, self.n_heads = cfg.n_layers, cfg.n_heads
        self.n_kv_heads = cfg.n_key_value_heads or cfg.n_heads
        self.parallel = cfg.parallel_attn_mlp


def check_reference(lens: FamilyLens, ids: list[int]) -> None:
    exact = AutoModelForCausalLM.from_pretrained(lens.folder, dtype=torch.float64).eval()
    logits = exact(torch.tensor([ids])).logits[0]
    logits = logits - logits.mean(-1, keepdim=True)
    off = (lens.model(torch.tensor([ids]))[0].double() - logits).abs().max().item()
    print(f"{lens.family}: TransformerLens is {off:.2g} from transformers in float64, of logits up "
          f"to {logits.abs().max().item():.3g}")
    assert off < 2e-4 * logits.abs().max().item(), off


# ---- the goldens ----


def hooks_of(lens: FamilyLens) -> list[str]:
    names = ["hook_embed", "ln_final.hook_scale", "ln_final.hook_normalized"]
    for layer in range(lens.n_layers):
        of_layer = ["hook_resid_pre", "hook_resid_post", "hook_attn_out", "hook_mlp_out",
                    "ln1.hook_scale", "ln1.hook_normalized", "ln2.hook_scale",
                    "ln2.hook_normalized", "attn.hook_q", "attn.hook_k", "attn.hook_v",
                    "attn.hook_rot_q", "attn.hook_rot_k", "attn.hook_attn_scores",
                    "attn.hook_pattern", "attn.hook_z", "attn.hook_result", "mlp.hook_pre",
                    "mlp.hook_post"]
        if not lens.parallel:
            of_layer.append("hook_resid_mid")
        if lens.model.cfg.gated_mlp:
            of_layer.append("mlp.hook_pre_linear")
        names += [f"blocks.{layer}.{name}" for name in of_layer]
    return names


def add_weights(golden: Golden, lens: FamilyLens) -> None:
    names = ["W_Q", "W_K", "W_V", "W_O", "W_in", "W_out", "b_Q", "b_K", "b_V", "b_O", "b_in",
             "b_out"]
    if lens.model.cfg.gated_mlp:
        names.append("W_gate")
    for name in names:
        for layer, block in enumerate(lens.model.blocks):
            part = block.mlp if name in ("W_in", "W_out", "W_gate", "b_in", "b_out") else block.attn
            own = getattr(part, "_" + name, None)  # by kv_head, where heads are grouped
            golden.add(f"weight {name} {layer}", getattr(part, name) if own is None else own)
    golden.add("weight b_U -", lens.model.b_U)
    golden.add("rows W_E 8", lens.model.W_E[::8])
    golden.add("rows W_U 8", lens.model.W_U.T[::8])


def model_goldens(family: str, prompts: dict[str, list[int]]) -> None:
    lens, golden = FamilyLens(family), Golden()
    for key in ("long", "into"):
        golden.lines.append(f"prompt {key} " + " ".join(map(str, prompts[key])))
        check_reference(lens, prompts[key])
    add_run(golden, lens.model, prompts["into"], "into", hooks_of(lens), 4)
    some = [f"blocks.{layer}.{name}" for layer in range(LAYERS)
            for name in ("attn.hook_rot_q", "attn.hook_rot_k", "hook_resid_post")]
    add_run(golden, lens.model, prompts["long"], "long", some, 16)
    add_run(golden, FamilyLens(family, processed=False).model, prompts["into"], "into",
            hooks_of(lens), 4, "raw-")
    add_weights(golden, lens)
    golden.write(f"model-{family}-3l")


def variant_goldens(family: str, prompt: list[int]) -> None:
    """Logits of the last position by transformers in float64, less their mean."""
    golden = Golden()
    golden.lines.append("prompt long " + " ".join(map(str, prompt)))
    config = json.loads((MODELS / f"{family}-3l" / "config.json").read_text())
    for change in VARIANTS[family]:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(MODELS / f"{family}-3l", folder, dirs_exist_ok=True)
            (Path(folder) / "config.json").write_text(json.dumps({**config, **change}))
            model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64).eval()
            logits = model(torch.tensor([prompt])).logits[0, -1]
        keys = json.dumps(change, separators=(",", ":"))[1:-1]
        golden.add(f"variant {keys} - 1", logits - logits.mean())
    golden.write(f"variants-{family}-3l")


def main(arguments: list[str]) -> None:
    families = [name for name in CONFIGS if name in arguments] or list(CONFIGS)
    torch.set_num_threads(1)
    g = torch.Generator().manual_seed(7)
    for family in families:
        if "--models" in arguments:
            make_model(family)
        start = [TOKENS - 1]
        drawn = torch.randint(0, 300, (120,), generator=g).tolist()
        into = start + drawn[12:20]
        prompts = {"into": into,
                   "from": into[:3] + [drawn[30], into[4], drawn[31]] + into[6:],
                   "other": start + drawn[20:25], "repeat": start + drawn[:7] * 2,
                   "long": start + drawn[50:50 + CONTEXT - 1]}
        model_goldens(family, prompts)
        variant_goldens(family, prompts["long"])
        study.STEP = 8
        study.tell(study.Story(FamilyLens(family), prompts, drawn[32], drawn[33]),
                   f"study-{family}-3l")


if __name__ == "__main__":
    main(sys.argv[1:])
