"""Writes tests/fixtures/vectors/tokenizers: small tokenizers, texts, and what Hugging Face makes of them.

usage: tokenizer_vectors.py FOLDER. The committed files were made with tokenizers 0.23.3.
"""

import itertools
import json
import pathlib
import random
import sys

from tokenizer_corpus import characters, texts
from tokenizer_families import FAMILIES

EDGES = ["", " ", "a", "  leading", "trailing  ", "\n\n a\r\n", "It's we'LL ſ'ſ 'd", "1234567 １２３ ½", "e\u0301 é ﬁ 각",
         "<s>x</s> <|im_start|>user\n<|im_end|>", "  <mask> dog, dogs Fox  ", "\u0000\u180e\u0085|", "AAAA" * 20 + "aB",
         "日本語と中文 한국어 😀👩‍👩‍👧", "▁x ▁▁ Ġ <0x41>"]  # fmt: skip


def in_bytes(text, offsets):
    places = [0, *itertools.accumulate(len(c.encode()) for c in text)]
    return [place for begin, end in offsets for place in (places[begin], places[end])]


def case(tokenizer, text):
    encoding = tokenizer.encode(text, add_special_tokens=False)
    marked = tokenizer.encode(text, add_special_tokens=True).ids
    tokenizer.encode_special_tokens = True
    plain = tokenizer.encode(text, add_special_tokens=False).ids
    tokenizer.encode_special_tokens = False
    return {"text": text, "ids": encoding.ids, "offsets": in_bytes(text, encoding.offsets), "marked": marked,
            "plain": plain, "decoded": tokenizer.decode(marked, skip_special_tokens=True)}


def main(folder):
    corpus = EDGES + [text[:120] for text in random.Random(4).sample(list(texts(3, 40, characters())), 8)]
    for name, make in FAMILIES.items():
        tokenizer = make()
        vectors = {"tokenizer": json.loads(tokenizer.to_str()), "cases": [case(tokenizer, text) for text in corpus]}
        text = json.dumps(vectors, ensure_ascii=False, separators=(",", ":"))
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
