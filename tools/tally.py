"""Adds up the results of every suite and prints them as one closing line.

    tally.py FOLDER

FOLDER holds a JUnit file NAME.xml for each suite that ran, and a file NAME.broken, with a sentence
in it, for each that ended without telling its failures. Exit status 1 if anything failed or nothing
ran.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as xml
from pathlib import Path


def count(path: Path) -> tuple[int, list[str], int]:
    """Passed, names of the failed, skipped."""
    passed, failed, skipped = 0, [], 0
    for case in xml.parse(path).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed.append(f"{path.stem}: {case.get('classname', '')} {case.get('name', '')}")
        elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def main() -> int:
    folder = Path(sys.argv[1])
    passed, failed, skipped = 0, [], 0
    for path in sorted(folder.glob("*.xml")):
        try:
            counts = count(path)
        except xml.ParseError as error:
            counts = (0, [f"{path.stem}: its results cannot be read ({error})"], 0)
        passed, failed, skipped = passed + counts[0], failed + counts[1], skipped + counts[2]
    for path in sorted(folder.glob("*.broken")):
        failed.append(f"{path.stem}: {path.read_text().strip()}")
    for name in failed:
        print(f"failed  {name}")
    print(f"{passed} passed, {len(failed)} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
