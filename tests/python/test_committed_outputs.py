"""The outputs that notebooks are committed with, against those of a fresh run: texts and numbers."""

from __future__ import annotations

import re
import subprocess
import sys

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbclient import NotebookClient

NUMBER = re.compile(r"[-+\u2212]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")
AFRESH = "run: tools/notebooks"
# What a check is off by is rounding alone: a machine's own.
ROUNDING = re.compile(r"(\bdifference\s+)[-+\u2212]?\d\.\de-0[5-9]")


@pytest.fixture(scope="module")
def committed(notebook_path):
    return nbformat.read(notebook_path, 4)


@pytest.fixture(scope="module")
def fresh(committed, notebook_path, kernelspec, patience):
    made = nbformat.from_dict(committed)
    for cell in made.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    NotebookClient(made, timeout=int(60 * patience), kernel_name=kernelspec, record_timing=False,
                   resources={"metadata": {"path": str(notebook_path.parent)}}).execute()
    return made


def texts(cell) -> list[tuple[str, str]]:
    """What a reader sees of a cell: each form of each output as text, with its kind."""
    found = []
    for output in cell.get("outputs", []):
        forms = output.get("data", {}) or {"text": output.get("text", output.get("evalue"))}
        for mime, form in sorted(forms.items()):
            if mime == "text/html":
                form = BeautifulSoup(form, "html.parser").get_text(" ")
            found.append((f"{output.output_type} {mime}", form))
    return found


def last_digit(number: str) -> float:
    """What one more in the last digit is worth."""
    mantissa, _, exponent = number.partition("e")
    return 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))


def value(number: str) -> float:
    return float(number.replace(",", "").replace("\u2212", "-"))


def same(one: str, other: str) -> bool:
    """The same words, and numbers that differ by a unit of their last digit at most: machines
    differ in how they round. Lines may be padded differently for that."""
    one, other = (ROUNDING.sub(r"\1e", text) for text in (one, other))
    words = [" ".join(NUMBER.sub(" # ", text).split()) for text in (one, other)]
    pairs = list(zip(NUMBER.findall(one), NUMBER.findall(other)))
    return words[0] == words[1] and all(
        abs(value(a) - value(b)) <= 1.01 * max(last_digit(a), last_digit(b)) for a, b in pairs
        if a != b and "." in a + b) and all(a == b for a, b in pairs if "." not in a + b)


def test_the_outputs_are_those_of_a_fresh_run(committed, fresh):
    for before, now in zip(committed.cells, fresh.cells):
        shown = texts(before)
        assert shown or before.cell_type != "code", (AFRESH, before.source)
        assert [kind for kind, _ in shown] == [kind for kind, _ in texts(now)], AFRESH
        for (_, was), (_, is_now) in zip(shown, texts(now)):
            assert same(was, is_now), (AFRESH, before.source, was, is_now)


def test_the_comparison_sees_what_differs():
    assert same("a 1.50 b", "a  1.51 b") and same("-0.000", "0.000") and same("1e-07", "1e-07")
    assert not same("a 1.50", "a 1.52") and not same("rank 1", "rank 2") and not same("a 1", "b 1")
    assert same("(difference 2.6e-06)", "(difference 3.1e-05)")
    assert not same("difference 2.6e-06", "difference 2.6e-03")
    assert not same("1 2", "1") and not same("1.0e-07", "1.0e-06")


def test_nothing_of_the_machine_is_in_the_file(committed, notebook_path, root):
    text = notebook_path.read_text(encoding="utf-8")
    assert str(root) not in text and "/home/" not in text
    assert not [cell for cell in committed.cells if "execution" in cell.metadata]
    assert len(text) < 1_000_000


def test_a_viewer_that_runs_nothing_shows_them(committed, notebook_path, tmp_path):
    subprocess.run([sys.executable, "-m", "nbconvert", "--to", "html", "--output-dir", tmp_path, notebook_path],
                   check=True, capture_output=True)
    page = (tmp_path / f"{notebook_path.stem}.html").read_text(encoding="utf-8")
    seen = "".join(BeautifulSoup(page, "html.parser").get_text().split())
    for cell in committed.cells:
        for kind, text in texts(cell):
            if kind.endswith("html"):
                assert "".join(text.split())[:200] in seen, cell.source
