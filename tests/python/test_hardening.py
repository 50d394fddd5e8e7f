"""What the program is built with against faults in memory, read out of its file.

The layout is that of elf(5). What each protection is: the hardening guide of the OpenSSF
(https://best.openssf.org/Compiler-Hardening-Guides/).
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path

import pytest

ET_DYN = 3
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_GNU_STACK, PT_GNU_RELRO = 1, 2, 3, 0x6474E551, 0x6474E552
PF_X, PF_W = 1, 2
DT_NULL, DT_STRTAB, DT_SYMTAB, DT_RPATH, DT_TEXTREL, DT_RUNPATH = 0, 5, 6, 15, 22, 29
DT_FLAGS, DT_FLAGS_1 = 30, 0x6FFFFFFB
DF_BIND_NOW, DF_1_NOW, DF_1_PIE = 8, 1, 0x08000000
SHT_SYMTAB, SHT_DYNSYM = 2, 11


@dataclass
class Segment:
    kind: int
    flags: int
    offset: int
    address: int
    size: int


class Elf:
    """A 64-bit ELF file of this machine's byte order."""

    def __init__(self, path: Path):
        self.data = path.read_bytes()
        assert self.data[:5] == b"\x7fELF\x02", "no 64-bit ELF file"
        (self.type, _, _, _, programs, sections, _, _, size, count, section_size, section_count,
         _) = struct.unpack_from("=HHIQQQIHHHHHH", self.data, 16)
        self.segments = []
        for i in range(count):
            kind, flags, offset, address, _, length, _, _ = struct.unpack_from(
                "=IIQQQQQQ", self.data, programs + i * size)
            self.segments.append(Segment(kind, flags, offset, address, length))
        self.sections = [struct.unpack_from("=IIQQQQIIQQ", self.data, sections + i * section_size)
                         for i in range(section_count)]

    def of_kind(self, kind: int) -> list[Segment]:
        return [segment for segment in self.segments if segment.kind == kind]

    def dynamic(self) -> dict[int, int]:
        [table] = self.of_kind(PT_DYNAMIC)
        pairs = struct.iter_unpack("=QQ", self.data[table.offset:table.offset + table.size])
        found = {}
        for tag, value in pairs:
            if tag == DT_NULL:
                break
            found[tag] = value
        return found

    def imports(self) -> set[str]:
        """The names that the program has from other files."""
        [symbols] = [s for s in self.sections if s[1] == SHT_DYNSYM]
        names = self.sections[symbols[6]][4]
        found = set()
        for at in range(symbols[4], symbols[4] + symbols[5], 24):
            name, _, _, section = struct.unpack_from("=IBBH", self.data, at)
            if section == 0:
                end = self.data.index(b"\0", names + name)
                found.add(self.data[names + name:end].decode())
        return found


@pytest.fixture(scope="module")
def elf(binary) -> Elf:
    return Elf(Path(binary))


def test_the_program_lies_at_an_address_nobody_knows(elf):
    assert elf.type == ET_DYN and elf.of_kind(PT_INTERP)
    assert elf.dynamic()[DT_FLAGS_1] & DF_1_PIE
    assert DT_TEXTREL not in elf.dynamic()


def test_the_linkers_tables_are_read_only(elf):
    """All names are resolved before main(), so that their table can be closed to writing."""
    dynamic = elf.dynamic()
    assert dynamic.get(DT_FLAGS, 0) & DF_BIND_NOW and dynamic[DT_FLAGS_1] & DF_1_NOW
    assert len(elf.of_kind(PT_GNU_RELRO)) == 1


def test_what_can_be_written_cannot_be_run(elf):
    [stack] = elf.of_kind(PT_GNU_STACK)
    assert not stack.flags & PF_X
    for segment in elf.of_kind(PT_LOAD):
        assert not (segment.flags & PF_W and segment.flags & PF_X)


def test_libraries_come_from_the_system_alone(elf):
    built_beside_sources = os.environ.get("PATCHBAY_PRESET") == "onednn3"
    if not built_beside_sources:
        assert DT_RPATH not in elf.dynamic() and DT_RUNPATH not in elf.dynamic()


def test_the_stack_has_canaries(elf):
    assert "__stack_chk_fail" in elf.imports()


@pytest.fixture
def release():
    if os.environ.get("PATCHBAY_PRESET", "release") != "release":
        pytest.skip("of the release alone: a sanitizer checks copies itself, and needs symbols")


def test_copies_are_checked(elf, release):
    """_FORTIFY_SOURCE: functions that know how large what they write to is."""
    checked = {name for name in elf.imports() if name.endswith("_chk")}
    assert {"__memcpy_chk", "__snprintf_chk", "__vsnprintf_chk", "__read_chk"} <= checked


def test_the_release_is_stripped(elf, release):
    assert not [section for section in elf.sections if section[1] == SHT_SYMTAB]
    names = elf.sections[-1]
    table = elf.data[names[4]:names[4] + names[5]]
    assert b".shstrtab" in table and b".debug_info" not in table
