"""Ten steps of the optimizers that EasyLM builds from optax, as vectors for tests/optimizers.

Needs optax and JAX, which flax brings into the environment; the vectors are committed.
"""

import argparse
import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import optax

SHAPES = {"matrix": (5, 7), "norm": (6,)}  # a norm has no weight decay
STEPS = 10
MASK = {"matrix": True, "norm": False}


def numbers(array):
    return [float(x) for x in np.asarray(array, dtype=np.float32).reshape(-1)]


def rate(step):
    return 1e-3 * (1 + step)


def scheduled_weight_decay(schedule):
    """EasyLM's last transformation: adds schedule(step) * parameter where the mask says so."""

    def update(updates, count, params):
        added = {name: update + (schedule(count) * params[name] if MASK[name] else 0)
                 for name, update in updates.items()}
        return added, count + 1

    return optax.GradientTransformation(lambda params: jnp.zeros([], jnp.int32), update)


def adafactor(settings):
    return optax.adafactor(learning_rate=rate, multiply_by_parameter_scale=True, momentum=settings["b1"],
                           decay_rate=settings["b2"], factored=False, clipping_threshold=None,
                           dtype_momentum=momentum_type(settings))


def momentum_type(settings):
    return jnp.bfloat16 if settings["bf16_momentum"] else jnp.float32


def adamw(settings):
    if settings["multiply_by_parameter_scale"]:
        decay = scheduled_weight_decay(lambda step: -rate(step) * settings["weight_decay"])
        return optax.chain(adafactor(settings), decay)
    return optax.adamw(learning_rate=rate, weight_decay=settings["weight_decay"], b1=settings["b1"],
                       b2=settings["b2"], mask=MASK, mu_dtype=momentum_type(settings))


def palm(settings):
    factor = settings["weight_decay"] / 1e-4
    return optax.chain(adafactor(settings), scheduled_weight_decay(lambda step: -factor * jnp.square(rate(step))))


def run(random, make, settings):
    def draw(scale):
        return {name: jnp.asarray(random.standard_normal(shape, dtype=np.float32) * scale)
                for name, shape in SHAPES.items()}

    optimizer = make(settings)
    params = draw(0.5)
    state = optimizer.init(params)
    entries = {name: {"shape": list(shape), "value": numbers(params[name]), "gradients": []}
               for name, shape in SHAPES.items()}
    for _ in range(STEPS):
        gradients = draw(1.0)
        updates, state = optimizer.update(gradients, state, params)
        params = optax.apply_updates(params, updates)
        for name in SHAPES:
            entries[name]["gradients"].append(numbers(gradients[name]))
    for name in SHAPES:
        entries[name]["expected"] = {"value": numbers(params[name])}
    return {"settings": settings, "first_step": 0, "learning_rates": [float(rate(s)) for s in range(STEPS)],
            "parameters": entries}


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=pathlib.Path)
    folder = arguments.parse_args().folder
    jax.config.update("jax_platforms", "cpu")
    random = np.random.default_rng(1)
    common = {"b1": 0.9, "b2": 0.95, "weight_decay": 0.1}
    cases = [run(random, adamw, {**common, "bf16_momentum": bf16, "multiply_by_parameter_scale": scale})
             for bf16 in (False, True) for scale in (False, True)]
    (folder / "adamw_optax.json").write_text(json.dumps({"optimizer": "adamw", "cases": cases}))
    cases = [run(random, palm, {"b1": 0.9, "b2": 0.99, "weight_decay": 0.1, "bf16_momentum": bf16})
             for bf16 in (False, True)]
    (folder / "palm_optax.json").write_text(json.dumps({"optimizer": "palm", "cases": cases}))


if __name__ == "__main__":
    main()
