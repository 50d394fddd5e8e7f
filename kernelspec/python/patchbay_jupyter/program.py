"""The command `patchbay` of an environment to which pip installed Patchbay."""

import os
import sys
from pathlib import Path


def main():
    program = str(Path(__file__).parent / "bin" / "patchbay")
    os.execv(program, [program, *sys.argv[1:]])
