"""Runs the unit tests of a build under valgrind and writes the results as JUnit.

    memcheck.py BUILD RESULTS.xml

The tests are those ctest labels `unit`, less those labelled `slow`. Any read of memory that was not
written, and any block that nothing points at in the end, fails its test.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as xml
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

VALGRIND = [
    "valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full",
    "--errors-for-leak-kinds=definite", "--show-leak-kinds=definite", "--num-callers=30",
]
SECONDS = 1800


def tests(build: Path) -> list[dict]:
    listed = subprocess.run(
        ["ctest", "--test-dir", str(build), "-L", "unit", "-LE", "slow", "--show-only=json-v1"],
        check=True, capture_output=True, text=True,
    )
    return [test for test in json.loads(listed.stdout)["tests"] if test.get("command")]


def run(test: dict, root: Path) -> tuple[dict, int, str, float]:
    suppressions = root / "tools" / "sanitizers" / "valgrind.supp"
    options = [f"--suppressions={suppressions}"] if suppressions.exists() else []
    began = time.monotonic()
    try:
        done = subprocess.run(
            VALGRIND + options + test["command"], cwd=root, timeout=SECONDS,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        status, output = done.returncode, done.stdout
    except subprocess.TimeoutExpired:
        status, output = -1, f"took longer than {SECONDS} s"
    return test, status, output, time.monotonic() - began


def main() -> int:
    build, results = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    root = Path(__file__).resolve().parents[1]
    suite = xml.Element("testsuite", name="valgrind")
    failed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for test, status, output, seconds in pool.map(lambda t: run(t, root), tests(build)):
            case = xml.SubElement(suite, "testcase", classname="valgrind", name=test["name"],
                                  time=f"{seconds:.2f}")
            if status != 0:
                failed += 1
                xml.SubElement(case, "failure", message=f"exit status {status}")
                print(f"---- {test['name']}: exit status {status}\n{output[-6000:]}")
            print(f"{'failed' if status else 'passed'}  {test['name']}  {seconds:.1f} s", flush=True)
    xml.ElementTree(suite).write(results, encoding="utf-8", xml_declaration=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
