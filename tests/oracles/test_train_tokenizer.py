"""Tokenizers that we train beside those that Hugging Face's trainer makes of the same texts."""

import json
import os
import pathlib
import subprocess
import unicodedata

import pytest
from hard_texts import CODE, WORDS, corpus
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer

EASYLM = os.environ["EASYLM_BIN"]
PLAYS = pathlib.Path(os.environ["EASYLM_SOURCE_DIR"]) / "data/shakespeare/train"
BYTES = [f"<0x{i:02X}>" for i in range(256)]
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")


def theirs(style, texts, size):
    """The merges of Hugging Face's trainer, and its vocabulary without the tokens that come last with us."""
    first = []
    if style == "llama2":
        tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Split("▁", "merged_with_next"), pre_tokenizers.Split("\n", "isolated"),
            pre_tokenizers.Digits(individual_digits=True)])
        first = ["<unk>", "<s>", "</s>", *BYTES]
        alphabet = []
    else:
        tokenizer = Tokenizer(models.BPE())
        level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=style == "gpt2")
        split = pre_tokenizers.Split(Regex(LLAMA3), "isolated")
        tokenizer.pre_tokenizer = level if style == "gpt2" else pre_tokenizers.Sequence([split, level])
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        size -= {"gpt2": 1, "llama3": 5}[style]
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=first, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return json.loads(tokenizer.to_str())["model"]


def train(folder, files, style, size, *more):
    done = subprocess.run([EASYLM, "tokenize", "train", *map(str, files), "--vocab-size", str(size), "--style", style,
                           "-o", str(folder / "out"), *more], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "out"


def texts_in(source, folder):
    if source == "plays":
        return sorted(PLAYS.rglob("*.txt"), key=lambda path: str(path.relative_to(PLAYS)))
    # PCRE2 in Debian 12 and this Python know the characters of Unicode 14; the tokenizers library knows later ones.
    rare = ["".join(c for c in text if unicodedata.category(c) != "Cn") for text in corpus(100_000)[60:]]
    texts = [" ".join(WORDS[i % len(WORDS)] for i in range(k, k + 40)) for k in range(200)] + [*CODE, *rare]
    files = []
    for i, text in enumerate(texts):
        files.append(folder / f"{i:04}.txt")
        files[-1].write_bytes(text.encode())
    return files


def read(path):
    return path.read_bytes().decode()  # read_text would change line ends


SIZES = {("plays", "llama3"): 4000, ("plays", "gpt2"): 2000, ("plays", "llama2"): 2000,
         ("mixed", "llama3"): 1500, ("mixed", "gpt2"): 1500, ("mixed", "llama2"): 12000}


@pytest.mark.parametrize(("source", "style"), SIZES)
def test_vocabulary_and_merges_are_those_of_hugging_face(tmp_path, source, style):
    files = texts_in(source, tmp_path)
    size = SIZES[source, style]
    out = train(tmp_path, [PLAYS] if source == "plays" else files, style, size)
    ours = json.loads((out / "tokenizer.json").read_text())
    expected = theirs(style, [read(path) for path in files], size)
    assert [tuple(x) for x in ours["model"]["merges"]] == [tuple(x) for x in expected["merges"]]
    vocabulary = dict(ours["model"]["vocab"])
    special = {token["content"]: token["id"] for token in ours["added_tokens"]}
    if style != "llama2":
        assert all(vocabulary.pop(token) == i for token, i in special.items())
        assert sorted(special.values()) == list(range(size - len(special), size))
    assert vocabulary == expected["vocab"]


@pytest.mark.parametrize("style", ["llama3", "gpt2", "llama2"])
def test_transformers_loads_it_and_gives_every_text_back(tmp_path, style):
    out = train(tmp_path, [PLAYS], style, 1500, "--special", "<|user|>")
    tokenizer = AutoTokenizer.from_pretrained(out)
    assert len(tokenizer) == 1500
    for text in ["HAMLET: To be, or not to be", "  two  spaces\n\n\n and 1234 Straße 🎉"]:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert tokenizer.decode(ids) == text
        assert (tokenizer(text)["input_ids"][0] == tokenizer.bos_token_id) == (style != "gpt2")
    assert tokenizer.convert_tokens_to_ids("<|user|>") == 1499
    assert tokenizer("a<|user|>", add_special_tokens=False)["input_ids"][-1] == 1499
    assert tokenizer.eos_token_id == {"llama3": 1500 - 6 + 1, "gpt2": 1498, "llama2": 2}[style]


def test_a_text_that_is_too_short_gives_what_it_has(tmp_path):
    (tmp_path / "a.txt").write_text("abab abab")
    out = train(tmp_path, [tmp_path / "a.txt"], "llama3", 5000)
    vocabulary = json.loads((out / "tokenizer.json").read_text())["model"]["vocab"]
    assert sorted(vocabulary.values()) == list(range(len(vocabulary)))
    assert "Ġabab" in vocabulary
    again = subprocess.run([EASYLM, "tokenize", "train", "a.txt", "--vocab-size", "300", "-o", "out"], cwd=tmp_path,
                           capture_output=True, text=True, check=False)
    assert again.returncode != 0 and "already" in again.stderr
