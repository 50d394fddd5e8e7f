#!/usr/bin/env python3
"""Writes what transformers says of SmolLM2-135M-Instruct, for tests/python/test_smollm2.py.

    make_smollm2.py build/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf OUT.json

Needs torch, transformers, tokenizers and gguf, whose versions are written into the file. Weights are
what the package `gguf` reads, in float32; transformers runs them, and its hooks put the activations
of one prompt into the other. Its own reading of the GGUF file is not used: it loses the rule that
digits are tokens of their own.
"""
import json
import sys

import gguf
import numpy as np
import tokenizers
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM

LOVE = "I love this movie because it is"
HATE = "I hate this movie because it is"
WORDS = [" great", " bad"]
PROMPTS = [LOVE, HATE, *(f"I {verb} this movie because it is" for verb in ("adore", "despise", "enjoy", "detest")),
           "In 1997, 3 of the 12 films were naïve;\n\tthe others… weren't 👍🏽."]
PASSAGE = "The film was released in 1994. It is about a banker who is sent to prison, and what he does there."
NAMES = {"attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
         "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm",
         "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}


def name_of(tensor):
    whole = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}
    if tensor in whole:
        return whole[tensor]
    _, layer, part, kind = tensor.split(".")
    return f"model.layers.{layer}.{NAMES[part]}.{kind}"


def put_back(values, heads):
    """GGUF keeps rows i and i + half of a head side by side."""
    rows, width = values.shape
    return values.reshape(heads, rows // heads // 2, 2, width).swapaxes(1, 2).reshape(rows, width)


def load(path):
    reader = gguf.GGUFReader(path)
    keys = {key: field.contents() for key, field in reader.fields.items()}
    heads = {"attn_q": keys["llama.attention.head_count"], "attn_k": keys["llama.attention.head_count_kv"]}
    state = {}
    for tensor in reader.tensors:
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        part = tensor.name.split(".")[-2]
        state[name_of(tensor.name)] = torch.from_numpy(np.ascontiguousarray(
            put_back(values, heads[part]) if part in heads else values))
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=len(keys["tokenizer.ggml.tokens"]), hidden_size=keys["llama.embedding_length"],
        intermediate_size=keys["llama.feed_forward_length"], num_hidden_layers=keys["llama.block_count"],
        num_attention_heads=heads["attn_q"], num_key_value_heads=heads["attn_k"],
        max_position_embeddings=keys["llama.context_length"], rms_norm_eps=keys["llama.attention.layer_norm_rms_epsilon"],
        rope_theta=keys["llama.rope.freq_base"], tie_word_embeddings=True))
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert missing == ["lm_head.weight"] and not unexpected, (missing, unexpected)
    model.tie_weights()
    tokens = keys["tokenizer.ggml.tokens"]
    tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)},
                                     [tuple(m.split(" ")) for m in keys["tokenizer.ggml.merges"]]))
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                                       pre_tokenizers.ByteLevel(add_prefix_space=False)])
    return model.eval(), tokenizer


class Sweep:
    """Runs `into` with a site of one layer replaced by `source`'s, at each position or head in turn."""

    def __init__(self, model, into, source, good, bad):
        self.model, self.into, self.source, self.good, self.bad = model, into, source, good, bad
        self.layers = model.model.layers

    def metric(self, logits):
        return (logits[:, -1, self.good] - logits[:, -1, self.bad]).double().tolist()

    def module(self, site, layer):
        block = self.layers[layer]
        return {"resid_pre": block, "resid_post": block, "attn_out": block.self_attn, "mlp_out": block.mlp,
                "z": block.self_attn.o_proj}[site]

    def hook(self, site, layer, change):
        """`change` gets the activation [batch, pos, width] and may write to it."""
        module = self.module(site, layer)
        if site in ("resid_pre", "z"):
            return module.register_forward_pre_hook(lambda _, args: (change(args[0].clone()), *args[1:]))

        def after(_, args, out):
            return (change(out[0].clone()), *out[1:]) if isinstance(out, tuple) else change(out.clone())
        return module.register_forward_hook(after)

    def capture(self, site, layer):
        kept = []
        hook = self.hook(site, layer, lambda x: kept.append(x) or x)
        self.model(self.source[None])
        hook.remove()
        return kept[0][0]

    def over_positions(self, site):
        return [self.run(site, layer, self.at_positions(site, layer), len(self.into)) for layer in range(len(self.layers))]

    def over_heads(self, heads):
        return [self.run("z", layer, self.at_heads(layer, heads), heads) for layer in range(len(self.layers))]

    def at_positions(self, site, layer):
        source = self.capture(site, layer)

        def change(x):
            for p in range(len(source)):
                x[p, p] = source[p]
            return x
        return change

    def at_heads(self, layer, heads):
        source = self.capture("z", layer)
        width = source.shape[-1] // heads

        def change(x):
            for h in range(heads):
                x[h, :, h * width:(h + 1) * width] = source[:, h * width:(h + 1) * width]
            return x
        return change

    def run(self, site, layer, change, n):
        hook = self.hook(site, layer, change)
        values = self.metric(self.model(self.into.repeat(n, 1)).logits)
        hook.remove()
        return values


@torch.no_grad()
def main():
    path, out = sys.argv[1:]
    model, tokenizer = load(path)

    def ids(text):
        return torch.tensor(tokenizer.encode(text).ids)

    good, bad = (int(ids(word)[0]) for word in WORDS)
    last = {prompt: model(ids(prompt)[None]).logits[0, -1].double() for prompt in PROMPTS}
    sweep = Sweep(model, ids(LOVE), ids(HATE), good, bad)
    passage = ids(PASSAGE)
    logits = model(passage[None]).logits[0].double()
    written = model.generate(ids(LOVE)[None], max_new_tokens=12, do_sample=False, eos_token_id=None,
                             pad_token_id=0)[0].tolist()
    golden = {
        "made_by": f"tests/golden/make_smollm2.py with transformers {transformers.__version__}, torch "
                   f"{torch.__version__.split('+')[0]}, tokenizers {tokenizers.__version__}",
        "tokens": {prompt: ids(prompt).tolist() for prompt in PROMPTS},
        "logits": {prompt: [logits[good].item(), logits[bad].item()] for prompt, logits in last.items()},
        "top": {prompt: [[i, torch.softmax(l, -1)[i].item()] for i in l.topk(5).indices.tolist()]
                for prompt, l in last.items()},
        "passage": PASSAGE,
        "loss": (-torch.log_softmax(logits[:-1], -1)[range(len(passage) - 1), passage[1:]]).tolist(),
        "written": tokenizer.decode(written, skip_special_tokens=False),
        "sweeps": {site: sweep.over_positions(site) for site in ("resid_pre", "resid_post", "attn_out", "mlp_out")}
        | {"z": sweep.over_heads(model.config.num_attention_heads)},
    }
    with open(out, "w", encoding="ascii") as file:
        rows = [f" {json.dumps(key)}: {json.dumps(value, separators=(',', ':'))}" for key, value in golden.items()]
        file.write("{\n" + ",\n".join(rows) + "\n}\n")


if __name__ == "__main__":
    main()
