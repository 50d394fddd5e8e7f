"""Linear algebra and statistics beside numpy's, on the same numbers."""
import subprocess

import numpy as np
import pytest


@pytest.fixture(scope="module")
def sums(tmp_path_factory, binary):
    """Runs a cell on a.npy [prompt, d_model], b.npy [prompt, head], c.npy [layer, row, column]."""
    folder = tmp_path_factory.mktemp("algebra")
    chance = np.random.default_rng(0)
    arrays = {"a": chance.normal(size=(7, 5)).astype(np.float32),
              "b": chance.normal(size=(7, 3)).astype(np.float32),
              "c": chance.normal(size=(2, 4, 4)).astype(np.float32)}
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    axes = {"a": ["prompt", "d_model"], "b": ["prompt", "head"], "c": ["layer", "row", "column"]}
    opening = "\n".join(f'{n} = tensor(read("{folder}/{n}.npy").values, axes={a})'.replace("'", '"')
                        for n, a in axes.items())

    def compute(**expressions):
        code = opening + "\n" + "\n".join(
            f'save({e}, "{folder}/out_{n}.npy")' for n, e in expressions.items())
        (folder / "cells.pbay").write_text(code)
        done = subprocess.run([binary, "run", folder / "cells.pbay"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return {n: np.load(folder / f"out_{n}.npy") for n in expressions}

    compute.arrays = {n: a.astype(np.float64) for n, a in arrays.items()}
    return compute


def signed(u):
    """Signs that make the largest of each column of u positive."""
    return np.sign(np.take_along_axis(u, np.abs(u).argmax(0)[None], 0))[0]


def test_svd(sums):
    got = sums(s="svd(a).s", u="svd(a).u", v="svd(a).v", each="svd(c, rows=\"row\").s")
    u, s, vt = np.linalg.svd(sums.arrays["a"], full_matrices=False)
    sign = signed(u)
    np.testing.assert_allclose(got["s"], s, rtol=1e-6)
    np.testing.assert_allclose(got["u"], u * sign, atol=1e-6)
    np.testing.assert_allclose(got["v"], vt.T * sign, atol=1e-6)
    np.testing.assert_allclose(got["each"], np.linalg.svd(sums.arrays["c"], compute_uv=False), rtol=1e-6)


def test_eig(sums):
    got = sums(real="eig(c).real", imag="eig(c).imag", trace="trace(c)")
    for layer in range(2):
        values = np.linalg.eigvals(sums.arrays["c"][layer])
        came = got["real"][layer] + 1j * got["imag"][layer]
        np.testing.assert_allclose(np.sort_complex(came), np.sort_complex(values), atol=1e-5)
    np.testing.assert_allclose(got["trace"], np.trace(sums.arrays["c"], axis1=1, axis2=2), rtol=1e-6)


def test_pca(sums):
    got = sums(x="pca(a, k=3).coordinates", d="pca(a, k=3).directions", share="pca(a, k=3).shares")
    centred = sums.arrays["a"] - sums.arrays["a"].mean(0)
    u, s, vt = np.linalg.svd(centred, full_matrices=False)
    sign = signed(u)
    np.testing.assert_allclose(got["x"], (u * s * sign)[:, :3], atol=1e-5)
    np.testing.assert_allclose(got["d"], (vt * sign[:, None])[:3], atol=1e-6)
    np.testing.assert_allclose(got["share"], (s**2 / (s**2).sum())[:3], rtol=1e-6)


def test_systems(sums):
    got = sums(x="lstsq(a, b)", y="solve(c[layer=0], b[prompt=0:4].rename(prompt=\"row\"))")
    a, b, c = (sums.arrays[n] for n in "abc")
    np.testing.assert_allclose(got["x"], np.linalg.lstsq(a, b, rcond=None)[0], atol=1e-6)
    np.testing.assert_allclose(got["y"], np.linalg.solve(c[0], b[:4]), rtol=1e-5, atol=1e-5)


def test_along_an_axis(sums):
    got = sums(var='var(a, "prompt")', median='median(a, "d_model")', q='quantile(a, 0.3, "prompt")',
               cumsum='cumsum(c, "row")', diff='diff(c, "row")', argsort='argsort(a, "prompt")',
               corr='corr(a, b, "prompt")', concat='concat([c, c], over="row")',
               cosine='cosine(a, b, "prompt")', cos="cos(a)", sin="sin(a)")
    a, b, c = (sums.arrays[n] for n in "abc")
    expected = {"var": a.var(0), "median": np.median(a, 1), "q": np.quantile(a, 0.3, axis=0),
                "cumsum": c.cumsum(1), "diff": np.diff(c, axis=1), "argsort": a.argsort(0),
                "corr": np.corrcoef(a.T, b.T)[:5, 5:], "concat": np.concatenate([c, c], 1),
                "cosine": a.T @ b / np.outer(np.linalg.norm(a, axis=0), np.linalg.norm(b, axis=0)),
                "cos": np.cos(a), "sin": np.sin(a)}
    for name, value in expected.items():
        np.testing.assert_allclose(got[name], value, atol=2e-6, err_msg=name)
