"""A real language model, SmolLM2-135M-Instruct as a GGUF file, against transformers and its hooks.

tests/golden/smollm2.json holds what those say (tests/golden/make_smollm2.py). The model is fetched
by tools/fetch-smollm2, as tools/test does; without it, these tests skip.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys

import pytest
import story

MODEL = "build/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf"
GOLDEN = "tests/golden/smollm2.json"
LOVE, HATE = "I love this movie because it is", "I hate this movie because it is"
GREAT_OR_BAD = 'logit_diff(" great", " bad")'
MARK = "---- "

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def golden(root, smollm2) -> dict:
    assert smollm2 == root / MODEL
    return json.loads((root / GOLDEN).read_text())


@pytest.fixture(scope="module")
def ask(golden, run_script):
    """Runs lines on the model and gives the printed table of each."""

    def run(questions: dict[str, str], load: str = f'load("{MODEL}")') -> dict[str, str]:
        script = f'm = {load}\nlove = "{LOVE}"\nhate = "{HATE}"\n'
        script += "".join(f'print("{MARK}{name}")\ncsv({code});\n' for name, code in questions.items())
        parts = re.split(f"^{MARK}(.*)\n", run_script(script), flags=re.MULTILINE)
        return dict(zip(parts[1::2], parts[2::2]))
    return run


def numbers(text: str) -> list[float]:
    return story.values(text)


def test_raw_logits_are_transformers(golden, ask):
    prompts = list(golden["logits"])
    asked = {str(i): f'logits({json.dumps(p, ensure_ascii=False)}, [" great", " bad"])' for i, p in enumerate(prompts)}
    answers = ask(asked, f'load("{MODEL}", raw=true)')
    for i, prompt in enumerate(prompts):
        assert not story.close(numbers(answers[str(i)]), golden["logits"][prompt], 2e-3), prompt
    love, hate = golden["logits"][LOVE], golden["logits"][HATE]
    assert [round(x, 2) for x in love + hate] == [14.33, 12.07, 14.71, 16.50]


@pytest.mark.parametrize("site", ["resid_pre", "resid_post", "attn_out", "mlp_out", "z"])
def test_sweeps_are_those_of_hooks(golden, ask, site):
    found = numbers(ask({site: f'patch(into=love, from=hate, at="{site}", metric={GREAT_OR_BAD})'})[site])
    expected = [value for row in golden["sweeps"][site] for value in row]
    assert len(found) == len(expected)
    reach = max(expected) - min(expected)
    assert reach > 0.1
    assert max(abs(a - b) for a, b in zip(found, expected)) < 1e-3 * reach


def test_likeliest_words_with_probabilities(golden, ask):
    prompts = [LOVE, HATE]
    answers = ask({"top": "top([love, hate], k=5)"})
    rows = story.rows(answers["top"])
    expected = [pair for prompt in prompts for pair in golden["top"][prompt]]
    assert len(rows) == len(expected)
    for row, (_, probability) in zip(rows, expected):
        assert abs(float(row["probability"]) - probability) < 1e-4


def test_loss_of_a_passage(golden, ask):
    found = numbers(ask({"loss": f'loss({json.dumps(golden["passage"])}, by="pos")'})["loss"])
    assert not story.close(found, golden["loss"], 2e-3)


def test_tokens_of_nasty_text(golden, run_script):
    for prompt, expected in golden["tokens"].items():
        said = run_script(f'load("{MODEL}")\ncsv(tokens({json.dumps(prompt, ensure_ascii=False)}));\n')
        rows = list(csv.DictReader(io.StringIO(said[said.index("prompt,position"):])))
        assert [int(row["id"]) for row in rows] == expected, prompt


def test_writes_as_transformers_does(golden, run_script):
    said = run_script(f'load("{MODEL}")\nprint(generate("{LOVE}", n=12))\n')
    assert said.rstrip("\n").endswith(golden["written"])


def test_card_knows_the_model(golden, run_script):
    card = run_script(f'print(load("{MODEL}"))')
    assert "Llama: 30 layers, 9 heads" in card and "<|im_start|>, not prepended" in card
    assert "134.5 million" in card
    assert "Q4_1" in card.split("on disk as")[1].split("\n")[0]  # of 210 tensors; the embedding is Q8_0


def test_tutorial_runs_on_it(golden, kernelspec, root, tmp_path, patience):
    """As tools/demo --model smollm2-135m runs it."""
    done = subprocess.run(
        [sys.executable, root / "tools/execute.py", root / "notebooks/your-first-analysis.ipynb", tmp_path / "out.ipynb",
         "--model", "smollm2-135m"], env={**os.environ, "PATCHBAY_MODELS": str(root / "build")},
        capture_output=True, text=True, timeout=240 * patience)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "30 layers" in (tmp_path / "out.ipynb").read_text()
