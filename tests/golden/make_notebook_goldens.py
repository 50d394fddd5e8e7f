"""Writes notebook.json: every number of notebooks/your-first-analysis.ipynb, by TransformerLens, and
those of the same script told of other prompts on a random model.

    python tests/golden/make_notebook_goldens.py

Needs tools/requirements-peers.txt.
"""

from __future__ import annotations

import json
from pathlib import Path

from acceptance import Story, tell
from lens import Lens, made_with

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

TUTORIAL = Story(
    model="models/reviews-4m",
    into="I love this movie because it is",
    source="I hate this movie because it is",
    variants=[f"I {verb} this movie because it is"
              for verb in ("adore", "despise", "enjoy", "detest", "like", "dislike")],
    words=[" great", " bad"],
    at=" love",
    attention_layer=4,
    cases=[
        ("I really love this book because it is", "positive"),
        ("I absolutely hate this song because it is", "negative"),
        ("This restaurant is great because the food is", "positive"),
        ("This restaurant is terrible because the food is", "negative"),
    ],
    neutral="I watched this movie because it is",
)

RANDOM = Story(
    model="tests/models/random-3l5h",
    into="The old film was slow, but the music was fine, wasn't it",
    source="The new film was slow, but the music was fine, wasn't it",
    variants=[" ", "a", "Naïve café ☕ – 東京", "It was\n\n  so   bad,  so 1234567 good!!"],
    words=[" good", "é"],
    at=" old",
    attention_layer=2,
    cases=[
        ("I was there", "positive"),
        ("She said that nobody would ever believe a word of it", "negative"),
        ("x", "negative"),
    ],
    neutral="Nothing at all",
    k=7,
)


def rounded(value):
    """Nine significant digits: enough for float32, and steady in a diff."""
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(item) for item in value]
    return value


def write(path: Path, stories: dict[str, Story]) -> None:
    told = {name: tell(Lens(ROOT / story.model), story) for name, story in stories.items()}
    document = {"made_with": made_with(), **told}
    path.write_text(json.dumps(rounded(document), indent=1, ensure_ascii=False) + "\n")
    print(path)


def main() -> None:
    write(HERE / "notebook.json", {"tutorial": TUTORIAL, "random": RANDOM})


if __name__ == "__main__":
    main()
