"""The oracle environment itself: the versions that the comparisons were written against, and one LibTorch for both."""

import importlib.metadata
import os
import pathlib

import torch
import transformers


def test_versions_are_the_pinned_ones():
    requirements = pathlib.Path(os.environ["EASYLM_SOURCE_DIR"], "tests/oracles/requirements.txt").read_text()
    lines = [line.removeprefix("# without dependencies: ") for line in requirements.splitlines()]
    pins = dict(line.split("==") for line in lines if "==" in line)
    assert len(pins) >= 5
    assert {name: importlib.metadata.version(name) for name in pins} == pins


def test_torch_is_the_libtorch_that_we_link():
    cache = pathlib.Path(os.environ["EASYLM_SOURCE_DIR"], "build/release/CMakeCache.txt")
    entry = next(line for line in cache.read_text().splitlines() if line.startswith("EASYLM_LIBTORCH:"))
    assert pathlib.Path(torch.__file__).parent.parent.samefile(entry.partition("=")[2])


def test_torch_and_transformers_work_together():
    config = transformers.LlamaConfig(
        vocab_size=16, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2
    )
    logits = transformers.LlamaForCausalLM(config)(torch.tensor([[1, 2, 3]])).logits
    assert logits.shape == (1, 3, 16)
    assert torch.isfinite(logits).all()
