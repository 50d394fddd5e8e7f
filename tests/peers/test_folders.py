"""Patchbay beside transformers, live: folders with added tokens and switches that nobody has chosen.

The folders and texts are drawn as tests/golden/make_added_tokens.py draws them, from another seed;
PATCHBAY_SEED repeats a run. Needs tools/requirements-peers.txt; run by `tools/test peers`.
"""

from __future__ import annotations

import ast
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "golden")]

import make_added_tokens as maker  # noqa: E402

SEED = int(os.environ.get("PATCHBAY_SEED", random.randrange(1 << 30)))
MODEL = ROOT / "tests/models/random-3l5h"
FOLDERS = 12


def texts(dice: random.Random) -> list[str]:
    """What a prompt may be: not empty, without NULs, no longer than the model reads."""
    drawn = ["".join(dice.choice(maker.PIECES) for _ in range(dice.randrange(1, 8))) for _ in range(40)]
    return [text for text in maker.TEXTS + drawn if text and "\0" not in text]


@pytest.mark.parametrize("turn", range(FOLDERS))
def test_a_drawn_folder(turn, tmp_path, monkeypatch):
    dice = random.Random(f"{SEED} {turn}")
    monkeypatch.setattr(maker, "N_DRAWN", 1)
    ((_, files, word),) = maker.drawn(dice)
    wanted = texts(dice)
    ids, start = maker.reference(files, wanted, word)
    if ids is None or None in ids:
        pytest.skip(f"tokenizers itself panics here: {SEED} {turn}")
    maker.write(tmp_path, files)
    for name in ("config.json", "model.safetensors"):
        shutil.copy(MODEL / name, tmp_path)
    script = [f"load({json.dumps(str(tmp_path))});"]
    script += [f"print(tokens({json.dumps(text, ensure_ascii=False)}, bos=False).ids)" for text in wanted]
    (tmp_path / "script.pb").write_text("\n".join(script) + "\n", encoding="utf-8")
    done = subprocess.run([os.environ["PATCHBAY_BINARY"], "run", tmp_path / "script.pb"], cwd=ROOT,
                          capture_output=True, text=True, encoding="utf-8", timeout=120)
    assert done.returncode == 0, (SEED, done.stderr)
    answers = [ast.literal_eval(line) for line in done.stdout.splitlines() if line.startswith("[")]
    assert len(answers) == len(wanted), (SEED, done.stdout)
    wrong = [(text, mine, right) for text, mine, right in zip(wanted, answers, ids) if mine != right]
    assert not wrong, (SEED, files, wrong[:3])
