"""Small faults, put into the code one by one, to see which of them the tests see.

    mutants.py check [BUILD]                    every row fits the code; no build is made
    mutants.py run FOLDER [LAYER | NAME]...     plants each in FOLDER, builds, and runs its tests

A file LAYER.txt beside this one holds rows, an empty line between them:

    name: a word for it, the row's own
    file: the file's name, with as much of its path as it takes to be the only one
    - what stands there, once; any white space is as good as any other
    + what stands there instead (nothing: it is taken away)
    under: address (only where it takes that sanitizer to see it)
    tests: the tests that see it: programs of ctest, or pytest:FILE.py, or pytest:FILE.py::PART+PART,
        for those that have one of these in their names
    survives: why no test can see it (only where that is so)

Each is planted in a copy of the tree in FOLDER, never in the tree itself. A row that does not fit the
code, or does not compile, is an error of the row.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SOURCES = ("engine", "kernel")
# A fault may leave a variable unused, which is no reason not to compile.
FLAGS = {"": "-O1 -w", "address": "-O1 -g1 -w"}
SECONDS = 120  # a test that takes longer has seen something


class RowError(Exception):
    """A row that cannot be used, and why."""


@dataclass
class Row:
    layer: str
    name: str = ""
    file: str = ""
    old: str = ""
    new: str = ""
    under: str = ""
    tests: tuple[str, ...] = ()
    survives: str = ""

    def source(self, root: Path) -> Path:
        """Its file under a root, which no other has to be as well."""
        found = [path for top in SOURCES for path in (root / top).rglob(Path(self.file).name)
                 if f"/{path.relative_to(root)}".endswith(f"/{self.file}")]
        if len(found) != 1:
            raise RowError(f"{len(found)} files are called {self.file}")
        return found[0]

    def planted(self, text: str) -> str:
        """The text of its file, with the fault."""
        pattern = r"\s+".join(map(re.escape, self.old.split()))
        found = list(re.finditer(pattern, text))
        if len(found) != 1:
            raise RowError(f"'{self.old}' stands {len(found)} times in {self.file}")
        if self.old.split() == self.new.split():
            raise RowError("it changes nothing")
        return text[:found[0].start()] + self.new + text[found[0].end():]


def parse(text: str, layer: str) -> list[Row]:
    rows = []
    for block in re.split(r"\n\s*\n", text):
        row = Row(layer)
        for line in block.splitlines():
            if line.startswith("#") or not line.strip():
                continue
            if line.startswith("- "):
                row.old += line[2:]
            elif line == "+" or line.startswith("+ "):
                row.new += line[2:]
            elif line.partition(":")[0] in ("name", "file", "under", "tests", "survives"):
                key, _, value = line.partition(":")
                value = value.strip()
                setattr(row, key, tuple(value.split()) if key == "tests" else value)
            else:
                raise RowError(f"{layer}.txt: what is '{line}'?")
        if row.name or row.old:
            if not (row.name and row.file and row.old and row.tests and row.under in FLAGS):
                raise RowError(f"{layer}.txt: a row lacks something: {row}")
            rows.append(row)
    return rows


def all_rows() -> list[Row]:
    rows = [row for path in sorted(HERE.glob("*.txt"))
            for row in parse(path.read_text(encoding="utf-8"), path.stem)]
    names = [row.name for row in rows]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise RowError(f"two rows of one name: {', '.join(sorted(twice))}")
    return rows


def known_tests(build: Path) -> set[str]:
    listed = subprocess.run(["ctest", "--test-dir", build, "-N"], check=True, capture_output=True,
                            text=True).stdout
    return set(re.findall(r"Test +#\d+: (\S+)", listed))


def check(root: Path, build: Path | None = None) -> list[str]:
    """What is wrong with the rows, a sentence for each that is."""
    try:
        rows = all_rows()
    except RowError as error:
        return [str(error)]
    wrong, known = [], known_tests(build) if build else None
    for row in rows:
        try:
            row.planted(row.source(root).read_text(encoding="utf-8"))
            for test in row.tests:
                if test.startswith("pytest:"):
                    name = test.removeprefix("pytest:").partition("::")[0]
                    if not (root / "tests" / "python" / name).exists():
                        raise RowError(f"there is no {name}")
                elif known is not None and test not in known:
                    raise RowError(f"ctest knows no {test}")
        except RowError as error:
            wrong.append(f"{row.layer}.txt, {row.name}: {error}")
    return wrong


class Nursery:
    """A copy of the tree with a build of its own."""

    def __init__(self, folder: Path):
        self.tree = folder / "tree"

    def build(self, under: str) -> Path:
        return self.tree / "build" / f"mutants{under and '-'}{under}"

    def prepare(self, sanitizers: set[str]) -> None:
        """Brings the copy up to date; files that have not changed keep their times."""
        listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others",
                                 "--exclude-standard"], cwd=ROOT, check=True, capture_output=True)
        names = {name for name in listed.stdout.decode().split("\0") if (ROOT / name).is_file()}
        for path in self.tree.rglob("*"):
            if path.is_file() and self.tree / "build" not in path.parents and \
                    str(path.relative_to(self.tree)) not in names:
                path.unlink()
        for name in names:
            source, copy = ROOT / name, self.tree / name
            if not copy.exists() or copy.read_bytes() != source.read_bytes():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, copy)
        for name in ("gpt2-vocab", "tokenizers", "smollm2-135m"):
            fetched, link = ROOT / "build" / name, self.tree / "build" / name
            if fetched.exists() and not link.exists():
                link.parent.mkdir(exist_ok=True)
                link.symlink_to(fetched)
        ninja = ["-G", "Ninja"] if shutil.which("ninja") else []
        for under in sanitizers:
            run(["cmake", "-S", self.tree, "-B", self.build(under), *ninja,
                 "-DCMAKE_BUILD_TYPE=None", f"-DCMAKE_C_FLAGS={FLAGS[under]}",
                 f"-DPATCHBAY_SANITIZE={under}"], 300)

    def make(self, under: str, targets: set[str]) -> tuple[bool, str]:
        return run(["cmake", "--build", self.build(under), "--parallel", str(os.cpu_count()), "--target",
                    *sorted(targets)], 900)

    def sees(self, under: str, test: str) -> tuple[bool, str]:
        """Whether a test fails, and what it said."""
        env = {**os.environ, "OMP_WAIT_POLICY": "passive",
               "PATCHBAY_BINARY": str(self.build(under) / "kernel/app/patchbay")}
        if test.startswith("pytest:"):
            name, _, part = test.removeprefix("pytest:").partition("::")
            command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider",
                       "--numprocesses", str(2 * (os.cpu_count() or 1)),
                       self.tree / "tests/python" / name, *(["-k", part.replace("+", " or ")] if part else [])]
        else:
            command = ["ctest", "--test-dir", self.build(under), "-R", f"^{test}$", "--output-on-failure",
                       "--no-tests=error"]
        passed, said = run(command, SECONDS, env)
        return not passed, said


def run(command: list, seconds: float, env: dict | None = None) -> tuple[bool, str]:
    """Runs a command, and all it starts for no longer than told; whether it ended well, its output."""
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", env=env,
                          start_new_session=True) as process:
        try:
            said, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            said = process.communicate()[0] + f"\ntook longer than {seconds} s"
    return process.returncode == 0, said


def targets_of(tests) -> set[str]:
    return {target for test in tests
            for target in (("patchbay", "fake_kernel") if test.startswith("pytest:") else (test,))}


def plant(nursery: Nursery, row: Row) -> tuple[str, str]:
    """Tries one: 'killed', 'survived', or 'wrong', and by whom, or why."""
    source = row.source(nursery.tree)
    sound = source.read_text(encoding="utf-8")
    source.write_text(row.planted(sound), encoding="utf-8")
    try:
        for test in row.tests:
            made, said = nursery.make(row.under, targets_of([test]))
            if not made:
                return "wrong", "it does not compile:\n" + said[-2000:]
            seen, said = nursery.sees(row.under, test)
            if seen:
                return "killed", test
        return "survived", row.survives or "nothing is known of why"
    finally:
        source.write_text(sound, encoding="utf-8")


def chosen(names: list[str]) -> list[Row]:
    rows = all_rows()
    unknown = set(names) - {row.name for row in rows} - {row.layer for row in rows}
    if unknown:
        raise RowError(f"there is neither a layer nor a row called {', '.join(sorted(unknown))}")
    return [row for row in rows if not names or row.layer in names or row.name in names]


def sound(nursery: Nursery, rows: list[Row]) -> list[str]:
    """The tests that fail without any fault, which would see everything."""
    wrong = []
    for under in sorted({row.under for row in rows}):
        tests = sorted({test for row in rows if row.under == under for test in row.tests})
        made, said = nursery.make(under, targets_of(tests))
        if not made:
            return [f"the tests cannot be built:\n{said[-4000:]}"]
        for test in tests:
            seen, said = nursery.sees(under, test)
            if seen:
                wrong.append(f"{test} fails without any fault:\n{said[-2000:]}")
    return wrong


def main() -> int:
    what, *rest = sys.argv[1:] or ["check"]
    if what == "check":
        wrong = check(ROOT, Path(rest[0]) if rest else None)
        print("\n".join(wrong) or f"{len(all_rows())} rows fit")
        return 1 if wrong else 0
    rows, nursery = chosen(rest[1:]), Nursery(Path(rest[0]).resolve())
    nursery.prepare({row.under for row in rows})
    wrong = check(nursery.tree, nursery.build(rows[0].under)) or sound(nursery, rows)
    if wrong:
        print("\n".join(wrong))
        return 2
    told = {"killed": [], "survived": [], "wrong": []}
    for row in rows:
        began = time.monotonic()
        end, why = plant(nursery, row)
        told[end].append((row, why))
        print(f"{end:8}  {row.layer}: {row.name} ({why.splitlines()[0]})  "
              f"{time.monotonic() - began:.0f} s", flush=True)
    print()
    for end in ("wrong", "survived"):
        for row, why in told[end]:
            print(f"{end}  {row.layer}: {row.name}: {why}")
    print(f"{len(told['killed'])} killed, {len(told['survived'])} survived, "
          f"{len(told['wrong'])} wrong")
    unexplained = [row for row, _ in told["survived"] if not row.survives]
    return 1 if unexplained or told["wrong"] else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RowError as error:
        sys.exit(f"mutants: {error}")
