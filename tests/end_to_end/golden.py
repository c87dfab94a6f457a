"""Versions of every format there ever was, which must load for ever: tests/fixtures/versions/<revision>-<precision>/.

    python3 tests/end_to_end/golden.py 1        makes those of revision 1, once; nothing makes them again
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BIN = os.environ.get("EASYLM_BIN", str(SOURCE / "build/release/bin/easylm"))
FOLDER = SOURCE / "tests/fixtures/versions"
SENTENCE = "the quick brown fox jumps over the lazy dog. "
PIPELINE = """
[run]
name = "golden"
seed = 5
device = "cpu"
threads = 1
precision = "{precision}"

[tokenizer]
type = "byte"

[dataset.train]
type = "text"
path = "train.txt"
sequence_length = 16
batch_size = 2

[model]
type = "llama"
hidden_size = 16
intermediate_size = 32
num_hidden_layers = 1
num_attention_heads = 2
num_key_value_heads = 1
max_position_embeddings = 32
tie_word_embeddings = {tied}
residue_dropout = 0.1

[optimizer]
type = "adamw"
schedule = {{ type = "warmup_cosine", warmup_steps = 2, peak = 1e-2, end = 1e-3 }}

[checkpoint]
type = "safetensors"
max_shard_size = 20000

[[stage]]
type = "train"
steps = {steps}
log_every_steps = 1
"""


def prepare(folder, precision, steps):
    """The pipeline and its corpus."""
    (folder / "train.txt").write_text(SENTENCE * 60)
    tied = "true" if precision == "fp32" else "false"
    (folder / "golden.toml").write_text(PIPELINE.format(precision=precision, tied=tied, steps=steps))


def easylm(folder, *arguments):
    return subprocess.run([BIN, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def facts(folder, reference):
    """What a version says: its greedy text and how probable it found each byte, and its metrics."""
    said = json.loads(easylm(folder, "generate", reference, "--prompt", "the quick", "--temperature", "0",
                             "--max-new-tokens", "12", "--json"))
    shown = json.loads(easylm(folder, "registry", "show", reference, "--json"))
    return {"text": said["text"], "logprobs": said["logprobs"], "step": shown["step"], "metrics": shown["metrics"]}


def make(revision, precision):
    """Saves at step 20, and notes what that version says, and what it says after going on to step 30."""
    target = FOLDER / f"{revision}-{precision}"
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        prepare(folder, precision, 20)
        easylm(folder, "run", "golden.toml")
        shutil.copytree(folder / easylm(folder, "registry", "path", "golden").strip(), target)
        then = facts(folder, "golden")
        prepare(folder, precision, 30)
        easylm(folder, "run", "golden.toml")
        expected = {"then": then, "later": facts(folder, "golden")}
    (FOLDER / f"{revision}-{precision}.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for kind in ("fp32", "bf16"):
        make(sys.argv[1], kind)
