"""Makes FOLDER/plays/{train,validation}.jsonl from FOLDER/shakespeare: a whole play a line, as `title` and `text`.

    python3 tools/make_plays.py data

A dataset of JSON lines knows where a play begins and ends; the plays' order is that of their titles. Same input, same bytes.
"""

import json
import pathlib
import sys


def main(folder):
    folder = pathlib.Path(folder)
    (folder / "plays").mkdir(exist_ok=True)
    for part in ("train", "validation"):
        plays = sorted((folder / "shakespeare" / part).glob("*.txt"))
        if not plays:
            sys.exit(f"there is no play in {folder / 'shakespeare' / part}; ./setup.sh makes them")
        lines = [{"title": play.stem, "text": play.read_text(encoding="utf-8")} for play in plays]
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        (folder / "plays" / f"{part}.jsonl").write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
