"""EasyLM's field language and packing in plain Python, written from its contract; writes easylm_fields.json.

    python easylm_fields.py tests/fixtures/vectors/easylm_fields.json

Tokens are bytes, <|bos|> is 256, <|eos|> is 257. Needs the standard library alone; Python 3.11 made the committed file.
"""

import base64
import itertools
import json
import pathlib
import random
import struct
import sys

BOS, EOS = 256, 257
DEFAULTS = {"fields": "", "fields_from_example": "", "subfield_separator": " ", "prepend_text": "",
            "base64_token_dtype": "i4", "add_bos_token": True, "add_eos_token": True}  # fmt: skip
FORMATS = {"i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I", "i8": "q", "u8": "Q"}


def raw_tokens(text, dtype):
    data = base64.b64decode(text)
    return list(struct.unpack(f"<{len(data) // struct.calcsize(FORMATS[dtype])}{FORMATS[dtype]}", data))


def element_tokens(element, example, options, is_first):
    if element.startswith("<|") and element.endswith("|>"):
        name = element[2:-2]
        return [{"bos": BOS, "eos": EOS}[name] if name in ("bos", "eos") else int(name)]
    if element.startswith("{") and element.endswith("}"):
        return raw_tokens(example[element[1:-1]], options["base64_token_dtype"])
    text = options["subfield_separator"].join(example[name] for name in element.split("+"))
    return list(((options["prepend_text"] if is_first else "") + text).encode())


def encode(example, given):
    """(tokens, loss mask) of one example."""
    options = DEFAULTS | given
    fields = example[options["fields_from_example"]] if options["fields_from_example"] else options["fields"]
    tokens, mask = ([BOS], [0]) if options["add_bos_token"] else ([], [])
    for index, element in enumerate(fields.split(",")):
        is_masked = element.startswith("[") and element.endswith("]")
        new = element_tokens(element[1:-1] if is_masked else element, example, options, index == 0)
        tokens += new
        mask += [0 if is_masked else 1] * len(new)
    if options["add_eos_token"]:
        tokens.append(EOS)
        mask.append(1)
    return tokens, mask


def good_examples(lines):
    for line in lines:
        try:
            example = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(example, dict):
            yield example


def batches(lines, given, batch_size, length, always_start_with_bos=False):
    """Endless (inputs, targets, mask), each a list of rows."""
    size = batch_size * length
    tokens, mask = [], []
    for example in itertools.chain.from_iterable(good_examples(lines) for _ in itertools.count()):
        new_tokens, new_mask = encode(example, given)
        tokens += new_tokens
        mask += new_mask
        while len(tokens) > size:
            rows = [[part[i : i + length] for i in range(0, size, length)]
                    for part in (tokens[:size], tokens[1 : size + 1], mask[1 : size + 1])]  # fmt: skip
            if always_start_with_bos:
                for row in rows[0]:
                    row[0] = BOS
            yield rows
            tokens, mask = tokens[size:], mask[size:]


def packed(numbers, dtype):
    return base64.b64encode(struct.pack(f"<{len(numbers)}{FORMATS[dtype]}", *numbers)).decode()


EXAMPLE = {"a": "one", "b": "two", "c": "drei ä 🦊", "e": "", "list": "[a],<|5|>,b+c", "n": 7}
FIELD_CASES = [
    ({"fields": "a"}, {}),
    ({"fields": "a", "add_bos_token": False, "add_eos_token": False}, {}),
    ({"fields": "a", "add_bos_token": False}, {}),
    ({"fields": "a", "add_eos_token": False}, {}),
    ({"fields": "a+b"}, {}),
    ({"fields": "a+b+c", "subfield_separator": "\n\n"}, {}),
    ({"fields": "a+e+b", "subfield_separator": ""}, {}),
    ({"fields": "[a],b"}, {}),
    ({"fields": "[a+b],c"}, {}),
    ({"fields": "a,[b],c,[a]"}, {}),
    ({"fields": "e"}, {}),
    ({"fields": "<|bos|>,a,<|eos|>,b,<|123|>"}, {}),
    ({"fields": "[<|eos|>],a,[<|0|>]"}, {}),
    ({"fields": "a,a"}, {}),
    ({"fields": "a,b", "prepend_text": "Q: "}, {}),
    ({"fields": "[a+b],b", "prepend_text": "\n"}, {}),
    ({"fields_from_example": "list"}, {}),
    ({"fields_from_example": "list", "prepend_text": "> "}, {}),
    *(({"fields": "a,{raw},[{raw}]", "base64_token_dtype": dtype}, {"raw": packed([1, 0, 100, 127], dtype)})
      for dtype in FORMATS),
    ({"fields": "{raw}"}, {"raw": packed([200, 257, 0, 1, 255], "i4")}),
    ({"fields": "{raw},a"}, {"raw": ""}),
]  # fmt: skip


def field_case(options, more):
    example = EXAMPLE | more
    tokens, mask = encode(example, options)
    return {"options": options, "line": json.dumps(example), "tokens": tokens, "mask": mask}


def random_lines(rng, count, bad_share):
    for _ in range(count):
        if rng.random() < bad_share:
            yield rng.choice(["{", "not json", "[1]", '"text"', '{"a": "x",}'])
        else:
            yield json.dumps({"a": "x" * rng.randrange(12), "b": "".join(rng.choices("yz ü", k=rng.randrange(9)))})


def stream_case(seed):
    rng = random.Random(seed)
    options = {"fields": rng.choice(["a,b", "[a],b", "a+b", "[b],a,<|9|>"]), "add_bos_token": rng.random() < 0.7}
    lines = list(random_lines(rng, rng.randrange(3, 20), rng.choice([0, 0.2])))
    lines.append(json.dumps({"a": "last", "b": "one"}))
    batch_size, length, bos = rng.randrange(1, 4), rng.randrange(3, 30), rng.random() < 0.3
    stream = itertools.islice(batches(lines, options, batch_size, length, bos), 12)
    return {"options": options, "lines": lines, "batch_size": batch_size, "length": length,
            "always_start_with_bos": bos,
            "batches": [dict(zip(("inputs", "targets", "mask"), rows, strict=True)) for rows in stream]}  # fmt: skip


def main():
    vectors = {"fields": [field_case(*case) for case in FIELD_CASES], "streams": [stream_case(i) for i in range(12)]}
    pathlib.Path(sys.argv[1]).write_text(json.dumps(vectors, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
