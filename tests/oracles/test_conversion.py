"""Conversions of element types against torch, and that a converted folder loads in transformers with the same numbers."""

import json
import os
import subprocess

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

EASYLM = os.environ["EASYLM_BIN"]
TYPES = {"f64": torch.float64, "f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


def easylm(folder, *arguments, code=0):
    done = subprocess.run([EASYLM, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout


def bits(tensor):
    return tensor.contiguous().view(torch.uint8)


def hard_numbers(dtype):
    """Every 16-bit pattern widened, halfway points, numbers out of range of smaller types, random bits; no NaN: the
    bits of one that is rounded are the processor's choice."""
    every = torch.arange(65536, dtype=torch.int32).to(torch.int16)
    numbers = [every.view(torch.float16).double(), every.view(torch.bfloat16).double()]
    generator = torch.Generator().manual_seed(3)
    numbers.append(torch.randint(-2**31, 2**31, (40000,), generator=generator).to(torch.int32).view(torch.float32).double())
    numbers.append(torch.randn(10000, generator=generator, dtype=torch.float64))
    numbers.append(numbers[0][:-1] + (numbers[0][1:] - numbers[0][:-1]) / 2)
    joined = torch.cat(numbers)
    return joined[~joined.isnan()].to(dtype)


@pytest.mark.parametrize("source", TYPES)
@pytest.mark.parametrize("target", ["f32", "f16", "bf16", "keep"])
def test_every_conversion_rounds_as_torch_does(tmp_path, source, target):
    tensors = {"x": hard_numbers(TYPES[source]), "whole": torch.tensor([1, -2**40]), "flag": torch.tensor([True, False])}
    save_file(tensors, tmp_path / "in.safetensors")
    report = json.loads(easylm(tmp_path, "convert", "in.safetensors", "out", "--to", "hf", "--dtype", target, "--json"))
    written = load_file(tmp_path / "out/model.safetensors")
    expected = tensors["x"] if target == "keep" else tensors["x"].to(TYPES[target])
    assert written["x"].dtype == expected.dtype
    assert torch.equal(bits(written["x"]), bits(expected))
    assert torch.equal(written["whole"], tensors["whole"]) and torch.equal(written["flag"], tensors["flag"])
    became = int((expected.isinf() & ~tensors["x"].isinf()).sum())
    assert {t["name"]: t["became_infinite"] for t in report["tensors"]}["x"] == became


def test_nan_stays_nan_and_negative_zero_negative(tmp_path):
    values = torch.tensor([float("nan"), -0.0, float("inf"), -float("inf"), 1e-45])
    save_file({"x": values}, tmp_path / "in.safetensors")
    for target in ("f16", "bf16"):
        easylm(tmp_path, "convert", "in.safetensors", target, "--to", "hf", "--dtype", target)
        written = load_file(tmp_path / target / "model.safetensors")["x"].float()
        assert written[0].isnan() and torch.signbit(written[1]) and written[1] == 0
        assert torch.equal(written[2:], values[2:].to(TYPES[target]).float())


def test_what_transformers_wrote_comes_back_to_it(tmp_path):
    torch.manual_seed(2)
    config = LlamaConfig(vocab_size=99, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
                         num_key_value_heads=2, max_position_embeddings=64, initializer_range=0.3)
    model = LlamaForCausalLM(config).eval()
    model.save_pretrained(tmp_path / "theirs", max_shard_size="30KB")
    report = json.loads(easylm(tmp_path, "convert", "theirs", "ours", "--to", "safetensors", "--json"))
    assert report["checked"] and not report["left_out"]
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "ours").eval()
    ids = torch.arange(20)[None]
    with torch.no_grad():
        assert torch.equal(model(ids).logits, again(ids).logits)
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values()))
    easylm(tmp_path, "convert", "theirs", "half", "--to", "hf", "--dtype", "bf16")
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "half").dtype == torch.bfloat16


def test_a_difference_has_the_figures_of_torch(tmp_path):
    torch.manual_seed(4)
    a, b = torch.randn(300, 40), torch.randn(300, 40)
    b[:100] = a[:100]
    save_file({"x": a}, tmp_path / "a.safetensors")
    save_file({"x": b}, tmp_path / "b.safetensors")
    report = json.loads(easylm(tmp_path, "diff", "a.safetensors", "b.safetensors", "--json", code=1))
    tensor = report["changed"][0]
    d = (b.double() - a.double())
    assert tensor["differing"] == int((a != b).sum())
    assert tensor["max_abs"] == d.abs().max().item()
    assert tensor["mean_abs"] == pytest.approx(d.abs().mean().item(), rel=1e-12)
    assert tensor["relative"] == pytest.approx((d.norm() / a.double().norm()).item(), rel=1e-12)
    cosine = torch.nn.functional.cosine_similarity(a.double().flatten(), b.double().flatten(), dim=0).item()
    assert tensor["cosine"] == pytest.approx(cosine, rel=1e-12)
    easylm(tmp_path, "diff", "a.safetensors", "b.safetensors", "-o", "delta")
    easylm(tmp_path, "apply", "a.safetensors", "delta", "-o", "again")
    assert torch.equal(load_file(tmp_path / "again/model.safetensors")["x"], b)
