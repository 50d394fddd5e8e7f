"""The tutorial's notebook, run by its kernel: every number it shows, and the report made of it."""

from __future__ import annotations

import html
import re
import subprocess
import sys

import nbformat
import pytest
import story
from bs4 import BeautifulSoup
from nbclient import NotebookClient
from report_page import Page

TOLD = story.goldens()["tutorial"]
NAME = "your-first-analysis"


@pytest.fixture(scope="module")
def notebook(root):
    return nbformat.read(root / "notebooks" / f"{NAME}.ipynb", as_version=4)


@pytest.fixture(scope="module")
def ran(notebook, root, kernelspec, patience):
    """The notebook with its outputs, and behind it a cell for each question, asked with csv()."""
    asked = nbformat.from_dict(notebook)
    for question in story.questions(TOLD):
        cell = nbformat.v4.new_code_cell(f"csv({question.code});")
        cell["id"] = f"ask-{question.name}"
        asked.cells.append(cell)
    NotebookClient(asked, timeout=int(60 * patience), kernel_name=kernelspec,
                   resources={"metadata": {"path": str(root / "notebooks")}}).execute()
    return asked


def cell_of(ran, name: str):
    (cell,) = [cell for cell in ran.cells if cell["id"] == name]
    return cell


def shown(cell, mime: str = "text/plain") -> str:
    return "\n".join(output.data[mime] for output in cell.outputs
                     if "data" in output and mime in output.data)


def test_the_committed_notebook_is_whole(notebook):
    """What a viewer that runs nothing shows; test_committed_outputs.py compares it with a run."""
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "patchbay"
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert all(cell.outputs for cell in code)
    titles = [line for cell in notebook.cells if cell.cell_type == "markdown"
              for line in cell.source.splitlines() if line.startswith("## Step ")]
    assert [title.split(":")[0] for title in titles] == [f"## Step {i}" for i in range(9)]


def test_every_cell_runs_and_shows_something(ran, notebook):
    for cell in ran.cells[:len(notebook.cells)]:
        if cell.cell_type == "code":
            assert not [o for o in cell.outputs if o.output_type in ("error", "stream")]
            assert shown(cell).strip(), cell.source


@pytest.mark.parametrize("name", [question.name for question in story.questions(TOLD)])
def test_numbers_behind_the_cells(ran, name):
    (question,) = [q for q in story.questions(TOLD) if q.name == name]
    text = "".join(output.text for output in cell_of(ran, f"ask-{name}").outputs)
    wrong = story.close(story.values(text), question.expected(TOLD), question.tolerance)
    assert not wrong, (question.code, wrong[:5])


def top_numbers(told: dict) -> list[float]:
    return [found[key] for prompt in told["top"] for found in prompt
            for key in ("probability", "logit")]


def largest(told: dict) -> list[float]:
    columns = (told["attribution"][0]["components"], told["attribution"][1]["components"],
               told["component_differences"])
    return [column[name] for name in told["largest_components"] for column in columns]


# What a reader sees in each cell's output, in both its forms.
SEEN = {
    "top": top_numbers(TOLD),
    "words-logits": story.flat(TOLD["logits"]),
    "verbs-logits": story.flat(TOLD["variants"]),
    "components": largest(TOLD),
    "check": [TOLD["attribution"][0]["sum"], TOLD["attribution"][0]["logit"]],
    "plain-components": list(TOLD["attribution"][0]["unscaled"].values()),
    "heads": [TOLD["head_differences"][name] for name in TOLD["largest_heads"]],
    "heads-map": list(TOLD["head_differences"].values()),
    "at-love-patch": TOLD["patch_at"],
    "at-the-end-patch": TOLD["patch_last"],
    "everywhere-patch": TOLD["patch_all"],
    "map-patch": story.flat(TOLD["patch_map"]),
    "cases": story.flat(TOLD["cases"]),
    "neutral-logits": TOLD["neutral"],
}


def numbers_in(text: str) -> list[tuple[float, float]]:
    """The numbers of a text that have digits after the point, each with half its last digit."""
    found = []
    for sign, whole, fraction, exponent, percent in re.findall(
            r"([-+\u2212]?)(\d[\d,]*)\.(\d+)(e[-+]?\d+)?(%?)", text):
        scale = float(f"1{exponent}") * (0.01 if percent else 1.0)
        value = float(f"{whole.replace(',', '')}.{fraction}") * scale
        found.append((-value if sign in ("-", "\u2212") else value,
                      0.5 * 10.0 ** -len(fraction) * scale))
    return found


def unseen(text: str, expected: list[float]) -> list[float]:
    """The expected numbers that no number of the text is a rounding of, each used once."""
    numbers = numbers_in(text)
    missing = []
    for value in expected:
        match = next((n for n in numbers if abs(n[0] - value) <= n[1] * 1.01 + 1e-4), None)
        if match is None:
            missing.append(value)
        else:
            numbers.remove(match)
    return missing


@pytest.mark.parametrize("name", SEEN)
def test_numbers_as_the_text_shows_them(ran, name):
    text = shown(cell_of(ran, name))
    assert not unseen(text, SEEN[name]), text


@pytest.mark.parametrize("name", SEEN)
def test_numbers_as_the_page_shows_them(ran, name):
    markup = shown(cell_of(ran, name), "text/html")
    assert markup, "there is no text/html"
    text = html.unescape(re.sub(r"<(script|style)\b.*?</\1>|<[^>]*>", " ", markup,
                                flags=re.DOTALL))
    assert not unseen(text, SEEN[name]), text[:3000]


def test_the_report_is_one_page_that_asks_nothing_of_a_network(ran, notebook, root, tmp_path):
    executed = nbformat.from_dict(ran)
    executed.cells = executed.cells[:len(notebook.cells)]
    nbformat.write(executed, tmp_path / f"{NAME}.ipynb")
    subprocess.run([sys.executable, "-m", "nbconvert", "--to", "html", "--template", "patchbay",
                    f"--TemplateExporter.extra_template_basedirs={root / 'tools' / 'nbconvert'}",
                    "--output-dir", tmp_path, tmp_path / f"{NAME}.ipynb"],
                   check=True, capture_output=True)
    page = (tmp_path / f"{NAME}.html").read_text(encoding="utf-8")
    assert Page(page).fetched == []
    assert len(page) < 5_000_000
    for step in range(9):
        assert f"Step {step}:" in page
    text = BeautifulSoup(page, "html.parser").get_text()
    for name in SEEN:
        markup = shown(cell_of(executed, name), "text/html")
        assert BeautifulSoup(markup, "html.parser").get_text().strip()[:200] in text, name
