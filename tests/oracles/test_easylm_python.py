"""Both ways between EasyLM and the files of the Python EasyLM: flax writes and reads them, and the logits of a forward
pass over its layout are those of transformers on what became of it."""

import json
import os
import subprocess

import flax.serialization
import jax.numpy
import ml_dtypes
import msgpack
import numpy
import pytest
import torch
from flax.traverse_util import flatten_dict
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

import tiny_llama

EASYLM = os.environ["EASYLM_BIN"]
IDS = [1, 5, 3, 9, 15, 0, 7, 7, 2, 11, 4, 8]


def easylm(*arguments, ok=True):
    done = subprocess.run([EASYLM, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == ok, done.stderr
    return done.stdout if ok else done.stderr


def write_stream(file, records):
    """As the Python EasyLM does: the key's parts, and flax's bytes of the array."""
    packer = msgpack.Packer()
    with open(file, "wb") as out:
        for key, value in records.items():
            out.write(packer.pack((key, flax.serialization.to_bytes(value))))


def read_stream(file):
    """As the Python EasyLM does."""
    with open(file, "rb") as stream:
        return {tuple(key): flax.serialization.from_bytes(None, value)
                for key, value in msgpack.Unpacker(stream, max_buffer_size=0)}


def read_flax(file):
    return flatten_dict(flax.serialization.msgpack_restore(file.read_bytes()))


def write_as(form, file, tree):
    if form == "flax":
        file.write_bytes(flax.serialization.msgpack_serialize(tiny_llama.nested(tree)))
    elif form == "params":
        write_stream(file, {("params", *path): jax.numpy.asarray(value) for path, value in tree.items()})
    else:
        write_stream(file, {("step",): 5} | {("params", "params", *path): value for path, value in tree.items()}
                     | {("opt_state", "1", "mu", "params", *path): value * 0 for path, value in tree.items()})


def in_type(dtype):
    return {path: value.astype(dtype) for path, value in tiny_llama.easylm_weights(3).items()}


def assert_same(ours, theirs):
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        assert ours[key].dtype == value.dtype and ours[key].shape == value.shape, key
        assert ours[key].tobytes() == numpy.asarray(value).tobytes(), key


def hugging_face_folder(folder, tree):
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(tiny_llama.CONFIG))
    weights = {name: torch.from_numpy(value.astype(numpy.float32)).to(
        torch.bfloat16 if value.dtype == ml_dtypes.bfloat16 else torch.float32)
        for name, value in tiny_llama.hugging_face_weights(tree).items()}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return folder


@pytest.mark.parametrize("form", ["params", "train_state", "flax"])
def test_logits_of_its_layout_are_those_of_transformers_on_what_became_of_it(tmp_path, form):
    tree = in_type(numpy.float32)
    source = tmp_path / "theirs"
    source.mkdir()
    (source / "config.json").write_text(json.dumps(tiny_llama.CONFIG))
    write_as(form, source / "streaming_params", tree)
    easylm("convert", source / "streaming_params", tmp_path / "hf", "--to", "safetensors")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "hf", dtype=torch.float64).eval()
    with torch.no_grad():
        logits = model(torch.tensor([IDS])).logits[0].numpy()
    assert numpy.abs(logits - tiny_llama.logits(tree, IDS)).max() < 1e-5


@pytest.mark.parametrize("dtype", [numpy.float32, ml_dtypes.bfloat16])
@pytest.mark.parametrize("form", ["stream", "flax"])
def test_flax_reads_what_we_write(tmp_path, form, dtype):
    tree = in_type(dtype)
    source = hugging_face_folder(tmp_path / "hf", tree)
    easylm("convert", source, tmp_path / "ours", "--to", "easylm_stream", "--set", f"form={form}")
    if form == "flax":
        assert_same(read_flax(tmp_path / "ours/model.msgpack"), tree)
    else:
        assert_same(read_stream(tmp_path / "ours/model.stream"), {("params", *p): v for p, v in tree.items()})


@pytest.mark.parametrize("chunk", [2**30, 100])
def test_there_and_back_again_is_the_same_to_the_byte(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(flax.serialization, "MAX_CHUNK_SIZE", chunk)
    tree = in_type(ml_dtypes.bfloat16)
    source = tmp_path / "theirs"
    source.mkdir()
    (source / "config.json").write_text(json.dumps(tiny_llama.CONFIG))
    write_as("params", source / "streaming_params", tree)
    easylm("convert", source, tmp_path / "hf", "--to", "safetensors")
    easylm("convert", tmp_path / "hf", tmp_path / "back", "--to", "easylm_stream")
    assert_same(read_stream(tmp_path / "back/model.stream"), {("params", *p): v for p, v in tree.items()})
    if chunk == 2**30:  # the same records; ours are sorted
        write_as("params", tmp_path / "sorted", dict(sorted(tree.items())))
        assert (tmp_path / "sorted").read_bytes() == (tmp_path / "back/model.stream").read_bytes()
    expected = tiny_llama.hugging_face_weights(tree)
    with safe_open(tmp_path / "hf/model.safetensors", "pt") as file:
        assert set(file.keys()) == set(expected)
        for name in file.keys():
            assert file.get_tensor(name).view(torch.int16).numpy().tobytes() == expected[name].tobytes(), name


@pytest.mark.parametrize("form", ["params", "flax"])
def test_a_delta_that_it_made_gives_its_target(tmp_path, form):
    base, target = (tiny_llama.easylm_weights(seed) for seed in (3, 4))
    hugging_face_folder(tmp_path / "base", base)
    write_as(form, tmp_path / "delta", {path: target[path] - base[path] for path in base})
    message = easylm("apply", tmp_path / "base", tmp_path / "delta", "-o", tmp_path / "again", ok=False)
    assert "--plain" in message, message
    easylm("apply", tmp_path / "base", tmp_path / "delta", "-o", tmp_path / "again", "--plain")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "again", dtype=torch.float64).eval()
    with torch.no_grad():
        logits = model(torch.tensor([IDS])).logits[0].numpy()
    assert numpy.abs(logits - tiny_llama.logits(target, IDS)).max() < 1e-5


def test_a_file_without_heads_needs_them_said(tmp_path):
    write_as("params", tmp_path / "streaming_params", in_type(numpy.float32))
    text = easylm("inspect", tmp_path / "streaming_params")
    assert "intermediate_size = 20" in text and "self_attn.q_proj.weight" in text
    message = easylm("convert", tmp_path / "streaming_params", tmp_path / "hf", "--to", "safetensors", ok=False)
    assert "num_attention_heads" in message, message


def test_inspect_tells_what_a_train_state_holds(tmp_path):
    write_as("train_state", tmp_path / "streaming_train_state", in_type(numpy.float32))
    inspected = json.loads(easylm("inspect", tmp_path / "streaming_train_state", "--json"))
    assert inspected["metadata"]["step"] == "5"
    assert inspected["metadata"]["opt_state"].startswith(f"{len(in_type(numpy.float32))} values of ")
    assert len(inspected["tensors"]) == len(in_type(numpy.float32))


PIPELINE = """
[run]
name = "onward"
device = "cpu"
[tokenizer]
type = "byte"
[dataset.train]
type = "text"
path = "corpus.txt"
sequence_length = 16
batch_size = 2
[model]
type = "llama"
from = "./streaming_params"
num_attention_heads = 4
num_key_value_heads = 2
max_position_embeddings = 32
rms_norm_eps = 1e-5
[optimizer]
type = "adamw"
schedule = { type = "constant", value = 1e-9 }
[checkpoint]
type = "safetensors"
[[stage]]
type = "train"
steps = 1
"""


def test_the_model_table_says_what_the_file_does_not(tmp_path, monkeypatch):
    monkeypatch.setitem(tiny_llama.CONFIG, "vocab_size", 258)
    tree = in_type(numpy.float32)
    write_as("params", tmp_path / "streaming_params", tree)
    (tmp_path / "corpus.txt").write_text("the quick brown fox jumps over the lazy dog. " * 20)
    (tmp_path / "onward.toml").write_text(PIPELINE)
    done = subprocess.run([EASYLM, "run", "onward.toml"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [file] = tmp_path.glob("runs/checkpoints/onward/v*/model.safetensors")
    expected = tiny_llama.hugging_face_weights(tree)
    with safe_open(file, "pt") as weights:
        for name in weights.keys():
            assert numpy.abs(weights.get_tensor(name).numpy() - expected[name]).max() < 1e-6, name
