"""generalize() beside the same statistics written out in numpy."""
import itertools
import json
import subprocess

import numpy as np
import pytest


@pytest.fixture
def run(binary, tmp_path):
    def compute(code):
        (tmp_path / "cell.pbay").write_text(code)
        done = subprocess.run([binary, "run", tmp_path / "cell.pbay"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    return compute


def numbers(n, middle):
    return np.round(np.random.default_rng(n).normal(middle, 1, n), 3)


@pytest.mark.parametrize("n", [5, 13])
def test_p_counts_every_flip_up_to_13(run, n):
    x = numbers(n, 0.6)
    p, least = run(f"g = generalize({x.tolist()})\nprint([g.p, g.least_p])")
    sums = np.array(list(itertools.product([-1, 1], repeat=n))) @ x.astype(np.float32).astype(np.float64)
    assert p == pytest.approx(np.mean(np.abs(sums) >= abs(x.sum()) - 1e-6), abs=1e-7)
    assert least == 2.0 ** (1 - n)


def test_p_of_more_is_counted_with_the_observed_one(run):
    x = numbers(20, 0.45)
    p, least, far = run(f"g = generalize({x.tolist()})\nfar = generalize({[9.0] * 20})\nprint([g.p, g.least_p, far.p])")
    signs = np.random.default_rng(1).choice([-1, 1], size=(200000, 20))
    exact = np.mean(np.abs(signs @ x) >= abs(x.sum()))
    assert p == pytest.approx(exact, abs=4 * np.sqrt(exact / 10000))
    assert (p * 10001) == pytest.approx(round(p * 10001), abs=1e-2)
    # of 20 values of one sign no other of 10,000 flips comes as far, but by a chance of 1 in 50
    assert least == pytest.approx(1 / 10001) and far == pytest.approx(1 / 10001, abs=1e-7)


def test_the_interval_is_a_bootstrap_of_the_mean(run):
    x = numbers(30, 1)
    mean, low, high, share = run(f"g = generalize({x.tolist()})\nprint([g.mean, g.low, g.high, g.share])")
    means = np.random.default_rng(0).choice(x, size=(100000, 30)).mean(1)
    assert mean == pytest.approx(x.mean(), abs=1e-6)
    # of 10,000 resamples the ends are off by some 0.02 of the mean's deviation
    assert low == pytest.approx(np.quantile(means, 0.025), abs=0.12 * means.std())
    assert high == pytest.approx(np.quantile(means, 0.975), abs=0.12 * means.std())
    assert share == pytest.approx(np.mean(x > 0))


def test_each_cell_is_as_if_alone_and_the_worst_speak_against(run):
    x = np.stack([numbers(12, 0.3), numbers(11, 0).tolist() + [0.0]], 1)
    both, alone, minus, worst = run(
        f"""x = tensor({x.tolist()}, axes=["prompt", "head"])
g = generalize(x)
a = generalize(x[head=1])
m = generalize(x[head=1], expected="-")
print([[g.mean.values[1], g.low.values[1], g.high.values[1], g.p.values[1]], [a.mean, a.low, a.high, a.p], [m.share, m.p], m.worst.value])
""")
    assert both == alone
    assert minus == [pytest.approx(np.mean(x[:, 1] < 0), abs=1e-6), alone[3]]
    assert worst == pytest.approx(sorted(x[:, 1])[::-1][:3], abs=1e-6)
