"""Cells that would go on for long are interrupted on the way, through the real kernel: each ends in
an error that says so, and the session lives on. How soon is measured by tools/bench interrupts."""

from __future__ import annotations

import time

import pytest

from kernel_client import Kernel, stream_text

# Made once. The lists of lists are small, and without an end to whoever walks all of them.
BEGIN = """
model = load()
kept = [1, 2, "three"]
long = "I love this movie because it is" * 20
other = "I hate this movie because it is" * 20
row = tensor(range(4000), axes="i") / 4000
square = row + rename(row, i="j")
numbers = range(1000000)
rows = table(n=numbers, m=numbers)
deep() = [[[[1] * 2000] * 2000] * 2000] * 2000
nested = deep(); again = deep()
"""

# What is short by itself is done again and again; the interrupt comes in one of them, or between.
CELLS = {
    "load": '[load("reviews-4m", raw=i % 2 == 0) for i in range(100000)];',
    "logits": "[run(long).logits for i in range(100000)];",
    "generate": '[generate("I love", 200) for i in range(100000)];',
    "attribute": '[attribute(long, " great", by="head") for i in range(100000)];',
    "lens": "[lens(long) for i in range(100000)];",
    "sweep": '[patch(into=long, from=other, at="resid_post", layer=each, pos=each, '
             'metric=logit(" great")) for i in range(100000)];',
    "heads": '[patch(into=long, from=other, at="z", layer=each, head=each, '
             'metric=logit(" great")) for i in range(100000)];',
    "path": '[path(into=long, from=other, sender=each, metric=logit(" great")) '
            "for i in range(100000)];",
    "composition": '[composition("K") for i in range(100000)];',
    "detect_heads": '[detect_heads(long, "induction") for i in range(100000)];',
    "ablate_mean": '[top(long, edit=ablate_mean("z", layer=all, over=[long, other])) '
                   "for i in range(100000)];",
    "exp": "[exp(square).shape for i in range(100000)];",
    "power": "[(square ** 1.5).shape for i in range(100000)];",
    "std": '[std(square, "i").shape for i in range(100000)];',
    "argmax": '[argmax(square, "i").shape for i in range(100000)];',
    "softmax": '[softmax(square, "i").shape for i in range(100000)];',
    "select": "[square[j=::2].shape for i in range(100000)];",
    "transpose": '[transpose(square, ["j", "i"]).shape for i in range(100000)];',
    "dot": '[dot(square, rename(square, i="k"), over="j").shape for i in range(100000)];',
    "top": "[top(square, 100000) for i in range(100000)];",
    "round": "[round(square, 2).shape for i in range(100000)];",
    "comprehension": "len([0 for a in range(4000) for b in range(4000) for c in range(4000) "
                     "if False])",
    "sorted": "[sorted(numbers, reverse=True)[0] for i in range(100000)];",
    "unique": "unique(numbers);",
    "table": "[sort(rows, by=\"m\", reverse=True).shape for i in range(100000)];",
    "where": "[rows[rows.n > 10].shape for i in range(100000)];",
    "equality": "nested == again",
    "order": "nested < again",
    "membership": "nested in [again]",
    "json": 'save(nested, "{folder}/nested.json")',
    "csv": '[save(rows, "{folder}/rows.csv") for i in range(100000)];',
    "npy": '[save(square, "{folder}/square.npy") for i in range(100000)];',
    "text": '[("ab" * 10000000).replace("b", "cc").upper() for i in range(100000)];',
}


@pytest.fixture(scope="module")
def kernel(tmp_path_factory, root):
    one = Kernel(tmp_path_factory.mktemp("interrupts"), "patchbay",
                 env={"PATCHBAY_MODELS": str(root / "models")})
    reply, _ = one.client.run(BEGIN, timeout=300)
    assert reply["status"] == "ok", reply
    yield one
    one.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", CELLS)
def test_interrupted_on_the_way(kernel, name, tmp_path, patience):
    client = kernel.client
    request = client.execute(CELLS[name].replace("{folder}", str(tmp_path)))
    time.sleep(0.4)
    assert not client.sockets["shell"].poll(0), client.receive("shell")
    kernel.interrupt()
    reply = client.reply(request, timeout=60 * patience)
    assert reply["content"]["status"] == "error"
    assert reply["content"]["ename"] == "Interrupted"
    client.published(request)

    reply, told = client.run('print(kept, len(rows), model.n_layers)', timeout=60 * patience)
    assert reply["status"] == "ok", reply
    assert stream_text(told) == "[1, 2, 'three'] 1000000 6\n"
    assert list(tmp_path.glob("*.json*")) == []  # what was half written is gone
