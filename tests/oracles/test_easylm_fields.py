"""The built program's rows of random JSON lines beside those of EasyLM's rules in plain Python."""

import itertools
import json
import os
import random
import subprocess

import easylm_fields
import pytest

PIPELINE = """
[tokenizer]
type = "byte"
[dataset.train]
type = "jsonl"
path = "lines.jsonl"
fields = {fields}
add_bos_token = {bos}
always_start_with_bos = {always}
sequence_length = {length}
batch_size = {rows}
untrained_rows = "allow"
[model]
type = "llama"
hidden_size = 8
intermediate_size = 8
num_hidden_layers = 1
num_attention_heads = 1
max_position_embeddings = 64
[optimizer]
type = "adamw"
[checkpoint]
type = "safetensors"
[[stage]]
type = "train"
steps = 1
"""


@pytest.mark.parametrize("seed", range(8))
def test_rows_are_those_of_the_contract(seed, tmp_path):
    rng = random.Random(seed + 1000)
    lines = [*easylm_fields.random_lines(rng, 60, 0.1), '{"a": "last", "b": "ö"}']
    (tmp_path / "lines.jsonl").write_text("\n".join(lines) + "\n")
    fields = rng.choice(["a,b", "[a],b", "a+b+a", "[b],[<|9|>],a"])
    bos, always = rng.random() < 0.5, rng.random() < 0.5
    length, rows = rng.randrange(4, 40), rng.randrange(1, 5)
    text = PIPELINE.format(fields=json.dumps(fields), bos=str(bos).lower(), always=str(always).lower(), length=length, rows=rows)
    (tmp_path / "p.toml").write_text(text)
    command = [os.environ["EASYLM_BIN"], "data", "inspect", "p.toml", "-n", str(10 * rows), "--json"]
    shown = json.loads(subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60).stdout)

    stream = easylm_fields.batches(lines, {"fields": fields, "add_bos_token": bos}, rows, length, always)
    expected = itertools.chain.from_iterable(zip(*batch, strict=True) for batch in itertools.islice(stream, 10))
    assert [(row["tokens"], row["targets"], row["mask"]) for row in shown] == list(expected)
