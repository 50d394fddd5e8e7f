"""No name stands for two things: types, and functions that other files see, over the whole tree.

Read from the sources, so that nothing has to be built. A file's own functions may be called what
another file's own are (`finish`, `add_row`); types may not, since readers carry them along.
"""

import collections
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMENT = re.compile(r"/\*.*?\*/", re.S)
RECORD = re.compile(r"^(?:typedef )?(?:struct|enum|union) (\w+) \{", re.M)
TYPEDEF = re.compile(r"^typedef (?!(?:struct|enum|union) (\w+) \1;)(?![^;]*\{)[^;(]*?(\w+);", re.M)
CALLED = re.compile(r"^typedef [^;{]*?\(\*(\w+)\)\(", re.M)
FUNCTION = re.compile(r"^(static )?(?:inline )?(?:const )?[A-Za-z_][\w ]*?[ *]+(\w+)\(", re.M)
CONSTANTS = re.compile(r"^(?:typedef )?enum(?: \w+)? \{(.*?)\}", re.M | re.S)


def names(sources):
    """Types, public functions, files' own functions and enums' constants: the files of each."""
    types, public, own, constants = (collections.defaultdict(set) for _ in range(4))
    for path, text in sources.items():
        text = COMMENT.sub("", text)
        for match in [*RECORD.finditer(text), *TYPEDEF.finditer(text), *CALLED.finditer(text)]:
            types[match.group(match.lastindex)].add(path)
        for static, name in FUNCTION.findall(text):
            (own if static else public)[name].add(path)
        for body in CONSTANTS.findall(text):
            for name in re.findall(r"^\s*(PB_\w+)|,\s*(PB_\w+)", body, re.M):
                constants[name[0] or name[1]].add(path)
    return types, public, own, constants


def doubles(sources):
    types, public, own, constants = names(sources)
    found = [f"{name} is a type in {sorted(files)}"
             for table in (types, constants)
             for name, files in table.items() if len(files) > 1]
    for table, what in ((public, "a function"), (own, "a file's own function")):
        found += [f"{name} is a type in {sorted(types[name])} and {what} in {sorted(files)}"
                  for name, files in table.items() if name in types]
    found += [f"{name} is a function in {sorted(public[name])} and a file's own in {sorted(files)}"
              for name, files in own.items() if name in public]
    return sorted(found)


def test_no_name_stands_for_two_things():
    sources = {str(path.relative_to(ROOT)): path.read_text()
               for room in ("engine", "kernel") for path in sorted((ROOT / room).rglob("*.[ch]"))}
    types, public, own, _ = names(sources)
    assert len(types) > 300 and len(public) > 500 and len(own) > 1000
    assert doubles(sources) == []


def test_doubles_are_found():
    one = "typedef struct walk {\n    int n;\n} walk;\nint pb_go(void);\n"
    assert doubles({"a.h": one, "b.c": "struct walk {\n};\n"})
    assert doubles({"a.h": one, "b.c": "static int walk(int n)\n{\n}\n"})
    assert doubles({"a.h": one, "b.c": "static int pb_go(void)\n{\n}\n"})
    assert doubles({"a.h": one, "b.c": "typedef int (*walk)(void);\n"})
    assert doubles({"a.h": "enum {\n    PB_A,\n    PB_B\n};\n", "b.h": "enum { PB_C, PB_B };\n"})
    assert not doubles({"a.h": one, "a.c": "int pb_go(void)\n{\n}\nstatic int walks(void)\n{\n}\n"})


def test_a_family_is_named_in_its_own_file():
    """Everything else asks the shape. Names of tokenizers and of models on the hub may be a
    family's: those rooms are left out."""
    families = ROOT / "engine" / "model" / "families"
    known = {path.stem for path in families.glob("*.c")} - {"rope"}
    assert {"gpt2", "llama"} <= known
    elsewhere = {str(path.relative_to(ROOT)): COMMENT.sub("", path.read_text())
                 for room in ("engine", "kernel") for path in (ROOT / room).rglob("*.[ch]")
                 if path.parent != families and "tokenizer" not in path.parts
                 and path.name not in ("family.c", "known_models.c")}
    assert len(elsewhere) > 200
    for path, text in elsewhere.items():
        for family in known:
            assert f'"{family}"' not in text and f"pb_family_{family}" not in text, (path, family)
