"""Compares golden files made afresh with the committed ones.

    compare.py FRESH [RESULTS.xml]

Every file in the folder FRESH is compared with the one of the same name beside this script: numbers
to 1e-4 absolute or relative, everything else exactly; what made them may differ.
"""

from __future__ import annotations

import json
import math
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

import numpy

HERE = Path(__file__).resolve().parent
TOLERANCE = 1e-4


def differences(fresh, kept, where: str = "") -> list[str]:
    """What differs between two values, a line each."""
    if isinstance(fresh, bool) or isinstance(kept, bool):
        return [] if fresh is kept else [f"{where}: {fresh} was {kept}"]
    if isinstance(fresh, (int, float)) and isinstance(kept, (int, float)):
        same = math.isclose(fresh, kept, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
        return [] if same else [f"{where}: {fresh} was {kept}"]
    if isinstance(fresh, dict) and isinstance(kept, dict):
        found = [f"{where}.{key}: only on one side" for key in fresh.keys() ^ kept.keys()]
        for key in fresh.keys() & kept.keys():
            if key not in ("made_with", "made_by"):
                found += differences(fresh[key], kept[key], f"{where}.{key}")
        return found
    if isinstance(fresh, list) and isinstance(kept, list):
        if len(fresh) != len(kept):
            return [f"{where}: {len(fresh)} entries were {len(kept)}"]
        return [line for i, pair in enumerate(zip(fresh, kept))
                for line in differences(*pair, f"{where}[{i}]")]
    return [] if fresh == kept else [f"{where}: {fresh!r} was {kept!r}"]


def arrays_differ(fresh, kept, where: str) -> list[str]:
    if fresh.shape != kept.shape or fresh.dtype != kept.dtype:
        return [f"{where}: {fresh.dtype}{fresh.shape} was {kept.dtype}{kept.shape}"]
    if fresh.dtype.kind == "f":
        same = numpy.allclose(fresh, kept, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
    else:
        same = numpy.array_equal(fresh, kept)
    return [] if same else [f"{where}: differs"]


def lines(path: Path) -> list[str]:
    """A list of entries, less the line that says what made them."""
    return [line for line in path.read_text().splitlines() if not line.startswith("made ")]


def compare(fresh: Path, kept: Path) -> list[str]:
    if not kept.exists():
        return ["is not committed"]
    if fresh.suffix == ".json":
        return differences(json.loads(fresh.read_text()), json.loads(kept.read_text()))
    if fresh.suffix == ".npy":
        return arrays_differ(numpy.load(fresh), numpy.load(kept), "")
    if fresh.suffix == ".npz":
        with numpy.load(fresh) as new, numpy.load(kept) as old:
            found = [f"{name}: only on one side" for name in set(new.files) ^ set(old.files)]
            for name in set(new.files) & set(old.files):
                found += arrays_differ(new[name], old[name], name)
            return found
    if fresh.suffix == ".f32":
        return arrays_differ(*(numpy.fromfile(path, "<f4") for path in (fresh, kept)), "")
    if fresh.suffix == ".txt":
        return [] if lines(fresh) == lines(kept) else ["differs"]
    return [] if fresh.read_bytes() == kept.read_bytes() else ["differs"]


def main() -> int:
    folder = Path(sys.argv[1])
    suite = xml.Element("testsuite", name="goldens")
    failed = 0
    for fresh in sorted(path for path in folder.iterdir()
                        if path.is_file() and path.suffix != ".py"):
        name = str(fresh.relative_to(folder))
        case = xml.SubElement(suite, "testcase", classname="goldens", name=name)
        found = compare(fresh, HERE / name)
        print(f"{'differs' if found else 'agrees'}  {name}")
        if found:
            failed += 1
            text = "\n".join(found[:20])
            print(text)
            xml.SubElement(case, "failure", message=f"{len(found)} differences").text = text
    if len(sys.argv) > 2:
        xml.ElementTree(suite).write(sys.argv[2], encoding="utf-8", xml_declaration=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
