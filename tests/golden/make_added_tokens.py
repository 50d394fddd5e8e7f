#!/usr/bin/env python3
"""Writes what transformers and tokenizers make of folders with added tokens and switches, for
tests/tokenizer/test_added_tokens.c.

    make_added_tokens.py OUT.json

A case is a folder: vocab.json and merges.txt, or tokenizer.json, with what may lie beside them.
What is right is what AutoTokenizer.from_pretrained(folder) says, for a folder of a GPT-2. Two
switches of a tokenizer.json that transformers' GPT2Tokenizer class passes over in silence,
add_prefix_space and the normalizer, are right as Tokenizer.from_file() has them; such cases are
marked. The vocabulary is the first merges of models/reviews-4m. Needs transformers and tokenizers,
whose versions are written into the file.
"""
import json
import os
import random
import struct
import sys
import tempfile
import zlib
from pathlib import Path

os.environ["TRANSFORMERS_VERBOSITY"] = "error"
import tokenizers
import transformers
from tokenizers import Tokenizer
from transformers import AutoTokenizer

ROOT = Path(__file__).resolve().parents[2]
END = "<|endoftext|>"
N_MERGES = 500
N_DRAWN = 300

# What a drawn added token and a drawn text are made of: words, signs, spaces of several kinds, marks
# and letters of other scripts, tokens that begin or hold each other.
PIECES = ["great", "movie", "love", "the", "a", "aa", "ab", "aba", "b", "x", "X", "É", "é", "e\u0301", "ﬁ", "İ", "ß",
          "日本", "日", "١", "_", "-", "'s", "'", "!", "<s>", "</s>", "[PAD]", "<|im|>", "<", "<|", "|>", ">", "🤖", "\u0301",
          "\u200d", "1", "12", END, " ", "  ", "\t", "\n", "\u00a0", "\u3000", "\u200b", "\u0085", "Ġ", "Ġgreat", "\u0000"]

TEXTS = ["", " ", "great", " great", "I love this movie", END, "a" + END + "b", "a " + END + " b", END + END,
         "a<s>b", "a <s> b", " <s>", "<s> ", "  <s>  ", "x<s>\n<s>x", "a<s>1", "_<s>", "é<s>é", "日<s>日", "a\u0301<s>",
         "<s><s>", "<s></s>", "<<s>>", "aaab", "abaab", "ababa", "aab aba ab", "[PAD][PAD] [PAD]", "<|im|>user<|im|>",
         "GREAT Great great", "ÉéE\u0301e\u0301", "ﬁne", "İstanbul", "a\u00a0<s>\u3000b", "a\u200b<s>\u200bb",
         "great movie greatmovie movies", "the<s>the", "\u0000<s>\u0000", "'s<s>'s", " \n <s> \n ", "12<s>12", "<|endoftext", "Ġgreat"]


def small_vocabulary():
    folder = ROOT / "models/reviews-4m"
    merges = [line for line in (folder / "merges.txt").read_text(encoding="utf-8").split("\n")
              if line and not line.startswith("#version")][:N_MERGES]
    whole = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    singles = [key for key in whole if len(key) == 1]
    vocabulary = {key: i for i, key in enumerate(sorted(singles, key=whole.get))}
    for merge in merges:
        vocabulary.setdefault(merge.replace(" ", ""), len(vocabulary))
    return vocabulary, merges


VOCABULARY, MERGES = small_vocabulary()
WITH_END = {**VOCABULARY, END: len(VOCABULARY)}


def added(content, **flags):
    return {"content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
            "special": True, **flags}


def one_file(tokens=(), prefix=False, normalizer=None, **more):
    """A tokenizer.json; the vocabulary is put in by whoever writes it."""
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": list(tokens), "normalizer": normalizer,
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": True,
                              **more.pop("pre_tokenizer", {})},
            "post_processor": None,
            "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
            "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "",
                      "end_of_word_suffix": "", "fuse_unk": False, **more.pop("model", {}),
                      "vocab": "@vocabulary", "merges": "@merges"}}


def with_ids(tokens):
    """Ids as tokenizers gives them, in the order of the list."""
    result, next_id = [], len(WITH_END)
    for token in tokens:
        if token["content"] in WITH_END:
            result.append({"id": WITH_END[token["content"]], **token})
        else:
            result.append({"id": next_id, **token})
            next_id += 1
    return result


ANY = {"tokenizer_class": "PreTrainedTokenizerFast"}
TWO = {"vocab.json": "@vocabulary", "merges.txt": "@merges"}
END_TOKEN = added(END)


def hand_made():
    """(name, files, whose word counts)"""
    yield "two files", {**TWO}, "auto"
    yield "no end of text", {"vocab.json": "@bare", "merges.txt": "@merges"}, "auto"
    for prefix in (False, True):
        yield f"prefix {prefix}", {**TWO, "tokenizer_config.json": {"add_prefix_space": prefix}}, "auto"
        yield f"one file, prefix {prefix}", {"tokenizer.json": one_file([{"id": 756, **END_TOKEN}], prefix)}, "file"
        yield (f"one file, prefix {prefix}, any class",
               {"tokenizer.json": one_file([], prefix), "tokenizer_config.json": {**ANY, "add_prefix_space": not prefix}}, "auto")
        yield (f"one file, prefix {prefix}, config otherwise",
               {"tokenizer.json": one_file([], prefix), "tokenizer_config.json": {"add_prefix_space": not prefix}}, "auto")
    yield "both, one file counts", {**TWO, "merges.txt": "#version: 0.2\n", "tokenizer.json": one_file()}, "auto"
    yield "special map", {**TWO, "special_tokens_map.json": {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "[PAD]"}}, "auto"
    yield "special map with flags", {**TWO, "special_tokens_map.json": {
        "bos_token": {"content": "<s>", "lstrip": True, "rstrip": True, "normalized": True, "single_word": False}}}, "auto"
    yield "config and map", {**TWO, "tokenizer_config.json": {"bos_token": "</s>"}, "special_tokens_map.json": {"bos_token": "<s>"}}, "auto"
    yield "config token", {**TWO, "tokenizer_config.json": {"bos_token": {"__type": "AddedToken", **added("<s>", rstrip=True)}}}, "auto"
    yield "no start", {**TWO, "tokenizer_config.json": {"bos_token": None}}, "auto"
    yield "extras", {**TWO, "tokenizer_config.json": {"additional_special_tokens": ["<|im|>", "great"]}}, "auto"
    yield "extra of v5", {**TWO, "tokenizer_config.json": {"extra_special_tokens": ["<|im|>", {"__type": "AddedToken", **added("<s>", lstrip=True)}]}}, "auto"
    yield "extra by name", {**TWO, "tokenizer_config.json": {"extra_special_tokens": {"image": "<|im|>"}, "boi_token": "<s>"}}, "auto"
    yield "added file", {**TWO, "added_tokens.json": {"<s>": 758, "great": 3, "aba": 757}, "tokenizer_config.json": {"bos_token": "<s>"}}, "auto"
    yield "added file, gaps", {**TWO, "added_tokens.json": {"<s>": 900, "aba": 800}}, "auto"
    yield "listed", {**TWO, "tokenizer_config.json": {"added_tokens_decoder": {
        "760": added("<s>"), "757": added("aba", special=False, normalized=True), "5": added("great", single_word=True)},
        "bos_token": "<s>", "pad_token": "aba"}, "special_tokens_map.json": {"bos_token": "x"}}, "auto"
    yield "specials as text", {**TWO, "tokenizer_config.json": {"split_special_tokens": True, "bos_token": "<s>"}}, "auto"
    yield "class of another", {"tokenizer.json": one_file([{"id": 756, **END_TOKEN}]), "tokenizer_config.json": ANY}, "auto"
    yield "one file and listed", {"tokenizer.json": one_file(with_ids([END_TOKEN, added("aba")])), "tokenizer_config.json": {
        **ANY, "added_tokens_decoder": {"757": added("aba", lstrip=True), "758": added("<s>")}, "bos_token": "<s>"}}, "auto"
    overlap = [added("ab"), added("aba"), added("abab", normalized=True), added("b"), added("aa", special=False, normalized=True)]
    yield "overlap", {"tokenizer.json": one_file(with_ids([END_TOKEN, *overlap]))}, "auto"
    strip = [added("<s>", rstrip=True), added(" ", special=False), added("  ", lstrip=True), added("great", lstrip=True, rstrip=True)]
    yield "strips", {"tokenizer.json": one_file(with_ids([END_TOKEN, *strip]))}, "auto"
    single = [added(c, single_word=True) for c in ("great", "<s>", "a", "'", "日", "\u0301", "_")]
    yield "single words", {"tokenizer.json": one_file(with_ids([END_TOKEN, *single]))}, "auto"
    yield "whole pieces", {"tokenizer.json": one_file(pre_tokenizer={"use_regex": False}), "tokenizer_config.json": ANY}, "auto"
    yield "whole words", {"tokenizer.json": one_file(model={"ignore_merges": True}), "tokenizer_config.json": ANY}, "auto"
    normal = [added("É", special=False, normalized=True), added("ﬁ", normalized=True), added("GREAT"), added("<s>", normalized=True)]
    for kind in NORMALIZERS:
        yield f"normalizer {kind['type']}", {"tokenizer.json": one_file(with_ids([END_TOKEN, *normal]), normalizer=kind),
                                             "tokenizer_config.json": ANY}, "auto"
        yield f"normalizer {kind['type']}, GPT-2's class", {"tokenizer.json": one_file(with_ids([END_TOKEN, *normal]), normalizer=kind)}, "file"


NORMALIZERS = [
    {"type": "NFC"}, {"type": "NFD"}, {"type": "NFKC"}, {"type": "NFKD"}, {"type": "Lowercase"},
    {"type": "Strip", "strip_left": True, "strip_right": False}, {"type": "Strip", "strip_left": True, "strip_right": True},
    {"type": "Prepend", "prepend": "_"}, {"type": "Replace", "pattern": {"String": " "}, "content": "_ "},
    {"type": "Sequence", "normalizers": []},
    {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}, {"type": "Lowercase"}]},
]


def drawn(dice):
    """Folders of random tokens with random properties."""
    def flag():
        return dice.random() < 0.3

    def token():
        content = "".join(dice.choice(PIECES) for _ in range(dice.choice((1, 1, 2, 3))))
        return added(content, single_word=flag(), lstrip=flag(), rstrip=flag(), normalized=flag(), special=flag())

    for i in range(N_DRAWN):
        tokens = {t["content"]: t for t in [token() for _ in range(dice.randrange(1, 7))]}
        tokens = [END_TOKEN] * (dice.random() < 0.7) + [t for t in tokens.values() if t["content"] != END]
        kind = dice.randrange(4)
        config = {}
        if dice.random() < 0.3:
            config["add_prefix_space"] = dice.random() < 0.6
        if dice.random() < 0.4:
            config["bos_token"] = dice.choice(PIECES)
        if dice.random() < 0.2:
            config["pad_token"] = dice.choice(PIECES)
        if kind == 0:
            listed = {str(i): {k: v for k, v in t.items() if k != "id"} for i, t in enumerate(with_ids(tokens))}
            files = {**TWO, "tokenizer_config.json": {**config, "added_tokens_decoder": listed}}
        elif kind == 1:
            files = {**TWO, "added_tokens.json": {t["content"]: t["id"] for t in with_ids(tokens) if t["content"] not in WITH_END},
                     "tokenizer_config.json": {k: v for k, v in config.items() if k != "bos_token"},
                     "special_tokens_map.json": {k: v for k, v in config.items() if k == "bos_token"}}
        elif kind == 2:
            files = {"tokenizer.json": one_file(with_ids(tokens), prefix=config.get("add_prefix_space", False)), "tokenizer_config.json": config}
        else:
            normalizer = dice.choice(NORMALIZERS + [None] * 10)
            files = {"tokenizer.json": one_file(with_ids(tokens), prefix=flag(), normalizer=normalizer),
                     "tokenizer_config.json": {**config, **ANY}}
        yield f"drawn {i}", files, "auto"


FILL = {'"@vocabulary"': json.dumps(WITH_END), '"@bare"': json.dumps(VOCABULARY),
        '"@merges"': json.dumps([m.split(" ") for m in MERGES]), "@merges": "\n".join(["#version: 0.2", *MERGES, ""])}


def as_texts(files):
    """The files as texts, with marks for what all share."""
    return {name: content if name == "merges.txt" else json.dumps(content) for name, content in files.items()}


def write(folder, files):
    for name, content in as_texts(files).items():
        for mark, text in FILL.items():
            content = content.replace(mark, text)
        (folder / name).write_text(content, encoding="utf-8")
    (folder / "config.json").write_text('{"model_type": "gpt2"}')


def reference(files, texts, word):
    """The ids of each text and the token that starts one; None where the reference refuses."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, files)
        try:
            auto = AutoTokenizer.from_pretrained(folder)
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json")) if word == "file" else auto
        except KeyboardInterrupt:
            raise
        except BaseException as fault:  # a panic of tokenizers' is none of Exception
            return None, str(fault)
        ids = []
        for text in texts:
            try:
                ids.append(tokenizer.encode(text, add_special_tokens=False).ids if word == "file"
                           else auto.encode(text, add_special_tokens=False))
            except KeyboardInterrupt:
                raise
            except BaseException:
                ids.append(None)
        start = auto.bos_token_id if auto.bos_token is not None else auto.eos_token_id
        return ids, start


def crc(lists):
    value = 0
    for tokens in lists:
        value = zlib.crc32(struct.pack(f"<{len(tokens) + 1}i", len(tokens), *tokens), value)
    return value


def cases():
    yield from hand_made()
    yield from drawn(random.Random(20))


def main():
    (out,) = sys.argv[1:]
    dice = random.Random(7)
    texts = TEXTS + ["".join(dice.choice(PIECES) for _ in range(dice.randrange(1, 24))) for _ in range(60)]
    rows = []
    for name, files, word in cases():
        ids, start = reference(files, texts, word)
        if ids is None or None in ids:
            print(f"left out, since the reference refuses it: {name}: {start}", file=sys.stderr)
            continue
        rows.append({"name": name, "files": as_texts(files), "word": word, "start": WITH_END[END] if start is None else start,
                     "crc": crc(ids), "ids": None if name.startswith("drawn") else ids})
    golden = {"made_by": f"tests/golden/make_added_tokens.py with transformers {transformers.__version__}, "
                         f"tokenizers {tokenizers.__version__}",
              "fill": FILL, "texts": texts}
    with open(out, "w", encoding="ascii") as file:
        head = [f" {json.dumps(key)}: {json.dumps(value, separators=(',', ':'))}" for key, value in golden.items()]
        body = ",\n".join("  " + json.dumps(row, separators=(",", ":")) for row in rows)
        file.write("{\n" + ",\n".join(head) + ',\n "cases": [\n' + body + "\n ]\n}\n")


if __name__ == "__main__":
    main()
