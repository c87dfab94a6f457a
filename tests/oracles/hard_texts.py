"""Texts that tokenizers stumble over, the same ones each time."""

import random

WORDS = ("the of and hello world It's don't I'LL we've naïve façade Straße İstanbul ﬁne ①② ½ ﷺ 東京 世界 こんにちは 안녕하세요 "
         "สวัสดี नमस्ते مرحبا שלום Привет γειά 🎉 👩‍👩‍👧‍👦 🇩🇪 e\u0301 A\u030a \u200b \ufeff \u00a0 \u3000 \u2028 \u0085 x=1;").split(" ")
CODE = ("for (int i = 0; i < n; ++i) {\n\t\tsum += a[i];\n}\r\n", "def f(x):\n    return x ** 2  # ok\n", "<|end|> </s> <s> <unk>",
        "[INST] hi [/INST]", "<0x0A> \u2581\u2581 \u2581a", "0123456789 3.14159 1,000,000 1e-10 ٣٤٥ 0x1F", "a" * 300, " " * 70 + "x", "\n" * 40,
        "https://example.org/a?b=c&d=%20", "\x00\x01\x7f", "[TOOL_CALLS][{\"name\": 1}]</s>")


def random_text(rng):
    kind = rng.random()
    if kind < 0.45:
        gap = rng.choice((" ", " ", " ", "  ", "\n", "\t", ""))
        return gap.join(rng.choice(WORDS) for _ in range(rng.randint(1, 60)))
    if kind < 0.6:
        return "".join(rng.choice(CODE) for _ in range(rng.randint(1, 5)))
    if kind < 0.75:  # all planes
        return "".join(chr(c) for c in (rng.randrange(0x110000) for _ in range(rng.randint(1, 80))) if not 0xD800 <= c < 0xE000)
    if kind < 0.9:
        block = rng.randrange(0, 0x30000, 64)
        return "".join(chr(c) for c in (block + rng.randrange(64) for _ in range(rng.randint(1, 80))) if not 0xD800 <= c < 0xE000)
    return "".join(rng.choice(" \t\n\r\x0b\x0c.,;:'\"!?-_()[]{}<>/\\|@#$%^&*+=~`0123456789abcXYZ") for _ in range(rng.randint(1, 200)))


def corpus(size, seed=7):
    """Texts of at least `size` bytes together; the short cases first."""
    rng = random.Random(seed)
    texts = ["", " ", "  ", "\n", "a", " a", "a ", " a ", "\u2581", "\u2581a", *WORDS, *CODE]
    total = 0
    while total < size:
        texts.append(random_text(rng))
        total += len(texts[-1].encode())
    return texts


def break_utf8(texts, seed=8):
    """The same as bytes, of which some are changed, lost or put in."""
    rng = random.Random(seed)
    broken = [b"\xff", b"\xc3", b"\xe2\x96", b"\xf0\x9f\x8e", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"a\xe2\x96b \x80"]
    for text in texts:
        data = bytearray(text.encode())
        for _ in range(rng.randint(1, 4)):
            at = rng.randint(0, len(data))
            data[at : at + rng.randint(0, 1)] = bytes([rng.randrange(256)] * rng.randint(0, 1))
        broken.append(bytes(data))
    return broken


def first_difference(texts, ours, theirs):
    """None, or a short description of the first text with other ids."""
    for text, a, b in zip(texts, ours, theirs, strict=True):
        if a != b:
            at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
            return f"{text[:200]!r}: from token {at}: {a[at:at + 8]} instead of {b[at:at + 8]}"
    return None
