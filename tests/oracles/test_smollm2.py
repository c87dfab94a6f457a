"""SmolLM2, a real model, from its GGUF to text and to a Hugging Face directory, beside transformers on the same weights."""

import json
import os
import pathlib
import subprocess

import numpy as np
import pytest
import torch
from smollm2 import SMOLLM2, dequantised_model
from test_hugging_face import easylm
from transformers import AutoModelForCausalLM, AutoTokenizer

LOGITS = pathlib.Path(os.environ["EASYLM_BIN"]).parent / "model_logits"
PLAY = pathlib.Path(os.environ["EASYLM_SOURCE_DIR"]) / "data/shakespeare/validation/macbeth.txt"
POSITIONS = 1000
TOLERANCE = 2e-3  # of a logit; they reach 48
NEW_TOKENS = 64
TIE = 1e-3  # of two logits: rounding may choose either
SOME = 6  # of the prompts, where all would take a minute more and prove the same
PROMPTS = [
    "Once upon a time", "The capital of France is", "def fibonacci(n):\n", "Dear Sir or Madam,", "Water boils at 100 degrees",
    "To be, or not to be", "Die Hauptstadt von Deutschland", "The three laws of thermodynamics say", "1, 2, 3, 4,",
    "<html>\n<body>", "She opened the door and", "Q: What is 7 times 8?\nA:", "In 1969, two men", "La souris est",
    "Ingredients:\n- 2 eggs\n", "import numpy as np\n", "The quick brown fox", "Photosynthesis is the process by which",
    "My favourite colour is", "ROMEO: But soft, what light",
]


@pytest.fixture(scope="module")
def reference():
    return dequantised_model()


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """What `easylm convert` makes of the GGUF."""
    folder = tmp_path_factory.mktemp("smollm2")
    easylm(folder, "convert", SMOLLM2, "hf", "--to", "hf")
    return folder / "hf"


@pytest.fixture(scope="module")
def text_ids(exported):
    text = PLAY.read_text(encoding="utf-8")[:10 * POSITIONS]
    return AutoTokenizer.from_pretrained(exported)(text)["input_ids"][:POSITIONS]


def their_logits(model, ids):
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0].numpy()


def our_logits(path, ids):
    done = subprocess.run([LOGITS, path], input=np.array(ids, np.int32).tobytes(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return np.frombuffer(done.stdout, np.float32).reshape(len(ids), -1)


@pytest.fixture(scope="module")
def expected(reference, text_ids):
    return their_logits(reference, text_ids)


def assert_same_logits(ours, theirs):
    assert ours.shape == theirs.shape == (POSITIONS, 49152)
    distance = np.abs(ours - theirs).max()
    print(f"largest distance {distance:.1e}, largest logit {np.abs(theirs).max():.1f}")
    assert distance <= TOLERANCE
    assert np.array_equal(ours.argmax(-1), theirs.argmax(-1))


def test_logits_on_the_gguf_are_those_of_transformers(text_ids, expected):
    assert_same_logits(our_logits(SMOLLM2, text_ids), expected)


def test_the_directory_that_convert_writes_is_the_same_model(exported, text_ids, expected):
    loaded = AutoModelForCausalLM.from_pretrained(exported, dtype=torch.float32).eval()
    assert np.array_equal(their_logits(loaded, text_ids), expected)
    assert_same_logits(our_logits(exported, text_ids), expected)


def their_continuations(model, prompts, stops):
    """Greedy, all prompts in one batch, padded on the left; a stop token ends one and is no part of it."""
    longest = max(map(len, prompts))
    ids = torch.tensor([[stops[0]] * (longest - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    out = model.generate(ids, attention_mask=mask, do_sample=False, max_new_tokens=NEW_TOKENS, eos_token_id=stops,
                         pad_token_id=stops[0])[:, longest:].tolist()
    ends = [next((at for at, token in enumerate(row) if token in stops), len(row)) for row in out]
    return [row[:end] for row, end in zip(out, ends, strict=True)]


def first_difference(ours, theirs):
    """Where two lists part, or None."""
    if ours == theirs:
        return None
    return next((at for at, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))


@pytest.fixture(scope="module")
def said():
    """What we say on the GGUF."""
    return [generate(SMOLLM2, prompt) for prompt in PROMPTS]


def generate(model, prompt):
    return json.loads(easylm(None, "generate", model, "--prompt", prompt, "--temperature", "0", "--json",
                             "--max-new-tokens", str(NEW_TOKENS)))


def test_greedy_text_on_the_gguf_is_that_of_transformers(reference, exported, said):
    stops = json.loads((exported / "generation_config.json").read_text())["eos_token_id"]
    tokenizer = AutoTokenizer.from_pretrained(exported)
    prompts = [answer["prompt_tokens"] for answer in said]
    assert prompts == [tokenizer(prompt)["input_ids"] for prompt in PROMPTS]
    for answer in said:  # also where a character takes several tokens
        assert answer["text"] == tokenizer.decode(answer["tokens"]), answer["prompt"]
    ties = 0
    for answer, theirs in zip(said, their_continuations(reference, prompts, stops), strict=True):
        at = first_difference(answer["tokens"], theirs)
        if at is None:
            continue
        # Where two tokens are equally probable but for rounding, either is right: a pass without padding tells.
        ties += 1
        best = np.sort(their_logits(reference, answer["prompt_tokens"] + theirs[:at])[-1])[-2:]
        assert best[1] - best[0] < TIE, f"{answer['prompt']!r} parts at token {at}: {answer['tokens']}, {theirs}"
    print(f"{len(PROMPTS)} prompts, {sum(len(answer['tokens']) for answer in said)} tokens, {ties} ties")
    assert ties <= 1


def test_greedy_text_on_the_directory_is_that_on_the_gguf(exported, said):
    for answer in said[:SOME]:
        assert generate(exported, answer["prompt"])["tokens"] == answer["tokens"], answer["prompt"]
