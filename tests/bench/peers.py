"""The other libraries, asked from another program: python peers.py lens|transformers FOLDER

As bench_ours: reads lines "NAME [A] [B]" and answers each with a line of JSON, {"ms": ...}; null
for what the library has no way of doing. Each question is asked in the way its own tutorials do.
Needs tools/requirements-peers.txt.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import warnings
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))
warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

LENGTH, DIFFERENT, TOP = 8, 1, 10  # as in questions.c


def prompt(words: int, n: int = LENGTH, which: int = 0) -> list[int]:
    """The prompts of questions.c."""
    ids = [(i * 7919 + 13) % (words - 1) for i in range(n)]
    ids[0] = words - 1
    if n > DIFFERENT:
        ids[DIFFERENT] = (ids[DIFFERENT] + which) % (words - 1)
    return ids


class Transformers:
    """transformers itself: no hooks, so a sweep is as many plain forward passes as it has cells."""

    def __init__(self, folder: str):
        import torch
        from transformers import GPT2LMHeadModel

        torch.set_grad_enabled(False)
        self.torch = torch
        self.model = GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32).eval()
        config = self.model.config
        self.words, self.layers, self.heads = config.vocab_size, config.n_layer, config.n_head

    def ids(self, n: int = LENGTH, batch: int = 1):
        return self.torch.tensor([prompt(self.words, n, which) for which in range(batch)])

    def top(self, n: int, _):
        logits = self.model(self.ids(n or LENGTH)).logits[0, -1]
        return logits.softmax(-1).topk(TOP)

    def resid_sweep(self, n: int, _):
        for _ in range(self.layers):
            self.model(self.ids(n or LENGTH, batch=n or LENGTH), logits_to_keep=1)

    def head_sweep(self, n: int, _):
        for _ in range(self.layers):
            self.model(self.ids(n or LENGTH, batch=self.heads), logits_to_keep=1)

    def generate(self, n: int, _):
        n = n or 50
        ids = self.ids()
        return self.model.generate(ids, attention_mask=self.torch.ones_like(ids), do_sample=False,
                                   max_new_tokens=n, min_new_tokens=n, pad_token_id=0)

    def forward(self, n: int, _):
        return self.model(self.ids(n or LENGTH)).logits


class Lens:
    """TransformerLens' HookedTransformer, with its default processing."""

    def __init__(self, folder: str):
        import lens

        self.torch = lens.torch
        self.model = lens.Lens(folder).model
        cfg = self.model.cfg
        self.words, self.layers, self.heads = cfg.d_vocab, cfg.n_layers, cfg.n_heads

    def ids(self, n: int = LENGTH, which: int = 0):
        return self.torch.tensor([prompt(self.words, n, which)])

    def top(self, n: int, _):
        return self.model(self.ids(n or LENGTH))[0, -1].softmax(-1).topk(TOP)

    def attribution(self, *_):
        for which in range(2):
            cache = self.model.run_with_cache(self.ids(which=which))[1]
            parts = cache.decompose_resid(pos_slice=-1, mode="all")
            cache.logit_attrs(parts, tokens=100, pos_slice=-1)

    def heads_(self, *_):
        for which in range(2):
            cache = self.model.run_with_cache(self.ids(which=which))[1]
            parts = cache.stack_head_results(pos_slice=-1, incl_remainder=True)
            cache.logit_attrs(parts, tokens=100, pos_slice=-1)

    def patch(self, n: int, _):
        """The tutorial's: for each layer, both prompts."""
        a, b = self.ids(n or LENGTH, 1), self.ids(n or LENGTH)
        for layer in range(self.layers):
            new = self.model.run_with_cache(b)[1]["resid_post", layer]

            def put(resid, hook, new=new):
                resid[:, DIFFERENT, :] = new[:, DIFFERENT, :]
                return resid

            self.model.run_with_hooks(a, fwd_hooks=[(f"blocks.{layer}.hook_resid_post", put)])

    def metric(self, logits):
        return logits[0, -1, 100] - logits[0, -1, 200]

    def sweep(self, setter, name: str, second: str, length: int, count: int, layers: int):
        import pandas
        from transformer_lens import patching

        layers = range(0, self.layers, self.layers // layers) if layers else range(self.layers)
        cells = [(layer, other) for layer in layers for other in range(count)]
        cache = self.model.run_with_cache(self.ids(length))[1]
        patching.generic_activation_patch(
            self.model, self.ids(length, 1), cache, self.metric, getattr(patching, setter), name,
            index_df=pandas.DataFrame(cells, columns=["layer", second]))

    def resid_sweep(self, n: int, layers: int):
        """Every position of as many layers as `layers` says, evenly spaced; 0 for all."""
        n = n or LENGTH
        self.sweep("layer_pos_patch_setter", "resid_post", "pos", n, n, layers)

    def head_sweep(self, n: int, layers: int):
        self.sweep("layer_head_vector_patch_setter", "z", "head", n or LENGTH, self.heads, layers)

    def generate(self, n: int, _):
        return self.model.generate(self.ids(), max_new_tokens=n or 50, do_sample=False,
                                   stop_at_eos=False, verbose=False, return_type="tokens")

    def forward(self, n: int, _):
        return self.model(self.ids(n or LENGTH))


def main() -> None:
    kind, folder = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer
    peer = {"lens": Lens, "transformers": Transformers}[kind](folder)
    from importlib.metadata import version

    name = {"lens": "transformer-lens", "transformers": "transformers"}[kind]
    print(json.dumps({"library": f"{name} {version(name)}, torch {version('torch')}",
                      "cores": peer.torch.get_num_threads()}), file=answers)
    for line in sys.stdin:
        name, *numbers = line.split()
        ask = getattr(peer, "heads_" if name == "heads" else name, None)
        if ask is None:
            print('{"ms": null}', file=answers)
            continue
        a, b = [int(number) for number in numbers + ["0", "0"]][:2]
        start = time.perf_counter()
        ask(a, b)
        print(json.dumps({"ms": 1e3 * (time.perf_counter() - start)}), file=answers)


if __name__ == "__main__":
    main()
