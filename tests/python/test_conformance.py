"""The table of tests/protocol/conformance, of the program itself: each row holds every time."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "protocol" / "conformance"))

from checks import CHECKS, SOON, floods  # noqa: E402

ROWS = [pytest.param(check, id=check.__name__, marks=[pytest.mark.timed] * (check in SOON))
        for check in CHECKS if check is not floods]


@pytest.mark.slow
@pytest.mark.parametrize("check", ROWS)
def test_row(kernelspec, check):
    held, tried, *note = check(kernelspec)
    assert held == tried, (check.__doc__, note)


@pytest.mark.slow
def test_floods(kernelspec):
    """Beside other tests: an answer has seven seconds, and how memory grows in a longer flood is
    test_protocol.py's to say."""
    held, tried, *note = floods(kernelspec, least=1)
    assert held == tried, note
