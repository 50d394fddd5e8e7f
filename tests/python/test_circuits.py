"""OV and QK circuits from their factors beside the whole matrices in numpy."""
import json
import subprocess

import numpy as np
import pytest

CELL = """
model = load("reviews-4m");
for_all = ov();
save(model.W_V[layer=5, head=1], "{0}/v.npy")
save(model.W_O[layer=5, head=1], "{0}/o.npy")
save(model.W_Q[layer=5, head=1], "{0}/q.npy")
save(model.W_K[layer=5, head=1], "{0}/k.npy")
save(model.W_E, "{0}/e.npy")
save(model.W_U, "{0}/unembed.npy")
save(ov("L5H1").svd.s, "{0}/ov_s.npy")
save(ov("L5H1").svd.u, "{0}/ov_u.npy")
save(ov("L5H1").svd.v, "{0}/ov_v.npy")
save(qk("L5H1").svd.s, "{0}/qk_s.npy")
save(qk("L5H1").eig.real, "{0}/qk_real.npy")
save(qk("L5H1").eig.imag, "{0}/qk_imag.npy")
save(for_all.svd.s, "{0}/all_s.npy")
save(for_all.copying(), "{0}/copying.npy")
print([ov("L5H1").copying(), ov("L5H1").copying(embed="effective"), ov("L5H3").copying(embed="effective"), ov("L5H4").copying(embed="effective")])
"""


@pytest.fixture(scope="module")
def made(binary, tmp_path_factory, root):
    folder = tmp_path_factory.mktemp("circuits")
    (folder / "cell.pbay").write_text(CELL.format(folder))
    done = subprocess.run([binary, "run", folder / "cell.pbay"], capture_output=True, text=True, cwd=root)
    assert done.returncode == 0, done.stderr
    arrays = {path.stem: np.load(path).astype(np.float64) for path in folder.glob("*.npy")}
    arrays["scores"] = json.loads(done.stdout.splitlines()[-1])
    return arrays


def test_singular_values_and_vectors(made):
    whole = made["v"] @ made["o"]
    u, s, vt = np.linalg.svd(whole)
    n = made["ov_s"].size
    np.testing.assert_allclose(made["ov_s"], s[:n], atol=1e-5)
    np.testing.assert_allclose(made["ov_u"] * made["ov_s"] @ made["ov_v"].T, whole, atol=1e-5)
    largest = np.take_along_axis(made["ov_u"], np.abs(made["ov_u"]).argmax(0)[None], 0)
    assert (largest > 0).all()
    np.testing.assert_allclose(made["all_s"][5, 1], made["ov_s"], atol=1e-6)
    np.testing.assert_allclose(made["qk_s"], np.linalg.svd(made["q"] @ made["k"].T, compute_uv=False)[:n], atol=1e-5)


def test_eigenvalues(made):
    values = np.linalg.eigvals(made["q"] @ made["k"].T)
    values = values[np.argsort(-np.abs(values))][:made["qk_real"].size]
    came = made["qk_real"] + 1j * made["qk_imag"]
    np.testing.assert_allclose(np.sort_complex(came), np.sort_complex(values), atol=1e-4)


def test_copying_is_of_the_whole_circuit(made):
    # W_E M W_U and M W_U W_E have the same eigenvalues but for zeros
    values = np.linalg.eigvals(made["v"] @ made["o"] @ made["unembed"] @ made["e"])
    values = values[np.argsort(-np.abs(values))][:made["ov_s"].size]
    assert made["scores"][0] == pytest.approx(values.sum().real / np.abs(values).sum(), abs=1e-4)
    assert made["copying"][5, 1] == pytest.approx(made["scores"][0], abs=1e-6)


def test_copying_heads_of_the_definitions(made):
    # W_E alone gives about -0.95 for middle heads; with the first MLP three heads are near 1
    assert (made["copying"][2:4] < -0.7).all() and np.median(made["copying"][2:5]) < -0.93
    assert min(made["scores"][1:]) > 0.99
