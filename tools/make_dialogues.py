"""Makes FOLDER/instructions and FOLDER/dialogues: short questions with one right answer, as JSON lines.

    python3 tools/make_dialogues.py data

`instructions/*.jsonl` has an object a line: `question`, with the cue to answer, and `answer`. `dialogues/*.jsonl` has one to
three turns a line, and a field `fields` that says in EasyLM's field language which parts a model learns. What is asked in
a validation file is not asked in the training file beside it. Same script, same bytes.
"""

import json
import pathlib
import random
import sys

DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
WORDS = """apple bread bridge candle castle chair cloud dream earth field flower forest garden grass green heart horse
house island kitchen ladder lemon letter light market mirror money morning mountain music night ocean orange paper
pencil picture planet queen river shadow ship silver snow spoon stone storm summer sword table thunder tiger tower
train tree valley water wheel window winter wolf world""".split()
OPPOSITES = """big small;hot cold;up down;fast slow;old new;light dark;open closed;happy sad;rich poor;hard soft;wet
dry;full empty;early late;near far;high low;strong weak;loud quiet;left right;first last;true false;clean dirty;thick
thin;long short;sweet bitter;day night;love hate;war peace;begin end;give take;push pull""".replace("\n", " ").split(";")
ONES = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
eighteen nineteen""".split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
SIZES = {"instructions": (240, 60), "dialogues": (6000, 200)}
HELD_OUT = 0.15  # of all questions


def in_words(number):
    if number < 20:
        return ONES[number]
    return TENS[number // 10 - 2] + (f"-{ONES[number % 10]}" if number % 10 else "")


def next_of(names):
    return zip(names, names[1:] + names[:1], strict=True)


def all_questions():
    """Kinds of questions, each with all its pairs of question and answer."""
    pairs = [pair.split() for pair in OPPOSITES]
    numbers = [(a, b) for a in range(10, 100) for b in range(10, 100) if a != b]
    return [
        [(f"Which is larger, {a} or {b}?", str(max(a, b))) for a, b in numbers],
        [(f"What is {a} plus {b}?", str(a + b)) for a in range(13) for b in range(13)],
        [(f"Write {number} in words.", in_words(number)) for number in range(100)],
        [(f"What day comes after {day}?", after) for day, after in next_of(DAYS)],
        [(f"What month comes before {month}?", before) for before, month in next_of(MONTHS)],
        [(f"What is the opposite of {a}?", b) for pair in pairs for a, b in (pair, pair[::-1])],
        [(f"Spell the word {word}.", "-".join(word)) for word in WORDS],
        [(f"What is the first letter of {word}?", word[0]) for word in WORDS],
        [(f"How many letters has the word {word}?", str(len(word))) for word in WORDS],
    ]


def split(kinds, chance):
    """The same kinds of questions twice: to train on, and held out."""
    train, held_out = [], []
    for pairs in kinds:
        shuffled = chance.sample(pairs, len(pairs))
        cut = max(1, round(len(pairs) * HELD_OUT))
        held_out.append(shuffled[:cut])
        train.append(shuffled[cut:])
    return train, held_out


def instruction(kinds, chance):
    question, answer = chance.choice(chance.choice(kinds))
    return {"question": f"{question}\nAnswer:", "answer": f" {answer}"}


def dialogue(kinds, chance):
    turns = [chance.choice(chance.choice(kinds)) for _ in range(chance.randint(1, 3))]
    example = {"user": "USER:", "gpt": "GPT:"}
    parts = []
    for number, (question, answer) in enumerate(turns, start=1):
        example |= {f"human_{number}": question, f"gpt_{number}": f" {answer}"}
        parts.append(f"[user+human_{number}+gpt],gpt_{number}")
    return example | {"fields": ",<|eos|>,".join(parts)}


def write(file, examples):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(example) + "\n" for example in examples), encoding="utf-8")


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    chance = random.Random(1)
    halves = split(all_questions(), chance)
    for name, make in (("instructions", instruction), ("dialogues", dialogue)):
        for part, size, kinds in zip(("train", "validation"), SIZES[name], halves, strict=True):
            write(pathlib.Path(sys.argv[1], name, f"{part}.jsonl"), [make(kinds, chance) for _ in range(size)])


if __name__ == "__main__":
    main()
