"""Ten steps of torch.optim.AdamW from a given state, as vectors for tests/optimizers."""

import argparse
import json
import pathlib

import torch

SHAPES = {"matrix": (5, 7), "norm": (6,)}  # a norm has no weight decay
STEPS, FIRST_STEP = 10, 4


def numbers(tensor):
    return [float(x) for x in tensor.detach().reshape(-1)]


def run(generator, settings):
    def draw(shape, scale):
        return torch.randn(shape, generator=generator) * scale

    rates = [1e-3 * (1 + step) for step in range(STEPS)]
    case = {"settings": settings, "first_step": FIRST_STEP, "learning_rates": rates, "parameters": {}}
    for name, shape in SHAPES.items():
        parameter = torch.nn.Parameter(draw(shape, 0.5))
        decay = 0.0 if name == "norm" else settings["weight_decay"]
        optimizer = torch.optim.AdamW([parameter], lr=1.0, betas=(settings["b1"], settings["b2"]),
                                      eps=settings["eps"], weight_decay=decay, foreach=False, fused=False)
        state = {"step": torch.tensor(float(FIRST_STEP)), "exp_avg": draw(shape, 0.1),
                 "exp_avg_sq": draw(shape, 0.1) ** 2}
        entry = {"shape": list(shape), "value": numbers(parameter), "exp_avg": numbers(state["exp_avg"]),
                 "exp_avg_sq": numbers(state["exp_avg_sq"]), "gradients": []}
        optimizer.state[parameter] = state
        for rate in rates:
            parameter.grad = draw(shape, 1.0)
            entry["gradients"].append(numbers(parameter.grad))
            optimizer.param_groups[0]["lr"] = rate
            optimizer.step()
        entry["expected"] = {"value": numbers(parameter), "exp_avg": numbers(state["exp_avg"]),
                             "exp_avg_sq": numbers(state["exp_avg_sq"])}
        case["parameters"][name] = entry
    return case


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("out", type=pathlib.Path)
    arguments.add_argument("--seed", type=int, default=1)
    options = arguments.parse_args()
    generator = torch.Generator().manual_seed(options.seed)
    cases = [run(generator, {"b1": 0.9, "b2": b2, "eps": 1e-8, "weight_decay": decay})
             for b2, decay in ((0.95, 1e-4), (0.999, 0.1))]
    options.out.write_text(json.dumps({"optimizer": "adamw", "cases": cases}))


if __name__ == "__main__":
    main()
