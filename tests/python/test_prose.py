"""What a notebook's prose says is what its cells show.

A markdown cell's metadata lists its claims: {"says": "15.67", "is": CODE, "format": ".2f"} for a
number, {"says": "L4H0", "holds": CODE} for a word that rests on a condition. Each is computed by
the kernel after the notebook has run, and every decimal number in the prose has to be claimed.
"""

from __future__ import annotations

import re

import nbformat
import pytest
from nbclient import NotebookClient

DECIMAL = re.compile(r"(?<![\w.])[+-]?\d+\.\d+(?![\w.]*\w)")
# Decimals that are no output of a cell: the size of reviews-4m, as its card says it.
NOT_CLAIMED = {"4.3"}


def prose(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "markdown"]


def claims_of(cell):
    return cell.metadata.get("patchbay", {}).get("claims", [])


@pytest.fixture(scope="module")
def notebook(notebook_path):
    return nbformat.read(notebook_path, as_version=4)


@pytest.fixture(scope="module")
def answers(notebook, root, kernelspec, patience):
    """What the kernel says to each claim's code, in order, after the whole notebook."""
    asked = nbformat.from_dict(notebook)
    codes = [(cell.id, claim) for cell in prose(notebook) for claim in claims_of(cell)]
    for number, (_, claim) in enumerate(codes):
        code = claim.get("is") or f"1 if {claim['holds']} else 0"
        cell = nbformat.v4.new_code_cell(f"print(float({code}))")
        cell["id"] = f"claim-{number}"
        asked.cells.append(cell)
    NotebookClient(asked, timeout=int(60 * patience), kernel_name=kernelspec,
                   resources={"metadata": {"path": str(root / "notebooks")}}).execute()
    printed = {cell.id: "".join(o.text for o in cell.outputs if o.output_type == "stream")
               for cell in asked.cells if cell.id.startswith("claim-")}
    return [(cell_id, claim, float(printed[f"claim-{number}"]))
            for number, (cell_id, claim) in enumerate(codes)]


def test_every_claim_holds(answers):
    wrong = []
    for cell_id, claim, value in answers:
        if "is" in claim:
            shown = format(value, claim["format"])
            if shown != claim["says"]:
                wrong.append(f"{cell_id}: {claim['says']} is now {shown} ({claim['is']})")
        elif value != 1:
            wrong.append(f"{cell_id}: '{claim['says']}' no longer holds ({claim['holds']})")
    assert not wrong, "\n".join(wrong)


def test_claims_stand_in_the_text(notebook):
    for cell in prose(notebook):
        for claim in claims_of(cell):
            assert claim["says"] in cell.source, (cell.id, claim["says"])


def test_every_number_is_claimed(notebook):
    for cell in prose(notebook):
        text = re.sub(r"`[^`]*`", "", cell.source)
        claimed = {claim["says"] for claim in claims_of(cell)} | NOT_CLAIMED
        for number in DECIMAL.findall(text):
            assert number in claimed, f"{cell.id} says {number}, which no claim supports"
