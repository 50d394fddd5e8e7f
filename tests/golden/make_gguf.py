#!/usr/bin/env python3
"""Writes small GGUF files, and what the reference reads in them, for tests/io/test_gguf.c.

    make_gguf.py OUT_FOLDER

Needs the package `gguf` (its reader and its quants are the reference); make_gguf.versions, written
beside, says which. gguf-types.gguf has a tensor of each type that Patchbay reads, their blocks of
random bytes with scales that are finite; gguf-types.f32 has their values, tensor by tensor in the
order of the file, as float32. Its metadata has a value of each type. gguf-words.gguf and
gguf-pieces.gguf have small tokenizers, byte-level and of pieces, for tests/tokenizer/test_kinds.c.
"""
import pathlib
import sys

import gguf
import numpy as np

random = np.random.default_rng(17)
TYPES = gguf.GGMLQuantizationType


def blocks(rows, width, halves, size):
    """Rows of quantised blocks of 32: `halves` scales of any finite half, then any bytes."""
    n = rows * width // 32
    scales = random.integers(0, 1 << 16, (n, halves)).astype(np.uint16)
    scales[(scales & 0x7C00) == 0x7C00] ^= 0x4000
    rest = random.integers(0, 256, (n, size - 2 * halves)).astype(np.uint8)
    return np.concatenate([scales.view(np.uint8).reshape(n, 2 * halves), rest], axis=1).reshape(rows, -1)


def finite_halves(*shape):
    bits = random.integers(0, 1 << 16, shape).astype(np.uint16)
    bits[(bits & 0x7C00) == 0x7C00] ^= 0x4000
    return bits.view(np.float16)


def brains(*shape):
    bits = random.integers(0, 1 << 16, shape).astype(np.uint16)
    bits[(bits & 0x7F80) == 0x7F80] ^= 0x4000
    return bits.view(np.uint8)


TENSORS = [
    ("singles", random.standard_normal((3, 5)).astype(np.float32), None),
    ("halves", finite_halves(7, 3), None),
    ("brains", brains(4, 6), TYPES.BF16),
    ("doubles", random.standard_normal(9), None),
    ("eights", blocks(5, 96, 1, 34), TYPES.Q8_0),
    ("fours", blocks(6, 64, 1, 18), TYPES.Q4_0),
    ("fours_with_least", blocks(4, 160, 2, 20), TYPES.Q4_1),
    ("three_axes", finite_halves(2, 3, 4), None),
    ("blk.0.attn_q.weight", blocks(24, 32, 2, 20), TYPES.Q4_1),
    ("blk.0.attn_q.bias", np.arange(24, dtype=np.float32), None),
]


def write(path, alignment=None):
    writer = gguf.GGUFWriter(path, "llama")
    if alignment:
        writer.add_custom_alignment(alignment)
    writer.add_uint8("test.u8", 200)
    writer.add_int8("test.i8", -100)
    writer.add_uint16("test.u16", 60000)
    writer.add_int16("test.i16", -30000)
    writer.add_uint32("test.u32", 4000000000)
    writer.add_int32("test.i32", -2000000000)
    writer.add_float32("test.f32", 0.1)
    writer.add_bool("test.bool", True)
    writer.add_string("test.text", "é and <|x|>")
    writer.add_array("test.texts", ["a", "", "Ġb"])
    writer.add_array("test.numbers", [1, -2, 3])
    writer.add_uint64("test.u64", (1 << 63) - 1)
    writer.add_int64("test.i64", -(1 << 62))
    writer.add_float64("test.f64", 1e300)
    for name, values, kind in TENSORS:
        if kind is None:
            writer.add_tensor(name, values)
        else:
            writer.add_tensor(name, values, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def values(path):
    result = []
    for tensor in gguf.GGUFReader(path).tensors:
        shape = [int(side) for side in reversed(tensor.shape)]
        data = np.asarray(tensor.data)
        if tensor.tensor_type not in (TYPES.F32, TYPES.F64):
            data = gguf.quants.dequantize(data, tensor.tensor_type)
        with np.errstate(over="ignore"):
            result.append(data.astype(np.float32).reshape(shape).ravel())
    return np.concatenate(result)


def byte_symbols():
    itself = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in itself]
    written = {byte: chr(byte) for byte in itself} | {byte: chr(0x100 + i) for i, byte in enumerate(others)}
    return [written[byte] for byte in range(256)]


def write_words(path):
    """Every byte but 0x00 and 0xFF, some merges, a token that marks something and one of a user's."""
    writer = gguf.GGUFWriter(path, "llama")
    tokens = byte_symbols()
    merges = ["a b", "Ġ ab", "1 2", "Ġ Ġ"]
    tokens = [t for i, t in enumerate(tokens) if i not in (0, 255)] + [m.replace(" ", "") for m in merges]
    kinds = [1] * len(tokens) + [3, 4]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens + ["<|end|>", "<user>"])
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    writer.add_bos_token_id(len(tokens))
    writer.add_add_bos_token(False)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def write_pieces(path):
    """The better score is merged first: "ab" before "bc"."""
    writer = gguf.GGUFWriter(path, "llama")
    pieces = ["\u2581", "a", "b", "c", "ab", "bc", "\u2581a", "\u2581ab", "abc", "\u2581\u2581"]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)] + pieces)
    writer.add_token_scores([0.0] * 259 + [-100.0] * 4 + [-1.0, -2.0, -3.0, -4.0, -5.0, -6.0])
    writer.add_token_types([2, 3, 3] + [6] * 256 + [1] * len(pieces))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(True)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def main():
    folder = pathlib.Path(sys.argv[1])
    types = folder / "gguf-types.gguf"
    write(types)
    write_words(folder / "gguf-words.gguf")
    write_pieces(folder / "gguf-pieces.gguf")
    write(folder / "gguf-aligned.gguf", alignment=64)
    read = values(types)
    assert np.array_equal(read, values(folder / "gguf-aligned.gguf"))
    read.astype("<f4").tofile(folder / "gguf-types.f32")
    from importlib.metadata import version
    (folder / "make_gguf.versions").write_text(f"gguf {version('gguf')}, numpy {version('numpy')}\n")


if __name__ == "__main__":
    main()
