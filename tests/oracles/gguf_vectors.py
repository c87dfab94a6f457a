"""gguf_vectors.py OUT_FOLDER: what the `gguf` package makes of numbers and of blocks, for tests/gguf.

The committed files were made with gguf 0.19.0 and numpy 2.4.6.

gguf.json       per type: blocks as hex and the fp32 bits they stand for; numbers and the blocks made of them
every_value.gguf  metadata of every type, lists and lists of lists; a tensor of every plain type, odd alignment
"""

import json
import pathlib
import sys

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

READ = ["Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K"]
WRITTEN = ["Q8_0", "Q4_0", "Q4_1"]
SCALES = {"Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q4_K": [0, 2], "Q5_K": [0, 2],
          "Q6_K": [208]}  # where a block has fp16 numbers: random bits there would be infinite or NaN


def random_blocks(random, name, count):
    length, size = gguf.GGML_QUANT_SIZES[Type[name]]
    blocks = random.integers(0, 256, (count, size), dtype=np.uint8)
    for at in SCALES[name]:
        scales = (random.standard_normal(count) * 10.0 ** random.integers(-6, 3, count)).astype(np.float16)
        blocks[:, at:at + 2] = scales.view(np.uint8).reshape(count, 2)
    return blocks


def numbers_to_quantise(random):
    """Ordinary weights, all sizes from subnormal to large, zeros, ties, one outlier a block."""
    rows = [random.standard_normal((4, 32)) * 0.02, random.standard_normal((2, 32)) * 1e4,
            random.standard_normal((2, 32)) * 1e-6, random.standard_normal((2, 32)) * 1e-36,
            np.zeros((1, 32)), np.full((1, 32), -0.0), np.full((1, 32), 0.75), np.full((1, 32), -3.5),
            np.arange(-16, 16).reshape(1, 32) / 2, np.arange(32).reshape(1, 32)]
    outlier = random.standard_normal((2, 32)) * 0.01
    outlier[:, 5] = [7, -7]
    opposite = np.zeros((2, 32))
    opposite[0, 3], opposite[0, 9] = 1, -1
    opposite[1, 3], opposite[1, 9] = -1, 1
    return np.concatenate([*rows, outlier, opposite]).astype(np.float32)


def bits(floats):
    return floats.astype(np.float32).reshape(-1).view(np.uint32).astype("<u4").tobytes().hex()


def vectors():
    random = np.random.default_rng(17)
    out = {"dequantise": {}, "quantise": {}}
    for name in READ:
        blocks = random_blocks(random, name, 6)
        out["dequantise"][name] = {"blocks": blocks.tobytes().hex(),
                                   "numbers": bits(gguf.dequantize(blocks, Type[name]))}
    numbers = numbers_to_quantise(random)
    out["numbers"] = bits(numbers)
    for name in WRITTEN:
        out["quantise"][name] = gguf.quantize(numbers, Type[name]).tobytes().hex()
    return out


def write_every_value(path):
    writer = gguf.GGUFWriter(path, "mamba")  # no architecture that we turn names of
    writer.add_custom_alignment(64)
    writer.add_uint8("a.u8", 200)
    writer.add_int8("a.i8", -100)
    writer.add_uint16("a.u16", 60000)
    writer.add_int16("a.i16", -30000)
    writer.add_uint32("a.u32", 4000000000)
    writer.add_int32("a.i32", -2000000000)
    writer.add_uint64("a.u64", 2**64 - 1)
    writer.add_int64("a.i64", -(2**63))
    writer.add_float32("a.f32", 1e-5)
    writer.add_float64("a.f64", 1e-300)
    writer.add_bool("a.true", True)
    writer.add_bool("a.false", False)
    writer.add_string("a.text", "é \"quoted\"\n")
    writer.add_array("a.texts", ["one", "", "three"])
    writer.add_array("a.integers", [1, -2, 3])
    writer.add_array("a.reals", [0.5, -1.25])
    writer.add_array("a.truths", [True, False])
    writer.add_array("a.lists", [[1, 2], [3]])
    for name, dtype in [("f32", np.float32), ("f16", np.float16), ("f64", np.float64), ("i8", np.int8),
                        ("i16", np.int16), ("i32", np.int32), ("i64", np.int64)]:
        writer.add_tensor(name, np.arange(6, dtype=dtype).reshape(2, 3) - 1)
    writer.add_tensor("bf16", gguf.quantize(np.arange(6, dtype=np.float32).reshape(2, 3) - 1, Type.BF16),
                      raw_dtype=Type.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    (folder / "gguf.json").write_text(json.dumps(vectors(), indent=1) + "\n")
    write_every_value(folder / "every_value.gguf")
