"""Positions stretched in training, each way: transformers reads the version, and gives the same logits beyond the first
length and the same loss at each range of positions."""

import json
import os
import pathlib
import subprocess

import numpy
import pytest
import torch
from test_hugging_face import PIPELINE, easylm
from transformers import AutoModelForCausalLM

LOGITS = pathlib.Path(os.environ["EASYLM_BIN"]).parent / "model_logits"
SHORT, LONG = 32, 256
SCALING = {
    "linear": '{ rope_type = "linear", factor = 8.0 }',
    "yarn": f'{{ rope_type = "yarn", factor = 8.0, original_max_position_embeddings = {SHORT} }}',
    "llama3": '{ rope_type = "llama3", factor = 8.0, low_freq_factor = 1.0, high_freq_factor = 4.0, '
    f"original_max_position_embeddings = {SHORT} }}",
}
STAGES = """
[[stage]]
name = "extend"
type = "train"
steps = 5
dataset.train = "long"
[stage.model]
from = "stage:train"
max_position_embeddings = LONG
rope_scaling = SCALING
[[stage]]
type = "evaluate"
metrics = ["loss", "loss_by_position"]
dataset.validation = "long"
"""
DATASET = """
[dataset.long]
type = "text"
path = "corpus.txt"
sequence_length = LONG
batch_size = 2
"""


def stretched(folder, scaling):
    """A version that was stretched, and what evaluate said of it."""
    (folder / "corpus.txt").write_text("".join(f"line {i} of {i * i % 97} is a line\n" for i in range(90)))
    pipeline = (PIPELINE + DATASET + STAGES).replace("TIED", "false").replace("SHARD", "1000000000")
    pipeline = pipeline.replace("max_position_embeddings = 64", f"max_position_embeddings = {SHORT}")
    (folder / "tiny.toml").write_text(pipeline.replace("LONG", str(LONG)).replace("SCALING", SCALING[scaling]))
    easylm(folder, "run", "tiny.toml")
    version = pathlib.Path(folder, easylm(folder, "registry", "path", "tiny").strip())
    return version, json.loads((folder / "runs/tiny/latest/evaluate.json").read_text())


@pytest.mark.parametrize("scaling", SCALING)
def test_transformers_agrees_about_long_positions(tmp_path, scaling):
    version, report = stretched(tmp_path, scaling)
    config = json.loads((version / "config.json").read_text())
    assert config["max_position_embeddings"] == LONG and config["rope_scaling"]["rope_type"] == scaling
    model = AutoModelForCausalLM.from_pretrained(version, dtype=torch.float32, attn_implementation="eager").eval()
    stream = list((tmp_path / "corpus.txt").read_bytes()) + [257]

    ids = stream[:LONG]
    done = subprocess.run([LOGITS, version], input=numpy.array(ids, "<i4").tobytes(), capture_output=True, check=True)
    ours = torch.from_numpy(numpy.frombuffer(done.stdout, "<f4").reshape(LONG, -1).copy())
    with torch.no_grad():
        theirs = model(torch.tensor([ids])).logits[0]
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)

    nats, count = numpy.zeros(LONG), numpy.zeros(LONG)
    for begin in range(0, len(stream) - 1, LONG):
        window = torch.tensor(stream[begin : begin + LONG + 1])
        with torch.no_grad():
            logits = model(window[None, :-1]).logits[0].double()
        losses = torch.nn.functional.cross_entropy(logits, window[1:], reduction="none").numpy()
        nats[: len(losses)] += losses
        count[: len(losses)] += 1
    assert [row["from"] for row in report["loss_by_position"]] == [0, 1, 2, 4, 8, 16, 32, 64, 128]
    for row in report["loss_by_position"]:
        place = slice(row["from"], row["to"])
        assert row["weight"] == count[place].sum()
        assert row["loss"] == pytest.approx(nats[place].sum() / count[place].sum(), rel=2e-5)
    assert report["loss"] == pytest.approx(nats.sum() / count.sum(), rel=2e-5)
