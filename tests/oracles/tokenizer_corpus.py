"""Texts that break tokenizers: all of Unicode, runs of white space, digits, code, special tokens, broken UTF-8."""

import random
import unicodedata

WORDS = ("the quick brown fox it's We've I'LL don't 'tis ſ'ſ x's' ''d O'Neil's naïve Straße ÀÉ İstanbul ǅ ﬁ "
         "日本語 中文 한국어 привет Ελληνικά مرحبا नमस्ते สวัสดี 😀 👩‍👩‍👧 e\u0301 a\u0323\u0302 \u1100\u1161\u11a8 각 "
         "camelCase HTTPServer XMLParser2 snake_case __init__ 3.14 1,000,000 2024-01-31 0xFF １２３ Ⅷ ½ ² ٣ "
         "<s> </s> <unk> <|endoftext|> <|im_start|> <|im_end|> <|begin_of_text|> <mask> [tool] <tool_call> "
         "<0x41> ▁ ▁▁ Ġ Ċ é! dog Fox foxes hotdog z zz aeiou "
         "// /* */ == != {} [] () ;; ... --- \u200b \u200d \ufeff \u180e \u2028 \x85 \x00 \x1c").split(" ")
SPACES = [" ", "  ", "   ", "\n", "\n\n", "\r\n", " \n", "\n ", "\t", "\t ", "\u00a0", "\u3000", "\u2009 ", " \u2028", ""]


def characters():
    """Every character of the Unicode that this Python knows, which is no newer than ours and Hugging Face's."""
    return [c for c in map(chr, range(0x110000)) if unicodedata.category(c) not in ("Cn", "Cs", "Co")]


def texts(seed, count, alphabet):
    """`count` texts of some hundred characters."""
    rng = random.Random(seed)
    for _ in range(count):
        parts = []
        style = rng.random()
        for _ in range(rng.randint(1, 60)):
            kind = rng.random()
            if kind < 0.5 or style < 0.3:
                parts.append(rng.choice(WORDS))
            elif kind < 0.65:
                parts.append("".join(rng.choices(alphabet, k=rng.randint(1, 6))))
            elif kind < 0.75:
                start = rng.randrange(len(alphabet) - 40)
                parts.append("".join(rng.choices(alphabet[start:start + 40], k=rng.randint(1, 10))))
            elif kind < 0.85:
                parts.append("".join(rng.choices("0123456789", k=rng.randint(1, 8))))
            elif kind < 0.95:
                parts.append("".join(rng.choices("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", k=rng.randint(1, 4))))
            else:
                parts.append(rng.choice("aA \n'-_1日") * rng.randint(1, 40))
            parts.append(rng.choice(SPACES))
        yield "".join(parts)


def broken_bytes(seed, count):
    """Bytes that are no UTF-8."""
    rng = random.Random(seed)
    for _ in range(count):
        data = bytearray("".join(rng.choices(WORDS, k=10)).encode())
        for _ in range(rng.randint(1, 8)):
            data.insert(rng.randrange(len(data) + 1), rng.choice([0x80, 0xC3, 0xE2, 0xF0, 0xFF, 0xED, 0xA0, 0xC0, 0xF5]))
        yield bytes(data)
