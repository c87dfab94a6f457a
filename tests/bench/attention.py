"""Times causal attention, forward and with its backward pass: ours, torch's scaled_dot_product_attention and, given a
checkout of the Python EasyLM, its blockwise_attn under JAX. Prints a table for docs/log.md.

They take turns, call by call, so that whatever else the machine does hits all; ratios are medians over turns of the
quotients within one turn. GFLOP/s count two products forward and five backward, and of each half, since half of the
scores are masked. "stolen" is the share of processor time that the machine's host gave to others meanwhile, of all
processors; "by CPU time" is the ratio of the time that each had a processor, which other programs disturb less; "peak" what products reach on this core in the first-level cache.
"""

import argparse
import importlib.util
import pathlib
import signal
import statistics
import sys
import time
import types

from train_step import Worker, peak_resident_bytes

PASSES = {"forward": 2, "both": 7}  # products of tokens × tokens × width


def serve_torch(dtype, shape, threads):
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    tokens, heads, key_heads, width = shape
    kind = {"fp32": torch.float32, "bf16": torch.bfloat16}[dtype]
    q, do = (torch.randn(1, heads, tokens, width).to(kind) for _ in range(2))
    k, v = (torch.randn(1, key_heads, tokens, width).to(kind) for _ in range(2))
    for x in (q, k, v):
        x.requires_grad_()

    def run(line):
        o = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=heads != key_heads)
        if line == "both":
            torch.autograd.grad(o, (q, k, v), do)

    answer(run)


def rearrange(x, pattern):
    """Of einops' patterns the one that blockwise_attn uses, where einops isn't installed."""
    if pattern != "n b c h d -> b (n c) h d":
        raise SystemExit(f"error: this checkout rearranges by '{pattern}'\nhint: install einops")
    chunks, rows, size, heads, width = x.shape
    return x.transpose(1, 0, 2, 3, 4).reshape(rows, chunks * size, heads, width)


def blockwise_attn(checkout):
    """The function out of EasyLM/bpt.py, without what else that package imports."""
    if importlib.util.find_spec("einops") is None:
        sys.modules["einops"] = types.ModuleType("einops")
        sys.modules["einops"].rearrange = rearrange
    spec = importlib.util.spec_from_file_location("bpt", pathlib.Path(checkout) / "EasyLM/bpt.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.blockwise_attn


def serve_easylm(dtype, shape, threads, checkout, chunk):
    import os

    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])  # XLA starts a thread for each processor
    import jax
    import jax.numpy as jnp

    attention = blockwise_attn(checkout)
    tokens, heads, _, width = shape
    kind = {"fp32": jnp.float32, "bf16": jnp.bfloat16}[dtype]
    q, k, v, do = (jax.random.normal(key, (1, tokens, heads, width), kind) for key in jax.random.split(jax.random.key(1), 4))

    def forward(q, k, v):
        return attention(q, k, v, query_chunk_size=chunk, key_chunk_size=chunk, dtype=kind)

    def both(q, k, v, do):
        o, pull = jax.vjp(forward, q, k, v)
        return o, pull(do.astype(o.dtype))

    forward_compiled, both_compiled = jax.jit(forward), jax.jit(both)

    def run(line):
        jax.block_until_ready(both_compiled(q, k, v, do) if line == "both" else forward_compiled(q, k, v))

    answer(run)


def answer(run):
    for line in map(str.strip, sys.stdin):
        if line == "quit":
            break
        started = time.perf_counter()
        run(line)
        print(time.perf_counter() - started, flush=True)
    print(peak_resident_bytes(), flush=True)


def processor_ticks():
    """Stolen, and all."""
    ticks = [int(x) for x in pathlib.Path("/proc/stat").read_text(encoding="utf-8").split("\n", 1)[0].split()[1:9]]
    return ticks[7], sum(ticks)


def processor_seconds(side):
    """How long the process has had a processor, all its threads together."""
    tasks = pathlib.Path(f"/proc/{side.process.pid}/task").glob("*/schedstat")
    return sum(int(task.read_text(encoding="utf-8").split()[0]) for task in tasks) / 1e9


def start(options, dtype, tokens):
    """All sides, ours first."""
    shape = [tokens, options.heads, options.key_heads, options.width]
    words = [dtype, *map(str, shape), str(options.threads)]
    sides = {"EasyLM": Worker([str(options.program), options.kernel, *words], options.threads),
             "torch SDPA": Worker([sys.executable, __file__, "--worker", "torch", *words], options.threads)}
    if options.easylm:
        for chunk in options.chunks:
            if tokens % chunk == 0 and options.heads == options.key_heads:
                sides[f"Python EasyLM, chunk {chunk}"] = Worker(
                    [sys.executable, __file__, "--worker", "easylm", *words, options.easylm, str(chunk)], options.threads)
    return sides


def take_turn(side, passes):
    """Seconds by the clock and of processor time. Sides are stopped between their turns: JAX's threads go on after its call."""
    side.process.send_signal(signal.SIGCONT)
    had = processor_seconds(side)
    seconds = side.ask(passes)
    had = processor_seconds(side) - had
    side.process.send_signal(signal.SIGSTOP)
    return seconds, had


def compare(options, dtype, tokens):
    sides = start(options, dtype, tokens)
    ours = sides["EasyLM"]
    peak = ours.ask("peak") / 1e9
    for passes, products in PASSES.items():
        for side in sides.values():
            take_turn(side, passes)
        before, started = processor_ticks(), time.monotonic()
        turns = {name: [] for name in sides}
        processor = {name: [] for name in sides}
        while len(turns["EasyLM"]) < 5 or (time.monotonic() - started < options.seconds and len(turns["EasyLM"]) < 200):
            for name, side in sides.items():
                seconds, had = take_turn(side, passes)
                turns[name].append(seconds)
                processor[name].append(had)
        stolen, total = (after - first for after, first in zip(processor_ticks(), before))
        work = products * options.heads * tokens * tokens * options.width / 1e9
        for name, seconds in turns.items():
            ratio = statistics.median(theirs / own for theirs, own in zip(seconds, turns["EasyLM"]))
            by_processor = statistics.median(theirs / own for theirs, own in zip(processor[name], processor["EasyLM"]))
            rate = work / statistics.median(seconds)
            print(f"| {dtype} | {tokens:,} | {'forward' if passes == 'forward' else 'forward and backward'} | {name} | {rate:.1f} "
                  f"| {rate / peak:.0%} of {peak:.0f} | {ratio:.2f} | {by_processor:.2f} | {stolen / max(total, 1):.0%} | {len(seconds)} |", flush=True)
    for side in sides.values():
        side.process.send_signal(signal.SIGCONT)
        side.ask("quit")
        side.process.wait()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--program", default=pathlib.Path(__file__).parents[2] / "build/release/bin/bench_attention")
    arguments.add_argument("--kernel", default="bpt")
    arguments.add_argument("--dtypes", nargs="+", default=["fp32", "bf16"], choices=["fp32", "bf16"])
    arguments.add_argument("--tokens", nargs="+", type=int, default=[4096])
    arguments.add_argument("--heads", type=int, default=8)
    arguments.add_argument("--key-heads", type=int, help="as many as heads unless given")
    arguments.add_argument("--width", type=int, default=64)
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--seconds", type=float, default=20, help="for one pass of one dtype and length, after five turns")
    arguments.add_argument("--easylm", metavar="CHECKOUT", help="of the Python EasyLM")
    arguments.add_argument("--chunks", nargs="+", type=int, default=[256], help="of the Python EasyLM; its default is 2048")
    arguments.add_argument("--worker", nargs="+", help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.worker:
        side, dtype, *numbers = options.worker
        shape, threads = [int(x) for x in numbers[:4]], int(numbers[4])
        if side == "torch":
            return serve_torch(dtype, shape, threads)
        return serve_easylm(dtype, shape, threads, numbers[5], int(numbers[6]))
    options.key_heads = options.key_heads or options.heads
    print("| dtype | tokens | pass | who | GFLOP/s | share of peak | time by EasyLM's | by CPU time | stolen | turns |\n"
          "|---|---|---|---|---|---|---|---|---|---|", flush=True)
    for dtype in options.dtypes:
        for tokens in options.tokens:
            compare(options, dtype, tokens)


if __name__ == "__main__":
    main()
