"""The table of tests/protocol/conformance, of the program itself: each row holds every time."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "protocol" / "conformance"))

from checks import CHECKS  # noqa: E402


@pytest.mark.slow
@pytest.mark.timed
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_row(kernelspec, check):
    held, tried, *note = check(kernelspec)
    assert held == tried, (check.__doc__, note)
