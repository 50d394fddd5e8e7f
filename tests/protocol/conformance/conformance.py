"""Kernels side by side, on the wire: how often each held to what a row says.

    python conformance.py KERNEL... [--only CHECK...]

Kernels are named as `jupyter kernelspec list` names them. Everything goes over loopback, is bounded
in count and in time, and stops by itself. It takes some three minutes a kernel. The table is
Markdown; docs/security.md holds one.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python"))

from checks import CHECKS  # noqa: E402
from kernels import Kernel, reply  # noqa: E402


def versions(name):
    """How a kernel calls itself."""
    with Kernel(name) as kernel:
        answer = reply(kernel.client, kernel.client.send("kernel_info_request"))
        info = answer["content"] if answer else {}
        return f"{info.get('implementation', name)} {info.get('implementation_version', '')}"


def result(check, name):
    """A cell of the table. A kernel that cannot even be asked has held to nothing."""
    try:
        held, tried, *note = check(name)
    except Exception as failure:  # pylint: disable=broad-except
        print(f"{name}: {check.__name__}: {failure!r}", file=sys.stderr)
        return "none", False
    return f"{held} of {tried}" + "".join(f"; {one}" for one in note), held == tried


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kernels", nargs="+", metavar="KERNEL")
    parser.add_argument("--only", nargs="+", metavar="CHECK", default=None,
                        help="some of: " + ", ".join(check.__name__ for check in CHECKS))
    asked = parser.parse_args()
    print("| what | " + " | ".join(versions(name) for name in asked.kernels) + " |")
    print("|---" * (len(asked.kernels) + 1) + "|", flush=True)
    whole = True
    for check in CHECKS:
        if asked.only and check.__name__ not in asked.only:
            continue
        cells = [result(check, name) for name in asked.kernels]
        whole = whole and cells[0][1]
        print(f"| {check.__doc__.splitlines()[0]} | " + " | ".join(text for text, _ in cells) + " |", flush=True)
    return 0 if whole else 1  # the first kernel is the one under test


if __name__ == "__main__":
    sys.exit(main())
