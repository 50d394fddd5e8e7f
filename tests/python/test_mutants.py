"""The rows of tests/mutants fit the code they change; planting them takes `tools/test mutants`."""

from __future__ import annotations

import subprocess
import sys

import pytest
from kernel_client import build_folder

pytestmark = pytest.mark.tools


@pytest.fixture(scope="module")
def mutants(root):
    sys.path.insert(0, str(root / "tests" / "mutants"))
    import mutants
    yield mutants
    sys.path.pop(0)


def test_every_row_fits_the_code(root):
    done = subprocess.run([sys.executable, root / "tests" / "mutants" / "mutants.py", "check",
                           build_folder()], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_row_is_planted_where_its_text_stands_once(mutants):
    (row,) = mutants.parse("name: a\nfile: f.c\n- if (a <  b) return;\n+ if (a <= b) return;\ntests: t\n",
                           "base")
    assert row.planted("x;\nif (a < b)\n    return;\ny;") == "x;\nif (a <= b) return;\ny;"
    for text in ("if (a > b) return;", "if (a < b) return; if (a < b) return;"):
        with pytest.raises(mutants.RowError, match="stands [02] times"):
            row.planted(text)


@pytest.mark.parametrize("text", [
    "name: a\nfile: f.c\n- x\ntests:\n",  # seen by no test
    "name: a\n- x\n+ y\ntests: t\n",  # of no file
    "name: a\nfile: f.c\n- x\n+ y\ntests: t\nunder: memory\n",
    "name: a\nfile: f.c\nx\n+ y\ntests: t\n",
])
def test_rows_that_lack_something_are_refused(mutants, text):
    with pytest.raises(mutants.RowError):
        mutants.parse(text, "base")
