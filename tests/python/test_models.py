"""Folders as other programs write them: weights in halves and in several files, one file for the
tokenizer, weights that are missing; and models that lie in memory side by side."""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

PROMPT = "I love this movie, and that's all 42 of us"


@pytest.fixture
def folder(root, tmp_path) -> Path:
    """A copy of a model of 368096 parameters."""
    return Path(shutil.copytree(root / "tests/models/random-3l5h", tmp_path / "model"))


@pytest.fixture
def evaluate(binary, root, patience):
    """Evaluates one piece of code; what it prints, or what it complains of."""

    def run(code: str, **settings) -> str:
        done = subprocess.run([binary, "eval", code], capture_output=True, text=True, cwd=root,
                              env={**os.environ, **settings}, timeout=60 * patience)
        return done.stdout if done.returncode == 0 else done.stderr

    return run


def logits(evaluate, folder: Path | str) -> list[float]:
    code = f'csv(run("{PROMPT}", model=load("{folder}")).logits[pos=-1, token=0:50])'
    lines = evaluate(code).splitlines()
    assert lines[0].endswith("value"), "\n".join(lines)
    return [float(line.rsplit(",", 1)[1]) for line in lines[1:]]


def read_tensors(path: Path) -> dict[str, tuple[list[int], bytes]]:
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    body = data[8 + length :]
    return {name: (info["shape"], body[slice(*info["data_offsets"])])
            for name, info in header.items() if name != "__metadata__"}


def write_tensors(path: Path, tensors: dict[str, tuple[list[int], bytes]], dtype: str) -> None:
    header, at = {}, 0
    for name, (shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(d for _, d in tensors.values()))


def halves(data: bytes, dtype: str) -> bytes:
    numbers = struct.unpack(f"<{len(data) // 4}f", data)
    if dtype == "F16":
        return struct.pack(f"<{len(numbers)}e", *numbers)
    return b"".join(data[i + 2 : i + 4] for i in range(0, len(data), 4))  # BF16, cut


@pytest.mark.parametrize(("dtype", "word", "near"), [("F16", "float16", 0.02),
                                                     ("BF16", "bfloat16", 0.4)])
def test_weights_in_half_precision(folder, evaluate, dtype, word, near):
    whole = logits(evaluate, folder)
    tensors = read_tensors(folder / "model.safetensors")
    write_tensors(folder / "model.safetensors",
                  {name: (shape, halves(data, dtype)) for name, (shape, data) in tensors.items()},
                  dtype)
    assert re.search(rf"on disk as +{word}\n", evaluate(f'load("{folder}")'))
    half = logits(evaluate, folder)
    assert half != whole
    assert max(abs(a - b) for a, b in zip(half, whole, strict=True)) < near


@pytest.fixture
def sharded(folder) -> Path:
    """The model with its tensors dealt out to three files."""
    tensors = read_tensors(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    where = {}
    for i in range(3):
        part = f"model-0000{i + 1}-of-00003.safetensors"
        names = sorted(tensors)[i::3]
        where |= {name: part for name in names}
        write_tensors(folder / part, {name: tensors[name] for name in names}, "F32")
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"metadata": {"total_size": 0}, "weight_map": where}))
    return folder


def test_weights_in_several_files(sharded, evaluate, root):
    assert logits(evaluate, sharded) == logits(evaluate, root / "tests/models/random-3l5h")


def test_a_part_that_is_missing(sharded, evaluate):
    (sharded / "model-00002-of-00003.safetensors").unlink()
    said = evaluate(f'load("{sharded}")')
    assert "cannot open" in said and "model-00002-of-00003.safetensors" in said


def test_weights_that_are_missing(folder, evaluate):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    said = evaluate(f'load("{folder}")')
    assert f"{folder} (no model.safetensors in it, only pytorch_model.bin)" in said
    assert f'from_pretrained("{folder}").save_pretrained(' in said
    (folder / "pytorch_model.bin").unlink()
    assert f"{folder} (no model.safetensors in it)" in evaluate(f'load("{folder}")')


def test_an_embedding_with_more_rows_than_tokens(folder, evaluate):
    """Vocabularies are padded so that products are faster; no text has those tokens."""
    tensors = read_tensors(folder / "model.safetensors")
    (rows, width), data = tensors["wte.weight"]
    tensors["wte.weight"] = [rows + 8, width], data + data[: 8 * 4 * width]
    write_tensors(folder / "model.safetensors", tensors, "F32")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "vocab_size": rows + 8}))
    shown = evaluate(f'm = load("{folder}", raw=True); l = run("{PROMPT}").logits[pos=-1]; '
                     f'[m.d_vocab, l[token={rows + 3}] == l[token=3], l[token="<|{rows + 3}|>"] == '
                     f'l[token=3], tokens(prompt([{rows + 3}]))]')
    assert shown.startswith(f"[{rows + 8}, True, True,"), shown
    said = evaluate(f'logit("a", "<|{rows + 3}|>", model=load("{folder}"))')
    assert "is 7 tokens, and one was expected" in said and f"<|{rows + 4}|>" not in said


def save_tokenizer(folder: Path, added: list[str]) -> Tokenizer:
    """tokenizer.json in place of vocab.json and merges.txt, as transformers 5 saves it."""
    vocab, merges = folder / "vocab.json", folder / "merges.txt"
    tokenizer = Tokenizer(models.BPE.from_file(str(vocab), str(merges)))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken("<|endoftext|>", normalized=False), *added])
    tokenizer.save(str(folder / "tokenizer.json"))
    vocab.unlink()
    merges.unlink()
    return tokenizer


def test_a_tokenizer_in_one_file(folder, evaluate):
    tokenizer = save_tokenizer(folder, [])
    assert logits(evaluate, folder) == logits(evaluate, "tests/models/random-3l5h")
    for text in (PROMPT, "naïve\n\n\t  déjà-vu 👩‍👩‍👧 …", "<|endoftext|>it's"):
        code = f"load({json.dumps(str(folder))}); run({json.dumps(text, ensure_ascii=False)}, " \
               f"bos=False).ids"
        shown = evaluate(code)
        assert [int(each) for each in re.findall(r"\d+", shown)] == tokenizer.encode(text).ids, shown


def test_a_tokenizer_of_another_kind(folder, evaluate):
    save_tokenizer(folder, [])
    whole = json.loads((folder / "tokenizer.json").read_text())
    whole["pre_tokenizer"] = {"type": "Whitespace"}
    (folder / "tokenizer.json").write_text(json.dumps(whole))
    assert 'pre_tokenizer.type is "Whitespace", and "ByteLevel" or' in evaluate(f'load("{folder}")')


def test_a_model_is_in_memory_once(binary, evaluate, root, folder, patience):
    """However often and by whatever path it is loaded, beside others and in both ways."""
    path = "models/reviews-4m"  # 19 MB

    def code(times: int) -> str:
        return "; ".join(f'a{i} = load("{path}"); b{i} = load("./{path}", raw=True); '
                         f'c{i} = load("{folder}"); d{i} = load("{root / path}")'
                         for i in range(times))

    last = "; [a0 == a9, b0 == b9, c0 == c9, d9 == a0, a0 == b0]"
    assert evaluate(code(10) + last).strip() == "[True, True, True, True, False]"
    if patience > 1:
        return  # sanitizers keep what is freed

    def peak(times: int) -> int:
        """kB, at most, by when the console has done it."""
        with subprocess.Popen([binary, "console"], cwd=root, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as process:
            process.stdin.write(code(times) + "; print(\"done\")\n")
            process.stdin.flush()
            assert process.stdout.readline() == "done\n"
            status = Path(f"/proc/{process.pid}/status").read_text()
            process.stdin.close()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])

    assert peak(10) - peak(1) < 15_000


def test_a_card_says_what_is_not_used_and_what_may_surprise(evaluate, folder):
    tensors = read_tensors(folder / "model.safetensors")
    tensors["score.weight"] = ([3], b"abc")
    header, at = {}, 0
    for name, (shape, data) in tensors.items():
        header[name] = {"dtype": "F4" if name == "score.weight" else "F32", "shape": shape,
                        "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(
        struct.pack("<Q", len(text)) + text + b"".join(data for _, data in tensors.values()))
    (folder / "tokenizer_config.json").write_text(
        '{"add_prefix_space": true, "bos_token": "great", "pad_token": "[PAD]"}')
    card = evaluate(f'load("{folder}")')
    assert "start token  great, prepended" in card
    for note in ("1 tensor of the weights is not used: score.weight.",
                 "A text that does not begin with a space gets one (add_prefix_space in "
                 "tokenizer_config.json).",
                 '"<|endoftext|>" is a token wherever a text has it.',
                 '1 token of the vocabulary has no row in the embedding and cannot be used: '
                 '"[PAD]".'):
        assert note in " ".join(card.split("\n")), card
    assert evaluate(f'tokens("love", bos=False, model=load("{folder}")).labels') == "[' love']\n"
    assert "'[PAD]', whose id is" in evaluate(f'tokens("a[PAD]", model=load("{folder}"))')


def test_a_text_ends_where_the_files_say(evaluate, folder):
    written = evaluate(f'generate("love", n=5, model=load("{folder}"))')
    ends = json.dumps({"eos_token_id": list(range(8192))})
    (folder / "generation_config.json").write_text(ends)
    ended = evaluate(f'generate("love", n=5, model=load("{folder}"))')
    assert len(ended) < len(written)
