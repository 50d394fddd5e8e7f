"""The tutorial's script without Jupyter: as it stands, and told of other prompts on a random model.

Every number is compared with TransformerLens'.
"""

from __future__ import annotations

import math
import re

import pytest
import story

MARK = "---- "
TOLD = {name: told for name, told in story.goldens().items() if name != "made_with"}


@pytest.fixture(scope="module", params=sorted(TOLD))
def told(request):
    return TOLD[request.param]


@pytest.fixture(scope="module")
def answers(told, run_script) -> dict[str, str]:
    """What csv() prints for every question, and for the tables, by name."""
    asked = {question.name: question.code for question in story.questions(told)}
    asked |= {"top": f"top([love, hate], k={told['story']['k']})", "cases": "cases"}
    script = story.setup(told)
    for name, code in asked.items():
        script += f'print("{MARK}{name}")\ncsv({code});\n'
    parts = re.split(f"^{MARK}(.*)\n", run_script(script), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


@pytest.mark.parametrize("name", [q.name for q in story.questions(TOLD["tutorial"])])
def test_numbers_are_those_of_transformerlens(told, answers, name):
    (question,) = [q for q in story.questions(told) if q.name == name]
    wrong = story.close(story.values(answers[name]), question.expected(told), question.tolerance)
    assert not wrong, (question.code, wrong[:5])


def test_top_tokens_in_order_with_probabilities_and_logits(told, answers):
    rows = story.rows(answers["top"])
    expected = [found for prompt in told["top"] for found in prompt]
    assert len(rows) == len(expected)
    for row, want in zip(rows, expected):
        if "\ufffd" not in want["token"]:
            assert row["token"] == want["token"]
        assert math.isclose(float(row["probability"]), want["probability"], abs_tol=1e-5)
        assert math.isclose(float(row["logit"]), want["logit"], abs_tol=1e-4, rel_tol=1e-4)


def test_cases_are_judged(told, answers):
    rows = story.rows(answers["cases"])
    assert [row["prompt"] for row in rows] == [prompt for prompt, _ in told["story"]["cases"]]
    for row, (good, bad), right in zip(rows, told["cases"], told["cases_right"]):
        assert math.isclose(float(row["great"]), good, abs_tol=1e-4, rel_tol=1e-4)
        assert math.isclose(float(row["bad"]), bad, abs_tol=1e-4, rel_tol=1e-4)
        assert row["ok"] in (("True", "1") if right else ("False", "0"))


def test_largest_differences_come_first_by_magnitude(told, run_script):
    script = story.setup(told) + """
csv(table(positive=a, negative=b, diff=a - b).top(10, by="diff"));
print("----")
csv(h.top(10));
"""
    components, heads = run_script(script).split("----\n")
    found = [float(row["diff"]) for row in story.rows(components)]
    differences = told["component_differences"]
    assert not story.close(found, [differences[n] for n in told["largest_components"]], 1e-4)
    found = [float(row["value"]) for row in story.rows(heads)]
    assert not story.close(
        found, [told["head_differences"][name] for name in told["largest_heads"]], 1e-4)


def test_an_attribution_adds_up_to_the_logit(told, run_script):
    text = run_script(story.setup(told) + "print(a.check)\n")
    numbers = [float(n) for n in re.findall(r"-?\d+\.\d+", text)]
    expected = told["attribution"][0]
    assert any(math.isclose(n, expected["logit"], abs_tol=0.006) for n in numbers), text
    assert sum(math.isclose(n, expected["sum"], abs_tol=0.006) for n in numbers) >= 2, text


def test_the_readme_runs(root, run_script):
    readme = (root / "README.md").read_text(encoding="utf-8")
    tutorial, research = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    assert len(tutorial.strip().splitlines()) == 10
    run_script(tutorial + research)
