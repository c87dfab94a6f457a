"""Both ways between EasyLM and transformers: what we write loads there, what it writes loads here, with the same numbers."""

import json
import os
import pathlib
import subprocess

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

EASYLM = os.environ["EASYLM_BIN"]
PROMPT = "the quick "
NEW_TOKENS = 12

PIPELINE = """
[run]
name = "tiny"
seed = 3
device = "cpu"
[tokenizer]
type = "byte"
[dataset.train]
type = "text"
path = "corpus.txt"
sequence_length = 32
batch_size = 4
[dataset.validation]
type = "text"
path = "corpus.txt"
sequence_length = 32
batch_size = 4
[model]
type = "llama"
hidden_size = 32
intermediate_size = 64
num_hidden_layers = 2
num_attention_heads = 4
num_key_value_heads = 2
max_position_embeddings = 64
tie_word_embeddings = TIED
[optimizer]
type = "adamw"
schedule = { type = "constant", value = 3e-3 }
[checkpoint]
type = "safetensors"
max_shard_size = SHARD
[[tracker]]
type = "jsonl"
[[tracker]]
type = "tensorboard"
[[stage]]
type = "train"
steps = 20
log_every_steps = 5
validate_every_steps = 10
"""


def easylm(folder, *arguments):
    done = subprocess.run([EASYLM, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def generate(folder, model, *more):
    text = easylm(folder, "generate", model, "--prompt", PROMPT, "--temperature", "0", "--json",
                  "--max-new-tokens", str(NEW_TOKENS), *more)
    return json.loads(text)


def train(folder, tied="false", shard="1000000000", *sets):
    (folder / "corpus.txt").write_text("the quick brown fox jumps over the lazy dog. " * 60)
    (folder / "tiny.toml").write_text(PIPELINE.replace("TIED", tied).replace("SHARD", shard))
    easylm(folder, "run", "tiny.toml", *[word for key in sets for word in ("--set", key)])
    return pathlib.Path(folder, easylm(folder, "registry", "path", "tiny").strip())


def assert_same_text(ours, model, tolerance):
    """Our greedy continuation, token by token, against transformers' logits for the same sequence."""
    ids = ours["prompt_tokens"] + ours["tokens"]
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0].float()
    log_probabilities = torch.log_softmax(logits, dim=-1)
    first = len(ours["prompt_tokens"]) - 1
    assert len(ours["tokens"]) == NEW_TOKENS
    for i, (token, logprob) in enumerate(zip(ours["tokens"], ours["logprobs"])):
        row = log_probabilities[first + i]
        assert abs(row[token].item() - logprob) < tolerance
        assert row.max().item() - row[token].item() < tolerance


@pytest.mark.parametrize(("tied", "shard"), [("false", "1000000000"), ("true", "1000000000"), ("false", "20000")])
def test_a_version_loads_in_transformers_with_the_same_ids_and_logits(tmp_path, tied, shard):
    version = train(tmp_path, tied, shard)
    assert (len(list(version.glob("model-*.safetensors"))) > 1) == (shard == "20000")
    model = AutoModelForCausalLM.from_pretrained(version, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(version)
    for text in (PROMPT, "Grüße, 世界 🎉\n\ttabs  and   spaces", "<|eos|>"[:3]):
        assert tokenizer(text, add_special_tokens=False)["input_ids"] == list(text.encode())
        assert tokenizer.decode(list(text.encode())) == text
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id) == (256, 257)
    assert_same_text(generate(tmp_path, "tiny"), model, 1e-4)


def test_a_bf16_version_loads_in_transformers(tmp_path):
    version = train(tmp_path, "false", "1000000000", "run.precision=bf16")
    model = AutoModelForCausalLM.from_pretrained(version).eval()
    assert model.dtype == torch.bfloat16
    assert_same_text(generate(tmp_path, "tiny"), model.float(), 5e-3)


ROPE = {
    "default": {"rope_type": "default", "rope_theta": 10000.0},
    "linear": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.0},
    "llama3": {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0,
               "high_freq_factor": 4.0, "original_max_position_embeddings": 16},
}


@pytest.mark.parametrize("rope", ROPE)
@pytest.mark.parametrize("variant", [{}, {"num_key_value_heads": 1}, {"tie_word_embeddings": True},
                                     {"attention_bias": True, "mlp_bias": True}])
def test_what_transformers_saved_loads_here(tmp_path, rope, variant):
    torch.manual_seed(1)
    config = LlamaConfig(**{"vocab_size": 258, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
                            "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64,
                            "rope_parameters": ROPE[rope], "initializer_range": 0.3, "eos_token_id": 257,
                            "bos_token_id": 256, **variant})
    model = LlamaForCausalLM(config).eval()
    model.save_pretrained(tmp_path / "theirs", max_shard_size="40KB")
    assert_same_text(generate(tmp_path, "./theirs", "--tokenizer", "byte"), model, 1e-4)


def test_tensorboard_reads_our_events(tmp_path):
    train(tmp_path)
    run = tmp_path / "runs/tiny/latest"
    events = EventAccumulator(str(run))
    events.Reload()
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    ours = {line["step"]: line["loss"] for line in lines if "loss" in line}
    theirs = {event.step: event.value for event in events.Scalars("train/loss")}
    assert theirs.keys() == ours.keys()
    assert all(abs(theirs[step] - ours[step]) < 1e-6 * max(1, ours[step]) for step in ours)
    assert "val/loss" in events.Tags()["scalars"]
