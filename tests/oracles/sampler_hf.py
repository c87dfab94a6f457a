"""Distributions after transformers' logits processors, as vectors for tests/stages."""

import argparse
import json
import pathlib

import torch
from transformers.generation import logits_process as hf

SETTINGS = [
    {},
    {"temperature": 0.7},
    {"top_k": 5},
    {"top_p": 0.6},
    {"min_p": 0.2},
    {"repetition_penalty": 1.3},
    {"repetition_penalty": 0.8, "temperature": 1.5},
    {"temperature": 0.8, "top_k": 12, "top_p": 0.9, "min_p": 0.05, "repetition_penalty": 1.1},
]


def processors(settings):
    """In the order in which transformers applies them."""
    made = []
    if "repetition_penalty" in settings:
        made.append(hf.RepetitionPenaltyLogitsProcessor(settings["repetition_penalty"]))
    if "temperature" in settings:
        made.append(hf.TemperatureLogitsWarper(settings["temperature"]))
    if "top_k" in settings:
        made.append(hf.TopKLogitsWarper(settings["top_k"]))
    if "top_p" in settings:
        made.append(hf.TopPLogitsWarper(settings["top_p"]))
    if "min_p" in settings:
        made.append(hf.MinPLogitsWarper(settings["min_p"]))
    return made


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("out", type=pathlib.Path)
    arguments.add_argument("--seed", type=int, default=1)
    options = arguments.parse_args()
    generator = torch.Generator().manual_seed(options.seed)
    cases = []
    for settings in SETTINGS:
        logits = torch.randn(1, 40, generator=generator) * 2
        seen = torch.randint(0, 40, (1, 6), generator=generator)
        scores = logits
        for processor in processors(settings):
            scores = processor(seen, scores)
        cases.append({"settings": settings, "logits": logits[0].tolist(), "seen": seen[0].tolist(),
                      "probabilities": torch.softmax(scores.double(), -1)[0].tolist()})
    options.out.write_text(json.dumps({"cases": cases}))


if __name__ == "__main__":
    main()
