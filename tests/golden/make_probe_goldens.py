"""Goldens for probe(): what scikit-learn learns from the same split.

    PATCHBAY_BINARY=... python tests/golden/make_probe_goldens.py

Writes probe.json: a list of cases, each with x [prompt, d_model], labels, the split that Patchbay
chose (train, test), and for each method weights, intercept and accuracy on the held out part. It
needs scikit-learn and numpy; the versions it ran with stand in the file. Classes overlap, one
feature does not vary, and one case has more features than places.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import NearestCentroid
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).parent


def split_of(x: np.ndarray, labels: list[str], seed: int) -> tuple[list[int], list[int]]:
    with tempfile.TemporaryDirectory() as folder:
        cell = Path(folder) / "cell.pbay"
        cell.write_text(f'p = probe(tensor({x.tolist()}, axes=["prompt", "d_model"]), '
                        f'{json.dumps(labels)}, seed={seed})\nprint([p.train, p.test])\n')
        done = subprocess.run([os.environ["PATCHBAY_BINARY"], "run", cell],
                              capture_output=True, text=True, check=True)
    return tuple(json.loads(done.stdout))


def learn(x: np.ndarray, y: np.ndarray, train: list[int], test: list[int]) -> dict:
    scaler = StandardScaler().fit(x[train])
    z = scaler.transform(x)
    logistic = LogisticRegression(C=1, tol=1e-12, max_iter=100000, solver="newton-cholesky")
    logistic.fit(z[train], y[train])
    ridge = Ridge(alpha=1, solver="cholesky").fit(z[train], 2.0 * y[train] - 1)
    found = {"logistic": (logistic.coef_[0], logistic.intercept_[0], logistic.predict(z[test])),
             "ridge": (ridge.coef_, ridge.intercept_, ridge.predict(z[test]) > 0)}
    methods = {}
    for name, (weights, intercept, told) in found.items():
        weights = weights / scaler.scale_
        methods[name] = {"weights": weights.tolist(),
                         "intercept": float(intercept - weights @ scaler.mean_),
                         "accuracy": float(np.mean(told == y[test]))}
    centroids = NearestCentroid().fit(x[train], y[train])
    low, high = centroids.centroids_
    methods["mean"] = {"weights": (high - low).tolist(),
                       "intercept": float(-(high - low) @ (high + low) / 2),
                       "accuracy": float(np.mean(centroids.predict(x[test]) == y[test]))}
    return methods


def make_case(chance: np.random.Generator, rows: int, columns: int, seed: int) -> dict:
    y = np.arange(rows) % 3 == 0
    x = chance.normal(size=(rows, columns)) * chance.uniform(0.1, 5, columns) + chance.normal(size=columns)
    x[y, 0] += 1.5 * x[:, 0].std()
    x[:, 1] = 0.75
    x = np.round(x, 4).astype(np.float32).astype(np.float64)
    labels = ["praise" if one else "blame" for one in y]
    train, test = split_of(x, labels, seed)
    return {"seed": seed, "x": np.round(x, 4).tolist(), "labels": labels, "train": train,
            "test": test, "methods": learn(x, y, train, test)}


def main() -> None:
    chance = np.random.default_rng(18)
    cases = [make_case(chance, 40, 6, 0), make_case(chance, 30, 35, 7)]
    made = {"versions": {"scikit-learn": sklearn.__version__, "numpy": np.__version__}, "cases": cases}
    (HERE / "probe.json").write_text(json.dumps(made) + "\n")


if __name__ == "__main__":
    main()
