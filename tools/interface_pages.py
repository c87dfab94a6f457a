#!/usr/bin/env python3
"""interface_pages.py EXAM_FOLDER OUT: writes docs/interfaces, a page an interface, from the headers, the SDK's templates
and what the exam programs in EXAM_FOLDER say of their tests."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
INCLUDE = ROOT / "core/include"

# The header of each kind, in the order in which a run meets them.
HEADERS = {
    "tokenizer": "easylm/tokenizer.h",
    "dataset": "easylm/dataset.h",
    "model": "easylm/tensor/model.h",
    "attention": "easylm/tensor/attention.h",
    "optimizer": "easylm/tensor/optimizer.h",
    "schedule": "easylm/schedule.h",
    "checkpoint": "easylm/checkpoint_format.h",
    "stage": "easylm/stage.h",
    "tracker": "easylm/tracker.h",
}
# Where a kind's extensions have headers of their own: these, with a class each.
MORE_HEADERS = {
    "attention": [
        "easylm/tensor/blockwise_layer.h",
        "easylm/tensor/chunked_layer.h",
        "easylm/tensor/varlen_attention.h",
        "easylm/tensor/paged_attention.h",
    ],
}
TAGS = {
    "[setup]": "called once, before the run's loop",
    "[train-loop]": "called by the thread of the loop",
    "[any-thread]": "may be called from several threads at once",
}
CLASS = re.compile(r"^class EASYLM_API (\w+)[^;]*\{$")
STRUCT = re.compile(r"^(struct|enum class) (?:EASYLM_API )?(\w+)[^;]*\{")


def prose(lines):
    """Comment lines as one paragraph each; an empty comment line or a code line ends a paragraph."""
    text = []
    for line in lines:
        words = re.sub(r"^//+ ?", "", line)
        if words.startswith("  ") or not words or not text or not text[-1]:
            text.append(words)
        else:
            text[-1] += " " + words
    return "\n".join(text).strip()


def members(body):
    """(declaration, comment) of each public function of a class's BODY."""
    comment, declaration, found = [], "", []
    for line in body:
        stripped = line.strip()
        if stripped in ("public:", "protected:", "private:"):
            if stripped != "public:":
                break
            continue
        if not declaration and stripped.startswith("//"):
            comment.append(stripped)
            continue
        if not stripped:
            comment = []
            continue
        code, _, remark = (part.strip() for part in stripped.partition("  // "))
        declaration += (" " if declaration else "") + code
        if remark:
            comment.append("// " + remark)
        if declaration.count("(") == declaration.count(")") and declaration.endswith((";", "}")):
            if "virtual" in declaration and "~" not in declaration:
                found.append((declaration.rstrip(";"), prose(comment)))
            comment, declaration = [], ""
    return found


class Header:
    """What a header says: its opening comment, its classes and its structs."""

    def __init__(self, name):
        self.name = name
        lines = (INCLUDE / name).read_text().splitlines()
        self.purpose = prose(lines[: lines.index("#pragma once")])
        self.classes, self.structs = [], []
        for i, line in enumerate(lines):
            head = CLASS.match(line)
            struct = STRUCT.match(line)
            if not head and not struct:
                continue
            end = i if line.rstrip().endswith("};") else next(j for j in range(i, len(lines)) if lines[j].startswith("};"))
            begin = i
            while begin > 0 and lines[begin - 1].startswith("//"):
                begin -= 1
            if struct:
                self.structs.append("\n".join(lines[begin : end + 1]))
                continue
            body = lines[i + 1 : end]
            ids = re.findall(r'kInterface = "([^"]+)"', "\n".join(body))
            self.classes.append({"name": head[1], "id": ids[0] if ids else "", "doc": prose(lines[begin:i]),
                                 "members": members(body), "extra": head[1]})  # fmt: skip


def exam_tests(kind, folder):
    for program in ("easylm-exam", "easylm-exam-tensor"):
        kinds = subprocess.run([folder / program, "kinds"], capture_output=True, text=True, check=True).stdout.split()
        if kind in kinds:
            lines = subprocess.run([folder / program, "tests", kind], capture_output=True, text=True, check=True).stdout
            return [line.split("\t") for line in lines.splitlines()]
    raise SystemExit(f"interface_pages: no exam program in {folder} examines a {kind}")


def functions(interface):
    for declaration, comment in interface["members"]:
        yield f"```cpp\n{declaration}\n```\n"
        yield (comment + "\n") if comment else ""


def extension(name):
    """The section of a further header of a kind: what its class does, then its structs."""
    header = Header(name)
    for one in header.classes:
        yield f"## {one['name']}" + (f": `{one['id']}`" if one["id"] else "") + "\n"
        yield f"{header.purpose}\n"
        yield f"Header: [`{name}`](../../core/include/{name}).\n"
        if one["doc"]:
            yield one["doc"] + "\n"
        yield from functions(one)
    if header.structs:
        yield "```cpp\n" + "\n\n".join(header.structs) + "\n```\n"


def page(kind, folder):
    header = Header(HEADERS[kind])
    own = next(c for c in header.classes if c["id"].startswith(f"easylm.{kind}/"))
    yield f"# {kind}: `{own['id']}`\n"
    yield f"{header.purpose}\n"
    yield f"Header: [`{header.name}`](../../core/include/{header.name}). This page is written from it by `make docs`.\n"
    if own["doc"]:
        yield f"{own['doc']}\n"
    used = [tag for tag in TAGS if tag in (INCLUDE / header.name).read_text()]
    if used:
        yield "Threads: " + "; ".join(f"`{tag}` {TAGS[tag]}" for tag in used) + ".\n"
    yield "## Functions\n"
    yield from functions(own)
    for other in header.classes:
        if other is own or not other["members"]:
            continue
        title = f"`{other['id']}`" if other["id"] else "what it works with"
        yield f"## {other['name']}: {title}\n"
        if other["doc"]:
            yield other["doc"] + "\n"
        yield from functions(other)
    if header.structs:
        yield "## Types\n\n```cpp\n" + "\n\n".join(header.structs) + "\n```\n"
    for name in MORE_HEADERS.get(kind, []):
        yield from extension(name)
    yield "## What the exam holds it to\n"
    yield "\n".join(f"- `{name}`: {rule}" for name, rule in exam_tests(kind, folder)) + "\n"
    template = (ROOT / "sdk/templates" / kind / "plugin.cpp.in").read_text()
    code = template.replace("@Name@", "Mine").replace("@name@", "mine")
    yield f"## A whole plugin\n\nWhat `easylm plugins new {kind} mine` makes:\n\n```cpp\n{code}```\n"


def index():
    yield "# The interfaces\n"
    yield "A page each, written by `make docs` from the headers: what a function promises, who owns what, which thread calls it,\n" \
          "what the exam holds a plugin to, and a whole plugin as an example. [Plugins](../plugins.md) begins at the beginning.\n"
    yield "| kind | what it is |\n| --- | --- |\n" + "\n".join(
        f"| [{kind}]({kind}.md) | {Header(name).purpose.split(chr(10))[0]} |" for kind, name in HEADERS.items()) + "\n"


def main(folder, out):
    out.mkdir(parents=True, exist_ok=True)
    for kind in HEADERS:
        text = "\n".join(part for part in page(kind, folder) if part)
        (out / f"{kind}.md").write_text(text)
    (out / "README.md").write_text("\n".join(index()))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
