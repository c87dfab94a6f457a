"""Logits, mean loss and every gradient of small LLaMAs in transformers 5.24 on torch 2.11, as vectors for tests/models.

Weights and ids are not stored: both sides work them out from a hash of name and position.
"""

import argparse
import json
import pathlib
import zlib

import numpy
import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

BASE = {"vocab_size": 61, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64,
        "rms_norm_eps": 1e-5, "tie_word_embeddings": False}
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 64}
CASES = {
    "multi_head": {"num_key_value_heads": 4},
    "grouped": {},
    "tied": {"tie_word_embeddings": True},
    "biases": {"attention_bias": True, "mlp_bias": True},
    "head_width": {"head_dim": 16},
    "rope_theta": {"rope_parameters": {"rope_type": "default", "rope_theta": 500000.0}},
    "rope_linear": {"rope_scaling": {"rope_type": "linear", "factor": 3.0}},
    "rope_dynamic": {"rope_scaling": {"rope_type": "dynamic", "factor": 2.0}, "max_position_embeddings": 16},
    "rope_yarn": {"head_dim": 16, "max_position_embeddings": 128,
                  "rope_scaling": {"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 16}},
    "rope_yarn_said": {"head_dim": 16, "max_position_embeddings": 128,
                       "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 20,
                                        "beta_fast": 8.0, "beta_slow": 0.5, "truncate": False, "mscale": 1.2,
                                        "mscale_all_dim": 0.7}},
    "rope_llama3": {"head_dim": 16, "max_position_embeddings": 128, "rope_scaling": LLAMA3},
}
ROWS, LENGTH = 2, 25


def hashed(name, size):
    """32 bits for each of `size` places."""
    start = zlib.crc32(name.encode())
    with numpy.errstate(over="ignore"):
        h = numpy.arange(size, dtype=numpy.uint32) * numpy.uint32(0x9E3779B1) + numpy.uint32(start)
        h ^= h >> numpy.uint32(15)
        h *= numpy.uint32(0x2C1B3C6D)
        h ^= h >> numpy.uint32(12)
        h *= numpy.uint32(0x297A2D39)
        return h ^ (h >> numpy.uint32(15))


def weight(name, shape):
    """Uniform: matrices with deviation near 1 / sqrt(inputs), embeddings near 1, norms around 1."""
    uniform = hashed(name, int(numpy.prod(shape))).astype(numpy.float64) / 2**31 - 1
    if len(shape) == 1:
        values = 0.3 * uniform + (0 if name.endswith(".bias") else 1)
    else:
        values = uniform * (1.7 if "embed" in name else 1.7 / shape[1] ** 0.5)
    return torch.from_numpy(values.reshape(shape).astype(numpy.float32))


def run(name, changes):
    config = LlamaConfig(**json.loads(json.dumps(BASE | changes)))
    config._attn_implementation = "eager"
    model = LlamaForCausalLM(config).train()
    for parameter, value in model.named_parameters():
        value.data.copy_(weight(parameter, tuple(value.shape)))
    ids = torch.from_numpy((hashed("ids", ROWS * LENGTH) % BASE["vocab_size"]).astype(numpy.int64))
    ids = ids.reshape(ROWS, LENGTH)
    output = model(ids[:, :-1])
    loss = torch.nn.functional.cross_entropy(output.logits.flatten(0, 1), ids[:, 1:].flatten())
    loss.backward()
    tensors = {f"{name}/logits": output.logits.detach().contiguous(), f"{name}/loss": loss.detach()}
    for parameter, value in model.named_parameters():
        tensors[f"{name}/gradient/{parameter}"] = value.grad
    return tensors


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    out = parser.parse_args().out
    torch.set_num_threads(1)
    tensors = {}
    for name, changes in CASES.items():
        tensors |= run(name, changes)
    configs = {name: json.dumps(BASE | changes) for name, changes in CASES.items()}
    save_file(tensors, out, metadata=configs)


if __name__ == "__main__":
    main()
