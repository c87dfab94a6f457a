"""What torch.save wrote is read as torch reads it: pytorch_model.bin in one file and in several, and Meta's folders."""

import json
import os
import subprocess

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

import tiny_llama

EASYLM = os.environ["EASYLM_BIN"]
IDS = [1, 5, 3, 9, 15, 0, 7, 7, 2, 11, 4, 8]


def easylm(*arguments):
    done = subprocess.run([EASYLM, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_same(file, expected):
    ours = load_file(file)
    assert ours.keys() == expected.keys()
    for name, value in expected.items():
        assert ours[name].dtype == value.dtype and torch.equal(ours[name], value), name


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("shards", [1, 3])
def test_a_pytorch_model_bin_is_read_as_torch_reads_it(tmp_path, dtype, shards):
    torch.manual_seed(2)
    config = {key: value for key, value in tiny_llama.CONFIG.items() if key != "architectures"}
    state = LlamaForCausalLM(LlamaConfig(**config)).to(dtype).state_dict()
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(tiny_llama.CONFIG))
    names = sorted(state)
    parts = [names[i::shards] for i in range(shards)]
    files = ["pytorch_model.bin"] if shards == 1 else [f"pytorch_model-{i + 1:05}-of-{shards:05}.bin"
                                                      for i in range(shards)]
    for file, part in zip(files, parts):
        torch.save({name: state[name] for name in part}, folder / file)
    if shards > 1:
        where = {name: file for file, part in zip(files, parts) for name in part}
        (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))
    easylm("convert", folder, tmp_path / "ours", "--to", "safetensors")
    assert_same(tmp_path / "ours/model.safetensors", state)


def test_a_state_dict_with_its_metadata_is_read(tmp_path):
    model = torch.nn.Linear(3, 2)
    torch.save(model.state_dict(), tmp_path / "linear.bin")
    inspected = json.loads(easylm("inspect", tmp_path / "linear.bin", "--json"))
    assert [(t["name"], t["shape"]) for t in inspected["tensors"]] == [("bias", [2]), ("weight", [2, 3])]


@pytest.mark.parametrize(("shards", "by_rows"), [(1, False), (2, False), (2, True)])
def test_metas_folder_gives_the_logits_of_its_layout(tmp_path, shards, by_rows):
    tree = tiny_llama.easylm_weights(4)
    folder = tmp_path / "meta"
    folder.mkdir()
    (folder / "params.json").write_text(json.dumps({
        "dim": 16, "n_layers": 2, "n_heads": 4, "n_kv_heads": 2, "vocab_size": -1, "multiple_of": 4,
        "norm_eps": 1e-5}))
    for i, weights in enumerate(tiny_llama.meta_weights(tree, shards, by_rows)):
        tensors = {name: torch.from_numpy(value) for name, value in weights.items()}
        torch.save(tensors | {"rope.freqs": torch.ones(2)}, folder / f"consolidated.{i:02}.pth")
    easylm("convert", folder, tmp_path / "hf", "--to", "safetensors")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "hf", dtype=torch.float64).eval()
    with torch.no_grad():
        logits = model(torch.tensor([IDS])).logits[0].numpy()
    assert abs(logits - tiny_llama.logits(tree, IDS)).max() < 1e-5
