"""Two small SentencePiece models and what sentencepiece 0.2.3 makes of some texts, for tests/tokenizers."""

import argparse
import json
import pathlib
import tempfile

import sentencepiece
from test_sentencepiece import SMALL, trained
from hard_texts import CODE, WORDS, break_utf8, corpus

MODELS = ("bpe_symbols", "unigram_bytes")
RULES = "FB01\t66 69\n2460\t31\n3000\t20\n65 301\tE9\n"  # a small table that normalises
TIES = (b"a" * 9, b"\n" * 9, b" " * 9)  # runs in which versions of the library differ


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    folder = parser.parse_args().folder
    texts = [text.encode() for text in ["", " ", " a  b ", *WORDS, *CODE, *corpus(4000)[-30:]]]
    texts += break_utf8(corpus(2000)[-20:])
    texts = [text for text in texts if not any(tie in text for tie in TIES)]
    vectors = {"texts": [text.hex() for text in texts]}
    for name in MODELS:
        with tempfile.TemporaryDirectory() as work:
            rules = pathlib.Path(work, "rules.tsv")
            rules.write_text(RULES)
            options = {**SMALL[name][1], "vocab_size": 500}
            if name.startswith("unigram"):
                options["normalization_rule_name"] = ""
                options["normalization_rule_tsv"] = str(rules)
            model = trained(pathlib.Path(work), SMALL[name][0], **options)
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        (folder / f"sentencepiece_{name}.model").write_bytes(model)
        ids = [processor.encode(text) for text in texts]
        vectors[name] = {"ids": ids, "decoded": [processor.decode(x).encode().hex() for x in ids]}
    (folder / "sentencepiece.json").write_text(json.dumps(vectors) + "\n")


if __name__ == "__main__":
    main()
