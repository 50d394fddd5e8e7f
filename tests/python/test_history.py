"""The history's file as a kernel meets it: locked by another program, or prepared by one."""

from __future__ import annotations

import sqlite3
import time

import pytest
from kernel_client import Kernel


@pytest.fixture
def kernel(tmp_path):
    kernel = Kernel(tmp_path, name="patchbay")
    yield kernel
    kernel.close()


def sources(client, **question) -> list[str]:
    asked = {"hist_access_type": "tail", "n": 100, "output": False, "raw": True, **question}
    return [item[2] for item in client.ask("history_request", asked)["history"]]


def test_a_locked_history_costs_one_cell_half_a_second(kernel, tmp_path, patience):
    """The first cell waits for the lock; the others only if it comes free. None is lost."""
    client = kernel.client
    client.run("0")
    other = sqlite3.connect(tmp_path / "history.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    begun = time.monotonic()
    for i in range(1, 11):
        client.run(str(i))
    assert time.monotonic() - begun < 2 * patience
    assert sources(client) == [str(i) for i in range(11)]
    other.execute("COMMIT")
    client.run("11")
    stored = other.execute("SELECT source FROM cells ORDER BY id").fetchall()
    assert stored == [(str(i),) for i in range(12)]
    assert kernel.log().count("locked") == 1


def test_a_prepared_history_runs_nothing(tmp_path):
    path = tmp_path / "history.sqlite"
    first = Kernel(tmp_path, name="patchbay")
    first.client.run("1")
    first.client.ask("shutdown_request", {"restart": False}, channel="control")
    first.wait()
    first.close()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE loot(x)")
        for event in ("INSERT ON cells", "INSERT ON sessions", "DELETE ON cells", "UPDATE ON cells"):
            database.execute(f"CREATE TRIGGER [{event}] AFTER {event} BEGIN INSERT INTO loot VALUES(1); END")
    database.close()
    kernel = Kernel(tmp_path, name="patchbay")
    try:
        kernel.client.run("2")
        kernel.client.run("3")
        assert sources(kernel.client) == ["1", "2", "3"]
    finally:
        kernel.close()
    assert sqlite3.connect(path).execute("SELECT count(*) FROM loot").fetchone() == (0,)
