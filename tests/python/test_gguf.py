"""A GGUF file is the model that the folder is which it was made of: every family, all the way."""

from __future__ import annotations

import subprocess

import gguf_files
import pytest
import story

FAMILIES = ["random-3l5h", "llama-3l", "qwen2-3l", "gpt_neox-3l"]
ASKED = ["logits([a, b], [\"a\", \"b\"])", "patch(into=a, from=b, at=\"resid_post\", metric=logit(\"a\"))",
         "patch(into=a, from=b, at=\"z\", metric=logit(\"a\"))", "run(a).pattern"]


def answers(run_script, model: str) -> list[list[float]]:
    script = f'load("{model}")\na = "x, 1 and z"\nb = "x, 2 and z"\n'
    script += "".join(f'print("----")\ncsv({code});\n' for code in ASKED)
    return [[float(row.rsplit(",", 1)[1]) for row in part.strip().splitlines()[1:]]
            for part in run_script(script).split("----\n")[1:]]


@pytest.mark.parametrize("name", FAMILIES)
def test_is_the_model_of_the_folder(name, run_script, root, tmp_path):
    folder = root / "tests/models" / name
    gguf_files.convert(folder, tmp_path / "model.gguf")
    expected = answers(run_script, folder)
    assert all(len(part) > 1 for part in expected)
    for found in (answers(run_script, tmp_path / "model.gguf"), answers(run_script, tmp_path)):
        for part, want in zip(found, expected, strict=True):
            assert not story.close(part, want, 1e-5)


def test_card_says_where_it_is_from(run_script, root, tmp_path):
    gguf_files.convert(root / "tests/models/qwen2-3l", tmp_path / "small.gguf")
    card = run_script(f'print(load("{tmp_path / "small.gguf"}"))')
    assert "Qwen2: 3 layers" in card and "/small.gguf" in card and "not prepended" in card




@pytest.fixture
def refusal(binary):
    """What load() says of a path that it refuses."""

    def load(path) -> str:
        done = subprocess.run([binary, "eval", f'load("{path}")'], capture_output=True, text=True, timeout=60)
        assert done.returncode == 1
        return done.stderr
    return load


def test_bad_files_are_refused_by_name(refusal, root, tmp_path):
    path = tmp_path / "small.gguf"
    gguf_files.convert(root / "tests/models/llama-3l", path)
    whole = path.read_bytes()

    def refused(data: bytes) -> str:
        path.write_bytes(data)
        return refusal(path)

    assert "is cut off" in refused(whole[:-100])
    assert "the weights have no tensor 'blk.0.attn_q.weight'" in refused(
        whole.replace(b"blk.0.attn_q.weight", b"blk.0.attn_x.weight"))
    assert 'models of type "lama7"' in refused(whole.replace(
        gguf_files.entry("general.architecture", gguf_files.TEXT, "llama"),
        gguf_files.entry("general.architecture", gguf_files.TEXT, "lama7")))
    assert "tokenizer.ggml.pre" in refused(whole.replace(
        gguf_files.entry("tokenizer.ggml.pre", gguf_files.TEXT, "gpt-2"),
        gguf_files.entry("tokenizer.ggml.pre", gguf_files.TEXT, "gpt-9")))


def test_a_folder_of_several_asks_for_one(run_script, refusal, root, tmp_path):
    for name in ("a.gguf", "b.gguf"):
        gguf_files.convert(root / "tests/models/qwen2-3l", tmp_path / name)
    assert "several GGUF files" in refusal(tmp_path)
    assert "Qwen2" in run_script(f'print(load("{tmp_path / "b.gguf"}"))')
