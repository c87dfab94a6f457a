"""The longest sequence that a 4-layer, 512-wide LLaMA trains on within 3 GiB, and its time per token: blockwise beside
plain attention and beside torch's own with recomputed blocks.

Runs `easylm bench context` on Shakespeare's plays, byte by byte, once a number of threads, prints its tables, and fails
if a target is missed. By far the most of its time goes into the longest steps: an hour and more on a slow machine.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[2]
PIPELINE = """
[run]
name = "context"
seed = 1
device = "cpu"
threads = {threads}
precision = "{precision}"

[tokenizer]
type = "byte"

[dataset.train]
type = "text"
path = "{text}"
sequence_length = 512
batch_size = 1

[model]
type = "llama"
hidden_size = 512
intermediate_size = 1408
num_hidden_layers = 4
num_attention_heads = 8
num_key_value_heads = 8
max_position_embeddings = 512

[optimizer]
type = "adamw"
schedule = {{ type = "constant", value = 1e-4 }}

[checkpoint]
type = "safetensors"

[[stage]]
type = "train"
steps = 1
"""
LONGER_THAN_REFERENCE, LONGER_THAN_SDPA, SLOWER_THAN_SDPA = 8, 2, 1.1


def measure(options, threads):
    """{variant: figures}, after printing the table."""
    with tempfile.TemporaryDirectory() as folder:
        pipeline = pathlib.Path(folder) / "context.toml"
        text = ROOT / "data/shakespeare/train"
        pipeline.write_text(PIPELINE.format(threads=threads, precision=options.precision, text=text))
        command = [options.program, "--home", folder, "bench", "context", pipeline, "--memory", options.memory, "--step",
                   str(options.step), "--most", str(options.most), "--at", str(options.at), "--patience",
                   str(options.patience), "--json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if not done.stdout:
            sys.exit(f"easylm bench context ended with {done.returncode}")
        print(next(pathlib.Path(folder).glob("bench/*/table.md")).read_text(), flush=True)
    return {variant["name"]: variant for variant in json.loads(done.stdout)["variants"]}


def missed_targets(variants):
    reference, sdpa, bpt = variants.values()
    for figure, found, wanted in (("longer than reference", bpt["longest"] / max(reference["longest"], 1), LONGER_THAN_REFERENCE),
                                  ("longer than sdpa", bpt["longest"] / max(sdpa["longest"], 1), LONGER_THAN_SDPA)):
        print(f"{bpt['name']} is {found:.2f} × {figure}; target: {wanted}")
        if found < wanted:
            yield figure
    times = [variant["seconds_per_token_at_common"] for variant in (bpt, sdpa)]
    if None in times:
        print("no time per token: the common length doesn't fit")
        yield "time per token"
        return
    print(f"{bpt['name']} takes {times[0] / times[1]:.2f} × sdpa's time per token; target: at most {SLOWER_THAN_SDPA}")
    if times[0] > SLOWER_THAN_SDPA * times[1]:
        yield "time per token"


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--program", default=ROOT / "build/release/bin/easylm")
    arguments.add_argument("--memory", default="3GiB")
    arguments.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    arguments.add_argument("--precision", default="fp32", choices=["fp32", "bf16"])
    arguments.add_argument("--step", type=int, default=256)
    arguments.add_argument("--most", type=int, default=1 << 20)
    arguments.add_argument("--at", type=int, default=16384)
    arguments.add_argument("--patience", type=float, default=3600)
    options = arguments.parse_args()
    missed = []
    for threads in options.threads:
        print(f"\n{threads} threads, {options.precision}\n", flush=True)
        missed += [f"{figure} with {threads} threads" for figure in missed_targets(measure(options, threads))]
    if missed:
        sys.exit("missed: " + "; ".join(missed))


if __name__ == "__main__":
    main()
