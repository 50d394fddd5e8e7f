#!/usr/bin/env python3
"""A GPT-2 of random weights, for measuring: python random_gpt2.py FOLDER [--size 124m]

Only its shape matters to how long things take, so the weights come from one block of normally
distributed numbers, read from a new place for each tensor; they are scaled so that attention and
layer norms do something. The vocabulary is made up too: bytes, then pairs of bytes. Needs nothing
but Python; prints the folder. Does nothing when it is there already.
"""

from __future__ import annotations

import argparse
import array
import json
import random
import struct
import sys
from pathlib import Path

# layers, heads, width, context, vocabulary. 4m is that of models/reviews-4m, 82m distilgpt2's.
SIZES = {
    "4m": (6, 6, 192, 256, 8192),
    "30m": (6, 6, 384, 1024, 50257),
    "82m": (6, 12, 768, 1024, 50257),
    "124m": (12, 12, 768, 1024, 50257),
    "355m": (24, 16, 1024, 1024, 50257),
}
BLOCK = 1_000_003  # a prime, so that no row repeats the one above it
VERSION = "1"
START = "<|endoftext|>"


def tensors(layers: int, width: int, context: int, words: int):
    """(name, shape, mean, deviation) of every tensor, in GPT-2's layout."""
    def norm(name):
        yield name + ".weight", (width,), 1.0, 0.3
        yield name + ".bias", (width,), 0.0, 0.1

    def linear(name, n_in, n_out, size):
        yield name + ".weight", (n_in, n_out), 0.0, size * (768 / width) ** 0.5
        yield name + ".bias", (n_out,), 0.0, 0.1

    yield "transformer.wte.weight", (words, width), 0.0, 0.14
    yield "transformer.wpe.weight", (context, width), 0.0, 0.1
    for layer in range(layers):
        h = f"transformer.h.{layer}."
        yield from norm(h + "ln_1")
        yield from linear(h + "attn.c_attn", width, 3 * width, 0.06)
        yield from linear(h + "attn.c_proj", width, width, 0.05)
        yield from norm(h + "ln_2")
        yield from linear(h + "mlp.c_fc", width, 4 * width, 0.05)
        yield from linear(h + "mlp.c_proj", 4 * width, width, 0.05)
    yield from norm("transformer.ln_f")


class Numbers:
    """Runs of float32, little-endian, from scaled copies of one block."""

    def __init__(self, seed: int):
        source = random.Random(seed)
        self.block = [source.gauss(0.0, 1.0) for _ in range(BLOCK)]
        self.scaled: dict[tuple[float, float], bytes] = {}
        self.at = 0

    def take(self, count: int, mean: float, deviation: float) -> list[bytes]:
        key = (mean, deviation)
        if key not in self.scaled:
            values = array.array("f", (mean + deviation * x for x in self.block))
            if sys.byteorder == "big":
                values.byteswap()
            self.scaled[key] = values.tobytes()
        data, parts = self.scaled[key], []
        while count:
            n = min(count, BLOCK - self.at)
            parts.append(data[4 * self.at:4 * (self.at + n)])
            self.at = (self.at + n) % BLOCK
            count -= n
        return parts


def write_weights(path: Path, layers: int, width: int, context: int, words: int) -> None:
    header, offset, rows = {"__metadata__": {"format": "pt"}}, 0, []
    for name, shape, mean, deviation in tensors(layers, width, context, words):
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "F32", "shape": shape,
                        "data_offsets": [offset, offset + 4 * count]}
        offset += 4 * count
        rows.append((count, mean, deviation))
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    numbers = Numbers(seed=20)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for row in rows:
            file.writelines(numbers.take(*row))


def byte_letters() -> list[str]:
    """GPT-2's letter for each byte: itself where it prints, else one from 256 on."""
    letters, extra = [], 256
    for byte in range(256):
        if 33 <= byte <= 126 or 161 <= byte <= 172 or 174 <= byte:
            letters.append(chr(byte))
        else:
            letters.append(chr(extra))
            extra += 1
    return letters


def write_vocabulary(folder: Path, words: int) -> None:
    letters = byte_letters()
    pairs = [(letters[i // 256], letters[i % 256]) for i in range(words - 257)]
    texts = [*letters, *(a + b for a, b in pairs), START]
    (folder / "vocab.json").write_text(
        json.dumps({text: i for i, text in enumerate(texts)}, ensure_ascii=False), "utf-8")
    (folder / "merges.txt").write_text(
        "#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in pairs), "utf-8")


def write_config(folder: Path, shape: tuple[int, ...]) -> None:
    layers, heads, width, context, words = shape
    (folder / "config.json").write_text(json.dumps({
        "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"],
        "activation_function": "gelu_new", "n_layer": layers, "n_head": heads, "n_embd": width,
        "n_inner": None, "n_positions": context, "n_ctx": context, "vocab_size": words,
        "layer_norm_epsilon": 1e-05, "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False, "tie_word_embeddings": True,
        "bos_token_id": words - 1, "eos_token_id": words - 1,
    }, indent=2) + "\n")


def make(folder: Path, size: str) -> Path:
    """The model of that size in `folder`; made if it is not there."""
    stamp, mark = folder / "patchbay-random", f"{VERSION} {size}\n"
    if stamp.exists() and stamp.read_text() == mark:
        return folder
    layers, _, width, context, words = SIZES[size]
    folder.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    write_weights(folder / "model.safetensors", layers, width, context, words)
    write_vocabulary(folder, words)
    write_config(folder, SIZES[size])
    stamp.write_text(mark)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", choices=SIZES, default="124m")
    arguments = parser.parse_args()
    print(make(arguments.folder, arguments.size))


if __name__ == "__main__":
    main()
