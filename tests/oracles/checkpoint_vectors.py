"""The tiny LLaMA in files of flax 0.12, torch 2.11 and safetensors 0.8, as vectors for tests/easylm_stream and
tests/torch_bin, and tensors that torch.save stores in odd ways.

    python checkpoint_vectors.py tests/fixtures/vectors/checkpoints
"""

import argparse
import json
import os
import pathlib

import flax.serialization
import jax.numpy
import ml_dtypes
import msgpack
import numpy
import torch
from safetensors.torch import save_file as save_torch_file

import tiny_llama

PARAMS = {"dim": 16, "n_layers": 2, "n_heads": 4, "n_kv_heads": 2, "vocab_size": -1, "multiple_of": 4,
          "norm_eps": 1e-5}


def in_bf16(tree):
    return {path: value.astype(ml_dtypes.bfloat16) for path, value in tree.items()}


def torch_dict(arrays):
    """bfloat16 arrays as torch's tensors, bit by bit."""
    return {name: torch.from_numpy(value.view(numpy.int16).copy()).view(torch.bfloat16)
            for name, value in arrays.items()}


def write_stream(file, records):
    """As the Python EasyLM does: the key's parts, and flax's bytes of the array."""
    packer = msgpack.Packer()
    with open(file, "wb") as out:
        for key, value in records.items():
            out.write(packer.pack((key, flax.serialization.to_bytes(value))))


def train_state(tree):
    records = {("step",): 1234}
    records |= {("params", "params", *path): value for path, value in tree.items()}
    records[("opt_state", "0", "count")] = jax.numpy.asarray(1234, jax.numpy.int32)
    records[("opt_state", "0", "key")] = numpy.asarray([1, 2], numpy.uint32)
    records |= {("opt_state", "1", "mu", "params", *path): numpy.zeros_like(value)
                for path, value in list(tree.items())[:3]}
    return records


def easylm_files(folder):
    tree = in_bf16(tiny_llama.easylm_weights())
    write_stream(folder / "streaming_params", {("params", *path): jax.numpy.asarray(value)
                                               for path, value in tree.items()})
    write_stream(folder / "streaming_train_state", train_state(tree))
    (folder / "flax_params").write_bytes(flax.serialization.msgpack_serialize(tiny_llama.nested(tree)))
    flax.serialization.MAX_CHUNK_SIZE = 200
    (folder / "flax_chunked").write_bytes(flax.serialization.msgpack_serialize(tiny_llama.nested(tree)))
    write_stream(folder / "streaming_chunked", {("params", *path): value for path, value in tree.items()})
    save_torch_file(torch_dict(tiny_llama.hugging_face_weights(tree)), folder / "expected.safetensors",
                    {"format": "pt"})


def meta_files(folder):
    tree = in_bf16(tiny_llama.easylm_weights())
    for name, shards, by_rows in (("one", 1, True), ("columns", 2, False), ("rows", 2, True)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "params.json").write_text(json.dumps(PARAMS))
        for i, weights in enumerate(tiny_llama.meta_weights(tree, shards, by_rows)):
            weights = torch_dict(weights) | {"rope.freqs": torch.ones(2)}
            torch.save(weights, folder / name / f"consolidated.{i:02}.pth")


def odd_tensors():
    base = torch.arange(60, dtype=torch.float32).reshape(3, 4, 5)
    types = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16,
             torch.int8, torch.uint8, torch.bool]
    tensors = {f"type.{str(t).removeprefix('torch.')}": torch.arange(6).reshape(2, 3).to(t) for t in types}
    return tensors | {
        "view.whole": base, "view.transposed": base.permute(2, 0, 1), "view.slice": base[1:, ::2, 3:],
        "view.row": base[2, 1], "scalar": torch.tensor(7.0), "empty": torch.zeros(3, 0, 2),
        "parameter": torch.nn.Parameter(torch.ones(2, 2) * 3), "shared.a": base.view(-1)[5:9],
        "shared.b": base.view(-1)[7:11],
    }


class AsksForMore:
    def __reduce__(self):
        return os.system, ("touch /tmp/easylm-was-here",)


def torch_files(folder):
    tensors = odd_tensors()
    torch.save(tensors, folder / "odd.bin")
    save_torch_file({name: t.detach().clone().contiguous() for name, t in tensors.items()},
                    folder / "odd.safetensors", {"format": "pt"})
    torch.save(tensors | {"extra": AsksForMore()}, folder / "os_system.bin")
    torch.save({"model": {"a": torch.ones(1)}}, folder / "nested.bin")
    torch.save({"a": torch.ones(1).expand(1000)}, folder / "repeats.bin")
    torch.save({"a": torch.ones(2)}, folder / "legacy.bin", _use_new_zipfile_serialization=False)
    (folder / "weights").mkdir(exist_ok=True)
    names = sorted(tensors)
    shards = {"pytorch_model-00001-of-00002.bin": names[:7], "pytorch_model-00002-of-00002.bin": names[7:]}
    for file, held in shards.items():
        torch.save({name: tensors[name] for name in held}, folder / "weights" / file)
    index = {"metadata": {"total_size": 0}, "weight_map": {n: file for file, held in shards.items() for n in held}}
    (folder / "weights/pytorch_model.bin.index.json").write_text(json.dumps(index, indent=1))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    folder = parser.parse_args().folder
    for name, write in {"easylm": easylm_files, "meta": meta_files, "torch": torch_files}.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        write(folder / name)


if __name__ == "__main__":
    main()
