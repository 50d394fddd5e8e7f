"""Models of folders in Hugging Face's layout, written as GGUF files as llama.cpp's converter does."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path

import numpy as np

U32, I32, F32, BOOL, TEXT, LIST = 4, 5, 6, 7, 8, 9
NUMBERS = {U32: "<I", I32: "<i", F32: "<f", BOOL: "<?"}
ALIGNMENT = 32

# What a tensor is called, by the end of its name in the folder; layers have a number between.
LLAMA = {"embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
         "input_layernorm": "attn_norm", "q_proj": "attn_q", "k_proj": "attn_k", "v_proj": "attn_v",
         "o_proj": "attn_output", "post_attention_layernorm": "ffn_norm", "gate_proj": "ffn_gate",
         "up_proj": "ffn_up", "down_proj": "ffn_down"}
NEOX = {"embed_in": "token_embd", "final_layer_norm": "output_norm", "embed_out": "output", "lm_head": "output",
        "input_layernorm": "attn_norm", "query_key_value": "attn_qkv", "attention.dense": "attn_output",
        "post_attention_layernorm": "ffn_norm", "dense_h_to_4h": "ffn_up", "dense_4h_to_h": "ffn_down"}
GPT2 = {"wte": "token_embd", "wpe": "position_embd", "ln_f": "output_norm", "ln_1": "attn_norm",
        "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "ln_2": "ffn_norm", "mlp.c_fc": "ffn_up",
        "mlp.c_proj": "ffn_down"}
ARCHITECTURES = {"llama": ("llama", LLAMA), "qwen2": ("qwen2", LLAMA), "gpt_neox": ("gptneox", NEOX),
                 "gpt2": ("gpt2", GPT2)}


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """What a safetensors file holds, as float32."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    types = {"F32": np.float32, "F16": np.float16, "F64": np.float64}
    return {name: np.frombuffer(data, types[info["dtype"]], offset=8 + size + info["data_offsets"][0],
                                count=math.prod(info["shape"])).reshape(info["shape"]).astype(np.float32)
            for name, info in header.items() if name != "__metadata__"}


def text(string: str) -> bytes:
    return struct.pack("<Q", len(string.encode())) + string.encode()


def entry(key: str, kind: int, value) -> bytes:
    def item(each) -> bytes:
        return text(each) if kind == TEXT else struct.pack(NUMBERS[kind], each)

    if isinstance(value, list):
        return text(key) + struct.pack("<IIQ", LIST, kind, len(value)) + b"".join(map(item, value))
    return text(key) + struct.pack("<I", kind) + item(value)


def write(path: Path, entries: list[tuple], tensors: dict[str, np.ndarray]) -> None:
    header, data = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(entries))], b""
    header += [entry(*each) for each in entries]
    for name, values in tensors.items():
        header.append(text(name) + struct.pack("<I", values.ndim)
                      + struct.pack(f"<{values.ndim}Q", *reversed(values.shape)) + struct.pack("<IQ", 0, len(data)))
        data += values.astype("<f4").tobytes()
        data += bytes(-len(data) % ALIGNMENT)
    whole = b"".join(header)
    path.write_bytes(whole + bytes(-len(whole) % ALIGNMENT) + data)


def renamed(name: str, names: dict[str, str]) -> str | None:
    """None for what is only a mask."""
    stem, kind = name.rsplit(".", 1)
    part = next((new for old, new in names.items() if stem.endswith(old)), None)
    if part is None:
        return None
    layer = [word for word in stem.split(".") if word.isdigit()]
    return f"blk.{layer[0]}.{part}.{kind}" if layer else f"{part}.{kind}"


def paired(values: np.ndarray, heads: int) -> np.ndarray:
    """Dimensions i and i + half of a head side by side."""
    rows = values.shape[0]
    return values.reshape(heads, 2, rows // heads // 2, -1).swapaxes(1, 2).reshape(values.shape)


def sections(values: np.ndarray, heads: int) -> np.ndarray:
    """q, k and v of each head; then all of q, all of k, all of v."""
    return values.reshape(heads, 3, values.shape[0] // heads // 3, -1).swapaxes(0, 1).reshape(values.shape)


def as_gguf(name: str, values: np.ndarray, config: dict) -> np.ndarray:
    family, part = config["model_type"], name.split(".")[-2]
    if family == "llama" and part in ("attn_q", "attn_k"):
        return paired(values, config["num_attention_heads" if part == "attn_q" else "num_key_value_heads"])
    if family == "gpt_neox" and part == "attn_qkv":
        return sections(values, config["num_attention_heads"])
    if family == "gpt2" and name.startswith("blk") and values.ndim == 2:
        return values.T
    return values


def rope_factors(config: dict) -> np.ndarray | None:
    """What Llama 3's scaling divides each frequency by."""
    scaling = config.get("rope_scaling") or {}
    if scaling.get("rope_type") != "llama3":
        return None
    low, high, factor = scaling["low_freq_factor"], scaling["high_freq_factor"], scaling["factor"]
    context, d_head = scaling["original_max_position_embeddings"], config["head_dim"]
    factors = []
    for i in range(d_head // 2):
        wave = 2 * math.pi * config["rope_theta"] ** (2 * i / d_head)
        smooth = (context / wave - low) / (high - low)
        factors.append(factor if wave > context / low else 1.0 if wave < context / high
                       else 1 / ((1 - smooth) / factor + smooth))
    return np.array(factors, dtype=np.float32)


def metadata(config: dict, tokens: list[str], merges: list[str]) -> list[tuple]:
    architecture = ARCHITECTURES[config["model_type"]][0]

    def given(*names):
        return next((config[name] for name in names if config.get(name) is not None), None)

    rope = config.get("rope_parameters") or {}
    heads, width = given("num_attention_heads", "n_head"), given("hidden_size", "n_embd")
    d_head = config.get("head_dim") or width // heads
    rows = [("block_count", U32, given("num_hidden_layers", "n_layer")), ("embedding_length", U32, width),
            ("attention.head_count", U32, heads), ("attention.head_count_kv", U32, given("num_key_value_heads")),
            ("attention.key_length", U32, config.get("head_dim")),
            ("feed_forward_length", U32, given("intermediate_size", "n_inner") or 4 * width),
            ("context_length", U32, given("max_position_embeddings", "n_positions")),
            ("attention.layer_norm_rms_epsilon", F32, given("rms_norm_eps")),
            ("attention.layer_norm_epsilon", F32, given("layer_norm_eps", "layer_norm_epsilon")),
            ("rope.freq_base", F32, given("rope_theta", "rotary_emb_base") or rope.get("rope_theta")),
            ("rope.dimension_count", U32, int(config["rotary_pct"] * d_head) if "rotary_pct" in config else None),
            ("use_parallel_residual", BOOL, config.get("use_parallel_residual"))]
    return ([("general.architecture", TEXT, architecture)]
            + [(f"{architecture}.{key}", kind, value) for key, kind, value in rows if value is not None]
            + [("tokenizer.ggml.model", TEXT, "gpt2"), ("tokenizer.ggml.pre", TEXT, "gpt-2"),
               ("tokenizer.ggml.tokens", TEXT, tokens), ("tokenizer.ggml.merges", TEXT, merges),
               ("tokenizer.ggml.token_type", I32, [3 if t == "<|endoftext|>" else 1 for t in tokens]),
               ("tokenizer.ggml.bos_token_id", U32, tokens.index("<|endoftext|>")),
               ("tokenizer.ggml.eos_token_id", U32, tokens.index("<|endoftext|>"))])


def convert(folder: Path, path: Path) -> None:
    """The model of a folder as a GGUF file of float32."""
    config = json.loads((folder / "config.json").read_text())
    vocabulary = json.loads((folder / "vocab.json").read_text())
    merges = [line for line in (folder / "merges.txt").read_text().splitlines() if line and not line.startswith("#version")]
    names = ARCHITECTURES[config["model_type"]][1]
    tensors = {}
    for name, values in read_tensors(folder / "model.safetensors").items():
        if ".mlp." in name and name.endswith(".bias") and not config.get("mlp_bias", True):
            continue  # which the folder's configuration passes over; a GGUF file has what is used
        new = renamed(name, names)
        if new is not None:
            tensors[new] = np.ascontiguousarray(as_gguf(new, values, config))
    factors = rope_factors(config)
    if factors is not None:
        tensors["rope_freqs.weight"] = factors
    write(path, metadata(config, sorted(vocabulary, key=vocabulary.get), merges), tensors)
