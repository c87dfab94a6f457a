"""Runs the built program in a folder of its own, for the end-to-end tests."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BIN = os.environ.get("EASYLM_BIN", str(SOURCE / "build/release/bin/easylm"))

TINY = """
[run]
name = "tiny"
seed = 7
device = "cpu"
threads = 1

[tokenizer]
type = "byte"

[dataset.train]
type = "text"
path = "train.txt"
sequence_length = 32
batch_size = 4

[dataset.validation]
type = "text"
path = "validation.txt"
sequence_length = 32
batch_size = 4

[model]
type = "llama"
hidden_size = 32
intermediate_size = 64
num_hidden_layers = 2
num_attention_heads = 4
num_key_value_heads = 2
max_position_embeddings = 64

[optimizer]
type = "adamw"
schedule = { type = "constant", value = 3e-3 }

[checkpoint]
type = "safetensors"
every_steps = 10
keep_last = 2

[[tracker]]
type = "jsonl"

[[stage]]
type = "train"
steps = 30
validate_every_steps = 10
log_every_steps = 1

[[stage]]
type = "evaluate"
metrics = ["loss", "perplexity", "bits_per_byte"]

[[stage]]
type = "generate"
prompt = "the "
max_new_tokens = 8
"""

SENTENCE = "the quick brown fox jumps over the lazy dog. "


class CliTest(unittest.TestCase):
    """Each test has a working folder with a tiny corpus and `tiny.toml`."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.cwd = pathlib.Path(self.folder.name)
        self.write("train.txt", SENTENCE * 60)
        self.write("validation.txt", SENTENCE * 6)
        self.write("tiny.toml", TINY)

    def write(self, name, text):
        (self.cwd / name).write_text(text)

    def easylm(self, *arguments, code=0, env=None, program=BIN):
        """The finished process; fails the test if its exit code is another one."""
        done = subprocess.run([program, *arguments], cwd=self.cwd, capture_output=True, text=True, timeout=300,
                              env={**os.environ, **(env or {})}, check=False)
        if code is not None:
            self.assertEqual(done.returncode, code, f"easylm {' '.join(arguments)}\n{done.stdout}\n{done.stderr}")
        return done

    def json(self, *arguments):
        return json.loads(self.easylm(*arguments).stdout)
