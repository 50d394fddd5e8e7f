"""probe() beside scikit-learn on the same split (tests/golden/make_probe_goldens.py)."""
import json
import subprocess

import numpy as np
import pytest

PARTS = ["weights", "intercept", "accuracy", "direction", "scores", "train", "test"]


@pytest.fixture(scope="module")
def cases(root):
    return json.loads((root / "tests/golden/probe.json").read_text())["cases"]


def cell_of(case, method, more=""):
    return (f'p = probe(tensor({json.dumps(case["x"])}, axes=["prompt", "d_model"]), '
            f'{json.dumps(case["labels"])}, seed={case["seed"]}, method="{method}"{more})\n')


def run(binary, folder, code):
    (folder / "cell.pbay").write_text(code)
    done = subprocess.run([binary, "run", folder / "cell.pbay"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("method", ["logistic", "ridge", "mean"])
def test_scikit_learn_agrees(binary, tmp_path, cases, which, method):
    case = cases[which]
    values = ", ".join(f"p.{n}.values" if n in ("weights", "direction", "scores") else f"p.{n}" for n in PARTS)
    got = dict(zip(PARTS, run(binary, tmp_path, cell_of(case, method) + f"print([{values}])")))
    wanted = case["methods"][method]
    assert got["train"] == case["train"] and got["test"] == case["test"]
    np.testing.assert_allclose(got["weights"], wanted["weights"], atol=1e-4)
    assert got["intercept"] == pytest.approx(wanted["intercept"], abs=1e-4)
    assert got["accuracy"] == pytest.approx(wanted["accuracy"], abs=1e-6)
    weights = np.array(wanted["weights"])
    np.testing.assert_allclose(got["direction"], weights / np.linalg.norm(weights), atol=1e-4)
    np.testing.assert_allclose(got["scores"], np.array(case["x"]) @ weights + wanted["intercept"], atol=1e-3)


def test_the_split_is_a_fifth_of_each_label(cases):
    for case in cases:
        assert sorted(case["train"] + case["test"]) == list(range(len(case["labels"])))
        for label in ("praise", "blame"):
            all_of = case["labels"].count(label)
            held = [i for i in case["test"] if case["labels"][i] == label]
            assert len(held) == round(all_of / 5)


def test_positive_turns_the_direction_and_the_control_is_near_chance(binary, tmp_path, cases):
    code = cell_of(cases[0], "logistic") + "a = p.weights\n" + cell_of(cases[0], "logistic", ', positive="blame"')
    turned, shuffled = run(binary, tmp_path, code + "print([max(abs(a + p.weights)), p.shuffled])")
    assert turned < 1e-5
    assert 0.2 < shuffled < 0.8
