"""Twenty steps of a plain torch loop over transformers' LLaMA, as vectors for tests/stages.

Weights follow a formula, so that the vectors need not hold them.
"""

import argparse
import json
import math
import pathlib

import torch
from transformers import LlamaConfig, LlamaForCausalLM

STEPS, ROWS, LENGTH, VOCABULARY = 20, 3, 12, 48
MODEL = {"vocab_size": VOCABULARY, "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2,
         "num_attention_heads": 3, "num_key_value_heads": 1, "max_position_embeddings": 16, "rms_norm_eps": 1e-6}
OPTIMIZER = {"b1": 0.9, "b2": 0.95, "eps": 1e-8, "weight_decay": 0.1}
# Adam turns a gradient near zero into a step of full size in a direction that rounding decides: at higher rates two correct
# loops part within twenty steps.
RATE, CLIP = 1e-3, 1.0


def fill(parameter, index, phase):
    is_norm = parameter.dim() == 1
    for i in range(parameter.numel()):
        wave = math.sin(1.7 * i + index + phase)
        parameter.view(-1)[i] = 1 + 0.1 * wave if is_norm else 0.2 * wave


def make_model(tied, phase):
    config = LlamaConfig(**MODEL, tie_word_embeddings=tied, attn_implementation="eager")
    model = LlamaForCausalLM(config).float()
    names = sorted(name for name, _ in model.named_parameters())
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for index, name in enumerate(names):
            fill(parameters[name], index, phase)
    return model, names


def run(generator, tied, accumulate, phase):
    model, names = make_model(tied, phase)
    groups = [{"params": [p for p in model.parameters() if p.dim() > 1], "weight_decay": OPTIMIZER["weight_decay"]},
              {"params": [p for p in model.parameters() if p.dim() == 1], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=RATE, betas=(OPTIMIZER["b1"], OPTIMIZER["b2"]), eps=OPTIMIZER["eps"])
    case = {"tied": tied, "accumulate": accumulate, "phase": phase, "parameters": names, "batches": [],
            "losses": [], "gradient_norms": []}
    for _ in range(STEPS):
        batches = []
        for _ in range(accumulate):
            # Few distinct tokens, so that there is something to learn.
            tokens = torch.randint(0, 6, (ROWS, LENGTH + 1), generator=generator) * 7
            mask = (torch.rand(ROWS, LENGTH, generator=generator) < 0.8).float()
            batches.append((tokens[:, :-1], tokens[:, 1:], mask))
        weight = sum(mask.sum() for _, _, mask in batches)
        loss = 0.0
        for inputs, targets, mask in batches:
            logits = model(inputs).logits
            losses = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
            loss = loss + (losses * mask.flatten()).sum() / weight
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        case["batches"].append([{"inputs": i.flatten().tolist(), "targets": t.flatten().tolist(),
                                 "mask": m.flatten().tolist()} for i, t, m in batches])
        case["losses"].append(loss.item())
        case["gradient_norms"].append(norm.item())
    return case


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("out", type=pathlib.Path)
    arguments.add_argument("--seed", type=int, default=1)
    options = arguments.parse_args()
    generator = torch.Generator().manual_seed(options.seed)
    cases = [run(generator, tied, accumulate, float(options.seed)) for tied, accumulate in ((False, 1), (True, 2))]
    options.out.write_text(json.dumps({"model": MODEL, "optimizer": OPTIMIZER, "learning_rate": RATE, "clip": CLIP,
                                       "rows": ROWS, "length": LENGTH, "cases": cases}))


if __name__ == "__main__":
    main()
