#!/usr/bin/env python3
"""Makes folders with tokenizers of several families out of what packages hold, for the tests that
compare ours with the library `tokenizers`. Run by tools/fetch-tokenizers.

    make_vocabularies.py SMOLLM2.gguf QWEN.tiktoken MISTRAL.model LLAMA2 LLAMA3 OUT_FOLDER

Needs nothing but Python. Where a family has GGUF files of another kind than its folders, one with
the vocabulary alone is written beside: both must come to the same tokens.
"""
import base64
import json
import pathlib
import struct
import sys

SPACE = "\u2581"
QWEN_REGEX = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
              r"|\s*[\r\n]+|\s+(?!\S)|\s+")
NORMAL, CONTROL = 1, 3
U32, BOOL, TEXT, LIST, I32, F32 = 4, 7, 8, 9, 5, 6


# ---- GGUF ----

SIZES = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}


def read_gguf(path):
    """The metadata of a GGUF file."""
    with open(path, "rb") as file:
        def number(kind):
            return struct.unpack("<" + SIZES[kind], file.read(struct.calcsize(SIZES[kind])))[0]

        def value(kind):
            if kind == TEXT:
                return file.read(number(10)).decode()
            if kind == LIST:
                inner = number(U32)
                return [value(inner) for _ in range(number(10))]
            return number(kind)

        assert file.read(4) == b"GGUF" and number(U32) in (2, 3)
        number(10)
        return {value(TEXT): value(number(U32)) for _ in range(number(10))}


def write_gguf(path, entries):
    """A GGUF file without tensors from rows of key, type (of a list: of its items) and value."""
    def text(string):
        return struct.pack("<Q", len(string.encode())) + string.encode()

    def item(kind, value):
        return text(value) if kind == TEXT else struct.pack("<" + SIZES[kind], value)

    out = [b"GGUF", struct.pack("<IQQ", 3, 0, len(entries))]
    for key, kind, value in entries:
        out.append(text(key))
        if isinstance(value, list):
            out.append(struct.pack("<IIQ", LIST, kind, len(value)))
            out += [item(kind, each) for each in value]
        else:
            out += [struct.pack("<I", kind), item(kind, value)]
    path.write_bytes(b"".join(out))


def pieces_gguf(path, pieces, scores, types):
    write_gguf(path, [("general.architecture", TEXT, "llama"), ("tokenizer.ggml.model", TEXT, "llama"),
                      ("tokenizer.ggml.tokens", TEXT, pieces), ("tokenizer.ggml.scores", F32, scores),
                      ("tokenizer.ggml.token_type", I32, types), ("tokenizer.ggml.bos_token_id", U32, 1),
                      ("tokenizer.ggml.eos_token_id", U32, 2), ("tokenizer.ggml.add_bos_token", BOOL, True)])


# ---- tokenizer.json ----

def added(id_, content, **more):
    return {"id": id_, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": True} | more


def write_folder(folder, model, tokens, normalizer=None, cuts=None, config=None):
    folder.mkdir(parents=True, exist_ok=True)
    whole = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": tokens, "normalizer": normalizer,
             "pre_tokenizer": cuts, "post_processor": None, "decoder": None,
             "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                       "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False} | model}
    (folder / "tokenizer.json").write_text(json.dumps(whole))
    (folder / "tokenizer_config.json").write_text(json.dumps(config or {}))


def byte_level(regex, space=False):
    return {"type": "ByteLevel", "add_prefix_space": space, "trim_offsets": False, "use_regex": regex}


def smollm2(gguf, folder):
    keys = read_gguf(gguf)
    tokens = keys["tokenizer.ggml.tokens"]
    special = [added(i, tokens[i]) for i, kind in enumerate(keys["tokenizer.ggml.token_type"]) if kind == CONTROL]
    write_folder(folder, {"vocab": {t: i for i, t in enumerate(tokens)}, "merges": keys["tokenizer.ggml.merges"]},
                 special, cuts={"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True},
                                                                      byte_level(True)]},
                 config={"tokenizer_class": "GPT2Tokenizer", "bos_token": "<|im_start|>", "eos_token": "<|im_end|>",
                         "unk_token": "<|endoftext|>", "pad_token": "<|im_end|>"})


# ---- Qwen: ranks instead of merges ----

def symbols():
    """What a byte is written as."""
    itself = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in itself]
    return {byte: chr(byte) for byte in itself} | {byte: chr(0x100 + i) for i, byte in enumerate(others)}


def parts(ranks, token):
    """The two tokens that a token is merged from: what merging stops at that does not use it."""
    pieces = [bytes([byte]) for byte in token]
    while len(pieces) > 2:
        best = min(range(len(pieces) - 1),
                   key=lambda i: ranks.get(pieces[i] + pieces[i + 1], 1 << 30))
        pieces[best:best + 2] = [pieces[best] + pieces[best + 1]]
    return pieces


def qwen2(tiktoken, folder):
    ranks = {base64.b64decode(token): int(rank) for token, rank in
             (line.split() for line in tiktoken.read_bytes().splitlines() if line)}
    written = symbols()

    def write(token):
        return "".join(written[byte] for byte in token)

    ordered = sorted(ranks, key=ranks.get)
    merges = [[write(piece) for piece in parts(ranks, token)] for token in ordered if len(token) > 1]
    first = len(ordered)
    names = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    write_folder(folder, {"vocab": {write(token): i for i, token in enumerate(ordered)}, "merges": merges},
                 [added(first + i, name) for i, name in enumerate(names)], normalizer={"type": "NFC"},
                 cuts={"type": "Sequence", "pretokenizers": [
                     {"type": "Split", "pattern": {"Regex": QWEN_REGEX}, "behavior": "Isolated", "invert": False},
                     byte_level(False)]},
                 config={"tokenizer_class": "Qwen2Tokenizer", "bos_token": None, "eos_token": "<|endoftext|>",
                         "add_prefix_space": False})
    types = [NORMAL] * first + [CONTROL] * len(names)
    write_gguf(folder.with_name(folder.name + ".gguf"), [
        ("general.architecture", TEXT, "qwen2"), ("tokenizer.ggml.model", TEXT, "gpt2"),
        ("tokenizer.ggml.pre", TEXT, "qwen2"), ("tokenizer.ggml.tokens", TEXT, [write(t) for t in ordered] + names),
        ("tokenizer.ggml.token_type", I32, types), ("tokenizer.ggml.merges", TEXT, [" ".join(m) for m in merges]),
        ("tokenizer.ggml.eos_token_id", U32, first), ("tokenizer.ggml.add_bos_token", BOOL, False)])


# ---- pieces with scores ----

def fields(data):
    """A protocol buffer's fields: number and value."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        tag = varint()
        if tag & 7 == 0:
            yield tag >> 3, varint()
        elif tag & 7 == 1:
            at += 8
            yield tag >> 3, data[at - 8:at]
        elif tag & 7 == 5:
            at += 4
            yield tag >> 3, data[at - 4:at]
        else:
            size = varint()
            at += size
            yield tag >> 3, data[at - size:at]


def merges_of(pieces, scores):
    """As transformers made those that families have published: by score alone, of equals the earlier."""
    ids = {piece: i for i, piece in enumerate(pieces)}
    merges = []
    for piece, score in zip(pieces, scores):
        local = [(piece[:i], piece[i:], score) for i in range(1, len(piece))
                 if piece[:i] in ids and piece[i:] in ids]
        merges += sorted(local, key=lambda m: (ids[m[0]], ids[m[1]]))
    merges.sort(key=lambda m: m[2], reverse=True)
    return [[left, right] for left, right, _ in merges]


def mistral(model, folder):
    """Its pieces are those of the package's llama2, too: a file of them with scores is beside that."""
    pieces, scores, types = [], [], []
    for number, value in fields(model.read_bytes()):
        if number == 1:
            piece = dict(fields(value))
            pieces.append(piece[1].decode())
            scores.append(struct.unpack("<f", piece[2])[0] if 2 in piece else 0.0)
            types.append(piece.get(3, NORMAL))
    pieces_gguf(folder.with_name("llama2.gguf"), pieces, scores, types)
    write_folder(folder, {"vocab": {p: i for i, p in enumerate(pieces)}, "merges": merges_of(pieces, scores),
                          "unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True},
                 [added(i, pieces[i]) for i in range(3)],
                 cuts={"type": "Metaspace", "replacement": SPACE, "prepend_scheme": "first", "split": False},
                 config={"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "bos_token": "<s>",
                         "eos_token": "</s>", "unk_token": "<unk>"})


def copy(source, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((source / name).read_bytes())


def llama3(source, folder):
    copy(source, folder)
    whole = json.loads((folder / "tokenizer.json").read_text())
    ids = whole["model"]["vocab"] | {token["content"]: token["id"] for token in whole["added_tokens"]}
    tokens = sorted(ids, key=ids.get)
    first = len(whole["model"]["vocab"])
    write_gguf(folder.with_name(folder.name + ".gguf"), [
        ("general.architecture", TEXT, "llama"), ("tokenizer.ggml.model", TEXT, "gpt2"),
        ("tokenizer.ggml.pre", TEXT, "llama-bpe"), ("tokenizer.ggml.tokens", TEXT, tokens),
        ("tokenizer.ggml.token_type", I32, [NORMAL if i < first else CONTROL for i in range(len(tokens))]),
        ("tokenizer.ggml.merges", TEXT, whole["model"]["merges"]), ("tokenizer.ggml.bos_token_id", U32, first)])


def main():
    gguf, tiktoken, model, second, third, out = map(pathlib.Path, sys.argv[1:])
    smollm2(gguf, out / "smollm2")
    qwen2(tiktoken, out / "qwen2")
    mistral(model, out / "mistral")
    copy(second, out / "llama2")
    llama3(third, out / "llama3")


if __name__ == "__main__":
    main()
