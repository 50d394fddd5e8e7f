"""What people who know Python, numpy, pandas, PyTorch, TransformerLens or plotly type first: each
works, or its error proposes a line, and every line that is proposed runs."""

import contextlib
import pathlib

import pytest
from kernel_client import Kernel

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PASTED = SOURCE / "tests/golden/first-analysis-in-python.txt"

SETUP = '''model = load("reviews-4m")
love = "I love this movie because it is"
hate = "I hate this movie because it is"
logits = run(love).logits
cache = run(love)
df = table(part=["attn", "mlp", "mlp"], n=[1, 2, 3])
x = tensor([[1, 2], [3, 4]], axes=["layer", "pos"])
words = ["a", "b"]
xs = [3, 1, 2]
results = []
'''

# What is typed, and what its hint must have in it. Where that is "", no line can be proposed.
TYPED = [
    # TransformerLens
    ("logits, cache2 = model.run_with_cache(love)", "cache2 = run(love); logits = cache2.logits"),
    ("_, cache2 = model.run_with_cache(love)", "cache2 = run(love)"),
    ("model.run_with_cache([love, hate])", "run([love, hate])"),
    ("tokens = model.to_tokens(love)", "love"),
    ("model.to_str_tokens(love)", "run(love).tokens"),
    ('model.to_single_token(" great")', 'logit(love, " great")'),
    ("model.tokenizer", "tokens(love)"),
    ('cache["blocks.5.attn.hook_pattern"]', "cache.pattern[layer=5]"),
    ('cache["pattern", 5]', "cache.pattern[layer=5]"),
    ('utils.get_act_name("z", 5)', "run(love)"),
    ("model.cfg.n_layers", "model.n_layers"),
    ("model.blocks[0].attn.W_Q", "model.W_Q"),
    ("model.reset_hooks()", "run(love)"),
    ("model.run_with_hooks(love, fwd_hooks=[])", "run(love, edit=zero("),
    ("model.generate(love, max_new_tokens=5)", "model.generate(love, n=5)"),
    ("top(love, prepend_bos=False)", "bos=False"),
    ('patch(clean=love, corrupted=hate, at="z", metric=logit(" great"))', "patch(into=love, from=hate, "),
    ('patch(corrupted_prompt=hate, clean_prompt=love, at="z", metric=logit(" great"))',
     "patch(from=hate, into=love, "),
    ("HookedTransformer.from_pretrained('gpt2')", 'load("reviews-4m")'),
    ("cv.attention.attention_patterns(tokens=words, attention=x)", "attention("),
    ("attention(love, layer=[3, 4])", "for l in [3, 4]]"),
    ('cache["pattern", 0, "attn"]', "cache.pattern[layer=0]"),
    ("patching.get_act_patch_resid_pre(model, tokens, cache, metric)",
     'patch(into=hate, from=love, at="resid_pre"'),
    ("patching.get_act_patch_attn_head_out_all_pos(model, tokens, cache, metric)", 'at="z"'),
    ("for layer in range(model.cfg.n_layers): results.append(layer)",
     "results = [layer for layer in range(model.n_layers)]"),
    ("for layer in range(model.cfg.n_layers):\n    total[layer] = 1", "for layer in range(model.n_layers)]"),
    ("def ablate(value, hook):\n    value[:, :, 3, :] = 0.\n    return value", "run(love, edit=zero("),
    ("for layer in range(model.cfg.n_layers):\n"
     "    patched = model.run_with_hooks(love, fwd_hooks=[(f'blocks.{layer}.hook_resid_mid', hook)])\n"
     "    results[layer] = patched[0, -1]", 'patch(into=love, from=hate, at="resid_mid"'),
    ("model.to(device)", "model"),
    ("utils.to_numpy(x)", "x"),
    ("model(love)", "run(love).logits"),
    ("logits = model(love)[0, -1]", "run(love).logits"),
    # lists, where one was wanted
    ("[cache, cache].pattern", "[x.pattern for x in [cache, cache]]"),
    ("sqrt([1, 4])", "[sqrt(x) for x in [1, 4]]"),
    # PyTorch
    ("torch.set_grad_enabled(False)", ""),
    ('"cuda" if torch.cuda.is_available() else "cpu"', "False"),
    ("torch.nn.functional.softmax(logits, dim=-1)", 'softmax(logits, "token")'),
    ("torch.jit.script(x)", "help()"),
    ("logits[:, -1]", "logits[pos=-1]"),
    ("logits[0, -1]", "logits[pos=-1]"),
    ("logits[0, -1, 5]", "logits[pos=-1, token=5]"),
    ("logits[pos=-1].topk(5)", "top(logits[pos=-1], k=5)"),
    ("torch.topk(logits[pos=-1], 5)", "top(logits[pos=-1], k=5)"),
    ("torch.stack([x, x])", "stack([x, x])"),
    ("torch.cat([x, x], dim=0)", "stack([x, x])"),
    ("torch.softmax(logits, dim=-1)", 'softmax(logits, "token")'),
    ("F.log_softmax(logits, dim=-1)", 'log_softmax(logits, "token")'),
    ('einsum("lp,lp->l", x, x)', 'dot(x, x, over="pos")'),
    ('torch.einsum("lp,p->l", x, x[layer=0])', 'dot(x, x[layer=0], over="pos")'),
    ("x @ x", 'dot(x, x, over="pos")'),
    ("x[..., 0]", "x[pos=0]"),
    ("x.mean(dim=0)", 'x.mean(over="layer")'),
    ("x.max(dim=-1)", 'x.max(over="pos")'),
    ("x.sum(0)", 'x.sum("layer")'),
    ("x.sum((0, -1))", 'x.sum(["layer", "pos"])'),
    ("x.argmax(dim=-1)", 'x.argmax(over="pos")'),
    ("x.shape[0]", "x.shape.layer"),
    ("x.detach().cpu().numpy()", "x"),
    ("x.numpy()", "x"),
    ("x.T", 'transpose(x, ["pos", "layer"])'),
    ("x.permute(1, 0)", 'transpose(x, ["pos", "layer"])'),
    ("x.unsqueeze(0)", "x"),
    ("x.squeeze(0)", "x[layer=0]"),
    ("x.view(-1)", "x.axes"),
    ("x[0, 0].item()", "x[layer=0, pos=0]"),
    ("torch.tensor([1, 2])", "tensor("),
    ("torch.zeros(3)", "tensor("),
    ("torch.manual_seed(0)", "seed=0"),
    ("loss.backward()", "attribute("),
    # numpy
    ("np.argmax(x)", "top(x, 1)"),
    ("np.argmax(x, axis=0)", 'argmax(x, "layer")'),
    ("np.mean(x, axis=1)", 'mean(x, "pos")'),
    ("np.array([1, 2])", "tensor("),
    ("np.linalg.norm(x)", "norm(x)"),
    ("np.allclose(x, x)", "abs(x - x)"),
    ("np.arange(5)", "range(5)"),
    # pandas
    ('df.groupby("part").mean()', "df[part=v]"),
    ('df.groupby("part")["n"].mean()', "df[part=v]"),
    ('df.sort_values("n", ascending=False)', 'df.sort(by="n")'),
    ("df.describe()", "mean(df.n)"),
    ("df.iterrows()", "[row for row in df]"),
    ("df.loc[0]", "df[part="),
    ("df.iloc[0]", "df[0]"),
    ('df.query("n > 1")', "df[df.n > 1]"),
    ('df.to_csv("there.csv")', 'save(df, "file.csv")'),
    ('pd.DataFrame({"a": [1]})', "table("),
    # plotly, matplotlib
    ("px.imshow(x.detach().cpu().numpy(), color_continuous_midpoint=0)", "heatmap(x)"),
    ("px.bar(x[layer=0])", "bar(x[layer=0])"),
    ("px.line(x[layer=0])", "line(x[layer=0])"),
    ("plt.plot(x[layer=0])", "line(x[layer=0])"),
    ("plt.imshow(x)", "heatmap(x)"),
    ("sns.heatmap(x, annot=True)", "heatmap(x)"),
    ("heatmap(x, annot=True)", "heatmap(x)"),
    ('heatmap(x, colorscale="RdBu")', "heatmap(x)"),
    ('heatmap(x, title="t", cmap="RdBu")', 'heatmap(x, title="t")'),
    ("fig.show()", ""),
    # Python
    ("import torch", "help()"),
    ("from math import sqrt", "help()"),
    ('for w in words: print(w, "a line of text that is long enough to be cut somewhere", f"{w:>10}")',
     '[print(w, "a line of text that is long enough to be cut somewhere", f"{w:>10}") for w in words]'),
    ('for a, b in zip(words, words)[:10]: print(f"{a:5}", b)',
     '[print(f"{a:5}", b) for a, b in zip(words, words)[:10]]'),
    ('for w in words:\n    results.append(w + ": yes")', 'results = [w + ": yes" for w in words]'),
    ('for w in words:\n    y = w + "a"\n    print(y)', '[(y = w + "a"; print(y)) for w in words]'),
    ("for w in words:\n    if w == 'a':\n        print(w)", "[print(w) for w in words if w == 'a']"),
    ("for i in range(2):\n    for j in range(2):\n        print(i, j)",
     "[[print(i, j) for j in range(2)] for i in range(2)]"),
    ("for i, w in enumerate(words):\n    total += i", "[[i, w] for i, w in enumerate(words)]"),
    ("if len(words) > 0:\n    print(1)\nelse:\n    print(2)", "print(1) if len(words) > 0 else print(2)"),
    ("if len(words) > 0: x = 3", "if 2 > 1 else"),
    ("elif x: 1", "else"),
    ("def g(x):\n    return x.item()", "f(x) = (a = x + 1"),
    ("def g(x, y=2):\n    z = x + y\n    return z * 2", "g(x, y=2) = (z = x + y; z * 2)"),
    ("while True: 1", "for n in range(10)"),
    ("class A: pass", '{"head"'),
    ("return 1", "f(x) = x + 1"),
    ("yield 1", "[2 * n"),
    ("del x", "x = None"),
    ("with a: 1", "run("),
    ("try: 1", ""),
    ("raise E", "warn("),
    ("assert x", "check("),
    ("break", "if n > 3"),
    ("@decorated", "f(x) = x + 1"),
    ("%timeit 1", "help()"),
    ("?top", "help(top)"),
    ('print "a line of text that is long enough to be cut somewhere, it goes on and on"', "print("),
    ("x += 2 * len('a line of text that is long enough to be cut somewhere, it goes on')", "x = x + 2"),
    ("xs.append(4)", "xs + [4]"),
    ("xs.extend([4])", "xs + [4]"),
    ("xs.pop()", "xs[:-1]"),
    ("reversed(xs)", "xs[::-1]"),
    ("isinstance(xs, list)", "type(xs)"),
    ("tqdm(xs)", "xs"),
    ('open("file.txt")', "save("),
    ("dict(a=1)", '{"a": 1'),
    ("exit", ""),
    ("exit()", ""),
]


def proposed(reply):
    """The hint of an error reply, and the line in it: what stands behind the first colon, or all."""
    text = "\n".join(reply["traceback"])
    assert "hint: " in text, text
    hint = text.split("hint: ", 1)[1].strip()
    return hint, hint.split(": ", 1)[1] if ": " in hint else hint


@pytest.fixture(scope="module")
def client(tmp_path_factory, binary):
    folder = tmp_path_factory.mktemp("habits")
    with contextlib.chdir(folder):  # where lines that save something save it
        kernel = Kernel(folder, name="patchbay")
    kernel.client.run(SETUP)
    yield kernel.client
    kernel.close()


@pytest.mark.parametrize("typed, wanted", TYPED, ids=[typed.split("\n")[0][:40] for typed, _ in TYPED])
def test_a_habit_is_met_with_a_line_that_runs(client, typed, wanted):
    client.run(SETUP.split("\n", 1)[1])  # what a line before may have given another value
    reply, _ = client.run(typed)
    assert reply["status"] == "error"
    hint, line = proposed(reply)
    if not wanted:
        return
    assert wanted in hint
    reply, _ = client.run(line)
    assert reply["status"] == "ok", (line, reply)


def answer(client, code):
    """What a line shows, as text; a failure fails the test."""
    reply, messages = client.run(code)
    assert reply["status"] == "ok", (code, reply)
    return "\n".join(content["data"]["text/plain"] for kind, content in messages
                     if kind in ("execute_result", "display_data"))


def test_another_analysis_is_met_with_its_own_words(tmp_path, binary):
    """The same code about other prompts, with other names: the lines are about these."""
    kernel = Kernel(tmp_path, name="patchbay")
    text = PASTED.read_text(encoding="utf-8")
    for old, new in (("I love this movie because it is", "This film was so good that we"),
                     ("I hate this movie because it is", "This film was so bad that we"),
                     ("' great'", "' loved'"), ('" great"', '" loved"'), ("' bad'", "' hated'"),
                     ('" bad"', '" hated"'), ("positive_prompt", "good"), ("negative_prompt", "poor"),
                     ("get_token_logit", "token_logit"), ("logit_attribution", "dla"),
                     ("patch_position", "patch_stream"), ("pos_attrib", "of_good"),
                     ("neg_attrib", "of_poor")):
        text = text.replace(old, new)
    try:
        written = []
        for cell in text.split("\n# %%\n"):
            reply, _ = kernel.client.run(cell)
            if reply["status"] == "error":
                written.append(proposed(reply)[1])
                answer(kernel.client, written[-1])
        done = "\n".join(written)
        for part in ('top(["This film was so good that we", "This film was so bad that we"], k=5)',
                     'logits([good, poor], [" loved", " hated"])', "top(of_good - of_poor, 10)",
                     'attribute(good, " loved", by="head") - attribute(poor, " loved", by="head")',
                     'patch(into=good, from=poor, at="resid_post", pos=" good", metric=logit(" loved"))',
                     'cases.loved = logit(cases.prompt, " loved")'):
            assert part in done, done
    finally:
        kernel.close()


def test_a_pasted_python_analysis_leads_to_the_same_one_here(tmp_path, binary):
    """The tutorial's Python, cell by cell as it stands: each cell runs, or its error proposes the line
    that does what it does. With these lines the whole analysis has been done."""
    kernel = Kernel(tmp_path, name="patchbay")
    client, written, shown = kernel.client, [], []
    try:
        for cell in PASTED.read_text(encoding="utf-8").split("\n# %%\n"):
            reply, _ = client.run(cell)
            if reply["status"] == "error":
                _, line = proposed(reply)
                written.append(line)
                shown.append(answer(client, line))
        done = "\n".join(written)
        for word in ("load(", "top([", "logits([", "attribute(", 'by="head")', "bar(", "patch(into=",
                     "attention(", "table(prompt=", "check("):
            assert word in done, done
        # the numbers are those of the lines that someone who knows the language would have written
        love, hate = '"I love this movie because it is"', '"I hate this movie because it is"'
        for line in (f"top([{love}, {hate}], k=5)", f'logits([{love}, {hate}], [" great", " bad"])',
                     f'top(attribute({love}, " great") - attribute({hate}, " great"), 10)',
                     f'top(attribute({love}, " great", by="head") - attribute({hate}, " great", '
                     'by="head"), 10)',
                     f'patch(into={love}, from={hate}, at="resid_post", metric=logit(" great"))',
                     f'patch(into={love}, from={hate}, at="resid_post", pos=" love", '
                     'metric=logit(" great"))'):
            assert answer(client, line) in shown, line
        # what only defines something answers as the cell's own function would
        assert answer(client, f"logit_attribution(model, {love}, ' great')[1]") == \
            answer(client, f"logit({love}, ' great')")
    finally:
        kernel.close()
