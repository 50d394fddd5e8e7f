"""Programs that are asked in turns, and what their times come to."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
BINARY = Path(os.environ.get("PATCHBAY_BINARY", ROOT / "build/release/kernel/app/patchbay"))
ENGINE = BINARY.parents[2] / "tests/bench/bench_ours"
# What the program sets for itself (kernel/app/main.c), so that the engine is measured as it is used.
SETTINGS = {"OMP_WAIT_POLICY": "PASSIVE"}
PAUSE = 0.02  # seconds: the last program's threads have stopped spinning


class Worker:
    """A program that answers lines with lines of JSON. `load_ms` is from its start to its first."""

    def __init__(self, name: str, *command: object, env: dict[str, str] | None = None):
        self.name = name
        start = time.perf_counter()
        self.process = subprocess.Popen([str(part) for part in command], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL,
                                        env={**os.environ, **(env or {})})
        self.about = self.answer()
        self.load_ms = 1e3 * (time.perf_counter() - start)

    def answer(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"bench: {self.name} ended with status {self.process.wait()}")
        return json.loads(line)

    def ask(self, *words: object) -> dict:
        time.sleep(PAUSE)
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def peak_mb(self) -> float:
        return peak_mb(self.process.pid)

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def engine(folder: Path) -> Worker:
    return Worker("patchbay", ENGINE, folder, env=SETTINGS)


def peer(kind: str, python: str, folder: Path) -> Worker:
    return Worker(kind, python, HERE / "peers.py", kind, folder)


def peak_mb(pid: int) -> float:
    """The most memory a process has held so far."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1000
    raise SystemExit("bench: the system does not say how much memory a process holds")


class Times:
    """Some tries of one thing; milliseconds unless it is memory."""

    def __init__(self, tries: list[float] | None = None):
        self.tries = tries or []

    def add(self, value: float | None) -> None:
        if value is not None:
            self.tries.append(value)

    def __bool__(self) -> bool:
        return bool(self.tries)

    @property
    def least(self) -> float:
        return min(self.tries)

    @property
    def median(self) -> float:
        return statistics.median(self.tries)

    def json(self) -> dict | None:
        if not self.tries:
            return None
        return {"min": self.least, "median": self.median, "tries": self.tries}


class Bounds:
    """What the machine needs, measured through the engine's program: see docs/performance.md."""

    MOST_ROWS = 512  # more rows make products no faster

    def __init__(self, ours: Worker, tries: int = 1):
        self.ours = ours
        self.tries = tries  # of what is short: as many as there are of what it is compared with
        self.read_speed = 0.0  # bytes a millisecond
        self.products: dict[int, float] = {}

    def refresh(self) -> None:
        """Forgets what was measured when the machine may have been busier or idler."""
        self.read_speed, self.products = 0.0, {}

    def rows(self, n: int) -> float:
        """ms of all layers' products on n rows."""
        about = self.ours.about
        whole = min(n, max(self.MOST_ROWS, about["context"]))
        if whole not in self.products:
            tries = self.tries if whole < 100 else 1
            self.products[whole] = self.ours.ask("products", whole, tries)["ms"]
        return self.products[whole] * n / whole

    def row_layers(self, count: int) -> float:
        """ms of that many rows times layers, a layer's weights read for up to 512 at a time."""
        each = max(1, round(count / self.ours.about["layers"]))
        if each <= self.MOST_ROWS:
            return self.rows(each)
        return self.rows(self.MOST_ROWS) * each / self.MOST_ROWS

    def attention(self, n: int) -> float:
        """ms of attention's products in all layers, for a prompt of n tokens."""
        return self.ours.ask("attention", n, self.tries if n < 100 else 1)["ms"]

    def bytes(self, count: float) -> float:
        """ms of reading so much memory once."""
        if not self.read_speed:
            got = self.ours.ask("read", 0, self.tries)
            self.read_speed = got["cells"] / got["ms"]
        return count / self.read_speed

    def copy(self) -> float:
        """ms of bringing the weights' files into new memory."""
        return self.ours.ask("copy", 0, 3)["ms"]

    def layer_flops(self) -> float:
        about = self.ours.about
        return 2 * about["width"] * (4 * about["width"] + 2 * about["mlp"])

    def unembed_bytes(self) -> float:
        return 4 * self.ours.about["width"] * self.ours.about["words"]

    def weight_bytes(self) -> float:
        return 2 * self.ours.about["layers"] * self.layer_flops() + self.unembed_bytes()


def machine() -> dict:
    model = next((line.split(":", 1)[1].strip() for line in
                  Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    return {"processor": model, "cpus": len(os.sched_getaffinity(0)),
            "load": [round(x, 2) for x in os.getloadavg()]}


def milliseconds(value: float | None) -> str:
    if value is None:
        return "-"
    if value < 9.95:
        return f"{value:.2f} ms"
    if value < 9950:
        return f"{value:.0f} ms"
    return f"{value / 1e3:.1f} s"


def ratio(a: float | None, b: float | None) -> str:
    if not a or not b:
        return "-"
    return f"{a / b:.2f}x" if a / b < 9.95 else f"{a / b:.0f}x"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table that is also readable as it stands."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def line(cells, fill=" "):
        return "| " + " | ".join(c.ljust(w, fill) if i == 0 else c.rjust(w, fill)
                                 for i, (c, w) in enumerate(zip(cells, widths))) + " |"

    rule = "|" + "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":"
                          for i, w in enumerate(widths)) + "|"
    return "\n".join([line(head), rule, *(line(row) for row in rows)])
