"""The reference: a model folder as TransformerLens sees it, with its default processing.

Used by the scripts beside this file that make golden files. Needs tools/requirements-peers.txt.
Nothing is fetched: the configuration, the weights and the tokenizer come from the folder.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"

import torch  # noqa: E402
from tokenizers import AddedToken, ByteLevelBPETokenizer  # noqa: E402
from transformer_lens import HookedTransformer, HookedTransformerConfig  # noqa: E402
from transformer_lens.pretrained.weight_conversions import convert_gpt2_weights  # noqa: E402
from transformers import GPT2Config, GPT2LMHeadModel  # noqa: E402

START = "<|endoftext|>"


def made_with() -> dict[str, str]:
    """The versions that made a golden file, to be written into it."""
    names = ("transformer-lens", "torch", "transformers", "tokenizers")
    return {name: importlib.metadata.version(name) for name in names}


class Lens:
    """A model folder, its tokenizer, and runs on strings with the start token prepended."""

    def __init__(self, folder: str | Path, dtype: torch.dtype = torch.float32):
        torch.set_grad_enabled(False)
        self.folder = Path(folder)
        config = json.loads((self.folder / "config.json").read_text())
        self.tokenizer = ByteLevelBPETokenizer(
            str(self.folder / "vocab.json"), str(self.folder / "merges.txt")
        )
        self.tokenizer.add_special_tokens([AddedToken(START, normalized=False)])
        hugging_face = GPT2LMHeadModel.from_pretrained(self.folder, dtype=dtype)
        assert isinstance(hugging_face.config, GPT2Config)
        width = config["n_embd"]
        cfg = HookedTransformerConfig(
            model_name=self.folder.name,
            d_model=width,
            d_head=width // config["n_head"],
            n_heads=config["n_head"],
            d_mlp=config.get("n_inner") or 4 * width,
            n_layers=config["n_layer"],
            n_ctx=config["n_positions"],
            eps=config["layer_norm_epsilon"],
            d_vocab=config["vocab_size"],
            act_fn=config["activation_function"],
            use_attn_scale=config.get("scale_attn_weights", True),
            scale_attn_by_inverse_layer_idx=config.get("scale_attn_by_inverse_layer_idx", False),
            normalization_type="LN",
            original_architecture="GPT2LMHeadModel",
            device="cpu",
            dtype=dtype,
        )
        self.model = HookedTransformer(cfg, move_to_device=False)
        self.model.load_and_process_state_dict(
            convert_gpt2_weights(hugging_face, cfg),
            fold_ln=True,
            center_writing_weights=True,
            center_unembed=True,
            fold_value_biases=True,
        )
        self.model.eval()
        self.n_layers, self.n_heads = cfg.n_layers, cfg.n_heads

    def ids(self, prompt: str) -> list[int]:
        return [self.tokenizer.token_to_id(START)] + self.tokenizer.encode(prompt).ids

    def pieces(self, prompt: str) -> list[str]:
        """The tokens of a prompt as strings, the start token first."""
        return [START] + [self.tokenizer.decode([i]) for i in self.ids(prompt)[1:]]

    def word(self, text: str) -> int:
        """The id of a string that is one token."""
        ids = self.tokenizer.encode(text).ids
        assert len(ids) == 1, f"{text!r} is {len(ids)} tokens"
        return ids[0]

    def position(self, prompt: str, piece: str) -> int:
        """Where a token that occurs once stands."""
        (where,) = [i for i, p in enumerate(self.pieces(prompt)) if p == piece]
        return where

    def tensor(self, prompt: str) -> torch.Tensor:
        return torch.tensor([self.ids(prompt)])

    def run(self, prompt: str):
        """Logits [pos, token] and the cache, without a batch axis."""
        logits, cache = self.model.run_with_cache(self.tensor(prompt))
        return logits[0], cache.remove_batch_dim()

    def logits(self, prompt: str) -> torch.Tensor:
        """Logits of the next token [token]."""
        return self.model(self.tensor(prompt))[0, -1]
