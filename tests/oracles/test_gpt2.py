"""The example model/gpt2 against transformers: what either writes, the other reads, with the same numbers."""

import json
import os
import pathlib
import subprocess

import numpy
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

EASYLM = pathlib.Path(os.environ["EASYLM_BIN"])
PLUGINS = EASYLM.parents[1] / "tests/sdk/plugins"  # the test sdk.examples makes it
PROMPT = "the quick brown fox "
NEW_TOKENS = 24


def easylm(folder, *arguments):
    done = subprocess.run([EASYLM, *arguments], cwd=folder, capture_output=True, text=True, check=False,
                          env={**os.environ, "EASYLM_PLUGIN_PATH": str(PLUGINS)})
    assert done.returncode == 0, done.stderr
    return done.stdout


def our_logits(folder, ids):
    done = subprocess.run([EASYLM.parent / "model_logits", folder, PLUGINS / "easylm_gpt2.so"], capture_output=True,
                          input=numpy.array(ids, numpy.int32).tobytes(), check=False)
    assert done.returncode == 0, done.stderr
    return torch.frombuffer(bytearray(done.stdout), dtype=torch.float32).view(len(ids), -1)


def assert_same(folder, theirs):
    """Logits after each token of a text, and the greedy continuation of a prompt, through our cache of keys and values."""
    ids = [int(x) for x in numpy.random.default_rng(5).integers(0, 256, 50)]
    with torch.no_grad():
        logits = theirs(torch.tensor([ids])).logits[0]
        prompt = torch.tensor([list(PROMPT.encode())])
        continued = theirs.generate(prompt, attention_mask=torch.ones_like(prompt), do_sample=False,
                                    max_new_tokens=NEW_TOKENS, pad_token_id=0)
    torch.testing.assert_close(our_logits(folder, ids), logits, atol=1e-4, rtol=0)
    ours = json.loads(easylm(folder, "generate", ".", "--tokenizer", "byte", "--prompt", PROMPT, "--temperature", "0",
                             "--max-new-tokens", str(NEW_TOKENS), "--json"))
    assert ours["prompt_tokens"] + ours["tokens"] == continued[0].tolist()
    assert len(set(ours["tokens"])) > 3  # or it would say little


@pytest.mark.parametrize("variant", [{}, {"n_inner": 40}, {"scale_attn_by_inverse_layer_idx": True},
                                     {"scale_attn_weights": False}])
def test_what_transformers_saved_loads_here(tmp_path, variant):
    torch.manual_seed(1)
    config = GPT2Config(**{"vocab_size": 258, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64,
                           "initializer_range": 0.3, "bos_token_id": 256, "eos_token_id": 257, **variant})
    model = GPT2LMHeadModel(config).eval()
    for name, parameter in model.named_parameters():  # biases begin as zeros, which say nothing
        if name.endswith(".bias"):
            torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(tmp_path)
    assert_same(tmp_path, model)


def test_what_we_trained_loads_in_transformers(tmp_path):
    (tmp_path / "corpus.txt").write_text("the quick brown fox jumps over the lazy dog. " * 60)
    (tmp_path / "tiny.toml").write_text("""
        run = { name = "tiny", seed = 3, device = "cpu" }
        tokenizer = { type = "byte" }
        dataset.train = { type = "text", path = "corpus.txt", sequence_length = 32, batch_size = 4 }
        model = { type = "gpt2", n_embd = 32, n_layer = 2, n_head = 4, n_positions = 64 }
        optimizer = { type = "adamw", schedule = { type = "constant", value = 3e-3 } }
        checkpoint = { type = "safetensors" }
        stage = [{ type = "train", steps = 40 }]
    """)
    easylm(tmp_path, "run", "tiny.toml")
    version = tmp_path / easylm(tmp_path, "registry", "path", "tiny").strip()
    model = GPT2LMHeadModel.from_pretrained(version, dtype=torch.float32).eval()
    assert (model.config.n_embd, model.config.attn_pdrop, model.config.tie_word_embeddings) == (32, 0.1, True)
    assert_same(version, model)
