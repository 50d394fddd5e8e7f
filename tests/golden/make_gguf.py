#!/usr/bin/env python3
"""Writes small GGUF files, and what the reference reads in them, for tests/io/test_gguf.c.

    make_gguf.py OUT_FOLDER

Needs the package `gguf` (its reader and its quants are the reference); make_gguf.versions, written
beside, says which. gguf-types.gguf has a tensor of each type that Patchbay reads, their blocks of
random bytes with scales that are finite; gguf-types.f32 has their values, tensor by tensor in the
order of the file, as float32. Its metadata has a value of each type.
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


def main():
    folder = pathlib.Path(sys.argv[1])
    types = folder / "gguf-types.gguf"
    write(types)
    write(folder / "gguf-aligned.gguf", alignment=64)
    read = values(types)
    assert np.array_equal(read, values(folder / "gguf-aligned.gguf"))
    read.astype("<f4").tofile(folder / "gguf-types.f32")
    from importlib.metadata import version
    (folder / "make_gguf.versions").write_text(f"gguf {version('gguf')}, numpy {version('numpy')}\n")


if __name__ == "__main__":
    main()
