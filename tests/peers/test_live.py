"""Patchbay beside TransformerLens, live: the tutorial's script on prompts that nobody has chosen.

The prompts are drawn from the vocabulary; PATCHBAY_SEED repeats a run, and every failure names it.
Needs tools/requirements-peers.txt; run by `tools/test peers`.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "golden"), str(ROOT / "tests" / "python")]

import story  # noqa: E402
from acceptance import Story, tell  # noqa: E402
from lens import Lens  # noqa: E402

SEED = int(os.environ.get("PATCHBAY_SEED", random.randrange(1 << 30)))
MODELS = ("models/reviews-4m", "tests/models/random-3l5h")
ROUNDS = 4
MARK = "---- "


def draw(lens: Lens, model: str, dice: random.Random) -> Story:
    """A story of words that are one token each."""
    words = [word for word in (lens.tokenizer.decode([i]) for i in range(256, 8000))
             if re.fullmatch(r" [a-z]{3,}", word)]

    def sentence(length: int) -> list[str]:
        return dice.sample(words, length)

    into = sentence(dice.randrange(3, 12))
    place = dice.randrange(len(into))
    source = list(into)
    source[place] = dice.choice([word for word in words if word not in into])
    return Story(
        model=model,
        into="".join(into),
        source="".join(source),
        variants=["".join(sentence(dice.randrange(1, 9))) for _ in range(3)],
        words=sentence(2),
        at=into[place],
        attention_layer=dice.randrange(lens.n_layers),
        cases=[("".join(sentence(5)), dice.choice(["positive", "negative"])) for _ in range(2)],
        neutral="".join(sentence(4)),
    )


@pytest.fixture(scope="module", params=MODELS)
def lens(request):
    return Lens(ROOT / request.param), request.param


@pytest.mark.parametrize("turn", range(ROUNDS))
def test_the_script_on_drawn_prompts(lens, turn, tmp_path):
    reference, model = lens
    told = tell(reference, draw(reference, model, random.Random(f"{SEED} {turn}")))
    questions = story.questions(told)
    script = story.setup(told) + "".join(
        f'print("{MARK}{question.name}")\ncsv({question.code});\n' for question in questions)
    (tmp_path / "script.pbay").write_text(script, encoding="utf-8")
    done = subprocess.run([os.environ["PATCHBAY_BINARY"], "run", tmp_path / "script.pbay"], cwd=ROOT,
                          capture_output=True, text=True, encoding="utf-8", timeout=120)
    assert done.returncode == 0, (SEED, done.stderr, script)
    parts = re.split(f"^{MARK}(.*)\n", done.stdout, flags=re.MULTILINE)
    answers = dict(zip(parts[1::2], parts[2::2]))
    for question in questions:
        wrong = story.close(story.values(answers[question.name]), question.expected(told),
                            question.tolerance)
        assert not wrong, (SEED, question.code, wrong[:5], told["story"])
