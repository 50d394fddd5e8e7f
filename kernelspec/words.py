"""Writes python/patchbay_jupyter/words.json, which colours go by, from what the program says of itself.

    words.py PROGRAM [FILE]     PROGRAM is patchbay; FILE is that file unless given
"""

import json
import re
import subprocess
import sys
from pathlib import Path

# Reserved words are the grammar's; a test sees that each is refused as a name.
KEYWORDS = ["and", "else", "for", "if", "in", "is", "lambda", "not", "or"]
VALUES = ["False", "None", "True"]


def words(program: str) -> dict[str, list[str]]:
    text = subprocess.run([program, "eval", "help()"], check=True, capture_output=True,
                          text=True).stdout
    groups = {name: names.split(", ")
              for name, names in re.findall(r"^- ([^:]+): (.+)$", text, re.MULTILINE)}
    constants = groups.pop("Values")
    return {"keywords": KEYWORDS, "values": sorted(VALUES + constants),
            "words": sorted(name for names in groups.values() for name in names)}


if __name__ == "__main__":
    file = Path(sys.argv[2] if len(sys.argv) > 2
                else Path(__file__).parent / "python" / "patchbay_jupyter" / "words.json")
    file.write_text(json.dumps(words(sys.argv[1]), indent=1) + "\n", encoding="utf-8")
