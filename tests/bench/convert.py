"""Converts a directory of LLaMA-2-7B's shape (13.5 GB in bf16) and says how much memory that takes: convert.py [LAYERS].

Memory is sampled: what the program has for itself, since pages of a mapped file can be dropped at any time. It needs
28 GB in the temporary folder (TMPDIR).
"""
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BIN = os.environ.get("EASYLM_BIN", str(SOURCE / "build/release/bin/easylm"))
HIDDEN, MLP, VOCABULARY = 4096, 11008, 32000
CONVERSIONS = [("gguf",), ("gguf", "--quantize", "q4_0"), ("hf",), ("easylm",)]
LIMIT_MIB = 1500


def shapes(layers):
    square, up, down = [HIDDEN, HIDDEN], [MLP, HIDDEN], [HIDDEN, MLP]
    found = {"model.embed_tokens.weight": [VOCABULARY, HIDDEN], "lm_head.weight": [VOCABULARY, HIDDEN], "model.norm.weight": [HIDDEN]}
    for i in range(layers):
        found |= {f"model.layers.{i}.self_attn.{name}_proj.weight": square for name in "qkvo"}
        found |= {f"model.layers.{i}.mlp.{name}_proj.weight": shape for name, shape in (("gate", up), ("up", up), ("down", down))}
        found |= {f"model.layers.{i}.{name}_layernorm.weight": [HIDDEN] for name in ("input", "post_attention")}
    return found


def write_model(folder, layers):
    folder.mkdir()
    block = struct.pack("<512H", *(0x3C00 | i % 512 for i in range(512))) * 1024  # numbers near 0.01
    header, at = {}, 0
    for name, shape in shapes(layers).items():
        end = at + 2 * shape[0] * (shape[1] if len(shape) == 2 else 1)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [at, end]}
        at = end
    text = json.dumps(header).encode()
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for begin in range(0, at, len(block)):
            file.write(block[:at - begin])
    (folder / "config.json").write_text(json.dumps({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": HIDDEN, "intermediate_size": MLP,
        "num_hidden_layers": layers, "num_attention_heads": 32, "num_key_value_heads": 32, "vocab_size": VOCABULARY,
        "rms_norm_eps": 1e-5, "max_position_embeddings": 4096, "hidden_act": "silu", "tie_word_embeddings": False}))
    return at


def private_kib(process):
    try:
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon")), 0)


def convert(folder, words):
    """Seconds, and private memory at most in MiB."""
    started, peak = time.perf_counter(), 0
    command = [BIN, "convert", str(folder / "model"), str(folder / "out"), "--to", *words]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, private_kib(process))
            time.sleep(0.02)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    subprocess.run(["rm", "-r", str(folder / "out")], check=True)
    return time.perf_counter() - started, peak / 1024


def main():
    layers = int(sys.argv[1]) if len(sys.argv) > 1 else 32
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        print(f"{write_model(folder / 'model', layers) / 1e9:.1f} GB, {layers} layers")
        peaks = []
        for words in CONVERSIONS:
            seconds, peak = convert(folder, words)
            peaks.append(peak)
            print(f"{' '.join(words):24} {seconds:6.1f} s, {peak:5.0f} MiB of private memory at most")
    return 1 if max(peaks) > LIMIT_MIB else 0


if __name__ == "__main__":
    sys.exit(main())
