"""A model that comes with a tokenizer needs none named: folders that transformers saved, and versions made from them."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest
import sentencepiece
import torch
from test_sentencepiece import SMALL, trained
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

EASYLM = os.environ["EASYLM_BIN"]
VOCABULARY = 500
PIPELINE = """
[run]
name = "finetuned"
seed = 3
device = "cpu"
[model]
from = "./theirs"
[dataset.train]
type = "text"
path = "corpus.txt"
sequence_length = 16
batch_size = 4
[optimizer]
type = "adamw"
schedule = { type = "constant", value = 1e-3 }
[checkpoint]
type = "safetensors"
[[stage]]
type = "train"
steps = 4
"""


def easylm(folder, *arguments, code=0):
    done = subprocess.run([EASYLM, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done


def generate(folder, model, *more):
    done = easylm(folder, "generate", model, "--prompt", "hello world", "--temperature", "0", "--json",
                  "--max-new-tokens", "4", *more)
    return json.loads(done.stdout)


@pytest.fixture
def home(tmp_path):
    """A folder as transformers saves it, with a SentencePiece tokenizer in it."""
    model = trained(tmp_path, SMALL["bpe_bytes"][0], **{**SMALL["bpe_bytes"][1], "vocab_size": VOCABULARY})
    size = sentencepiece.SentencePieceProcessor(model_proto=model).get_piece_size()
    torch.manual_seed(1)
    config = LlamaConfig(vocab_size=size, hidden_size=32, intermediate_size=48, num_hidden_layers=1,
                         num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64)
    LlamaForCausalLM(config).save_pretrained(tmp_path / "theirs")
    (tmp_path / "theirs/tokenizer.model").write_bytes(model)
    (tmp_path / "corpus.txt").write_text("hello world, the quick brown fox. " * 200)
    (tmp_path / "p.toml").write_text(PIPELINE)
    return tmp_path


def test_a_folder_is_used_with_the_tokenizer_in_it(home):
    processor = sentencepiece.SentencePieceProcessor(model_file=str(home / "theirs/tokenizer.model"))
    ids = processor.encode("hello world")
    assert generate(home, "./theirs")["prompt_tokens"][-len(ids):] == ids
    assert generate(home, "./theirs", "--tokenizer", "theirs/tokenizer.model") == generate(home, "./theirs")


def test_a_folder_without_a_tokenizer_says_so(home):
    (home / "theirs/tokenizer.model").unlink()
    done = easylm(home, "generate", "./theirs", "--prompt", "x", code=1)
    assert "no installed tokenizer reads" in done.stderr and "hint:" in done.stderr


def test_a_version_made_from_it_needs_the_folder_no_more(home):
    easylm(home, "run", "p.toml")
    first = generate(home, "finetuned")
    version = pathlib.Path(home, easylm(home, "registry", "path", "finetuned").stdout.strip())
    assert 'type = "auto"' in (version / "easylm/pipeline.toml").read_text()
    shutil.rmtree(home / "theirs")
    assert generate(home, "finetuned") == first
    theirs = AutoTokenizer.from_pretrained(version)
    ids = theirs("hello world", add_special_tokens=False)["input_ids"]
    assert first["prompt_tokens"][-len(ids):] == ids


def test_a_run_goes_on_where_its_tokenizer_lies_elsewhere(home):
    easylm(home, "run", "p.toml")
    shutil.copytree(home / "theirs", home / "copy")
    tokenizer = '\n[tokenizer]\ntype = "auto"\npath = "./copy"\n'
    (home / "p.toml").write_text(PIPELINE + tokenizer)
    done = easylm(home, "run", "p.toml", "--set", "stage.0.steps=6")
    assert "finetuned:1" in done.stderr
    (home / "copy/tokenizer.model").write_bytes(
        trained(home, "bpe", **{**SMALL["bpe_bytes"][1], "vocab_size": 490}))
    easylm(home, "run", "p.toml", "--set", "stage.0.steps=8", code=2)


def test_two_models_leave_the_tokenizer_to_the_pipeline(home):
    shutil.copytree(home / "theirs", home / "copy")
    (home / "p.toml").write_text(PIPELINE + '[[stage]]\ntype = "generate"\nprompt = "x"\nmodel = "./copy"\n')
    done = easylm(home, "check", "p.toml", code=2)
    assert "two models could bring theirs" in done.stderr
