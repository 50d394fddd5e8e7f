#!/usr/bin/env python3
"""Writes what transformers' activation functions give in double, for tests/math/test_activations.c.

    make_activations.py OUT.json

Needs torch and transformers, whose versions are written into the file.
"""
import json
import sys

import torch
import transformers
from transformers.activations import ACT2FN

LEARNED = {"prelu", "xielu"}  # they have weights of their own
POINTS = [i / 4 for i in range(-48, 49)] + [-1000.0, -100.0, -25.0, 19.99, 20.01, 25.0, 88.0, 100.0, 1000.0, 0.1, -1e-6, 1e-6]


def main():
    (out,) = sys.argv[1:]
    x = torch.tensor(POINTS, dtype=torch.float64)
    golden = {"made_by": f"tests/golden/make_activations.py with transformers {transformers.__version__}, "
                         f"torch {torch.__version__}", "x": POINTS,
              "values": {name: ACT2FN[name](x).tolist() for name in sorted(ACT2FN) if name not in LEARNED}}
    with open(out, "w", encoding="ascii") as file:
        json.dump(golden, file, indent=None, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
