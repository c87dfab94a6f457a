#!/usr/bin/env python3
"""Describes the binary interface of EasyLM as text, from its public headers and libraries, and judges differences.

    abi.py BUILD    compares sdk/abi/easylm-MAJOR.txt with what is there, and writes it anew; refuses to write what
                    would break plugins, which only a new major version may

The headers are read by clang++, which gives declarations and offsets; the libraries by nm.
"""

import difflib
import json
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]

# Interfaces that the host implements and plugins only call: they may grow at their end.
OF_HOST = {"Checkpoints", "Host", "KvView", "Registrar", "StageContext", "StateVisitor"}
# The struct that a plugin exports says its own size, so it may, too.
ENTRY = "struct EasylmPluginV1"
LIBRARIES = ("libeasylm_core.so", "libeasylm_tensor.so")


# ---- what the headers declare


def compile_flags(build):
    """What the tensor half is compiled with to find other people's headers."""
    commands = json.loads((build / "compile_commands.json").read_text())
    command = next(c["command"] for c in commands if c["file"].endswith("core/tensor/interfaces.cpp"))
    words = shlex.split(command)
    flags = ["-std=c++20"]
    for word, after in zip(words, words[1:]):
        if word == "-isystem":
            flags += [word, after]
    return flags


def clang(flags, headers, more, text):
    """The output of clang++ for a file that includes all HEADERS (a folder's), followed by TEXT."""
    includes = "".join(f'#include "{file.relative_to(headers)}"\n' for file in sorted(headers.rglob("*.h")))
    command = ["clang++", *flags, "-I", str(headers), *more, "-x", "c++", "-"]
    result = subprocess.run(command, input=includes + text, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"abi: error: clang++ can't compile the public headers:\n{result.stderr}")
    return result.stdout


def documents(text):
    """The JSON documents that follow each other in TEXT."""
    decoder, position = json.JSONDecoder(), 0
    while position < len(text):
        document, position = decoder.raw_decode(text, position)
        yield document
        while position < len(text) and text[position].isspace():
            position += 1


def short(type_name):
    return type_name.replace("easylm::", "")


class Declarations:
    """All complete records and enums of namespace easylm, and the mangled names of all functions that others can call:
    private ones only if inline code does. USED: the ids of what inline code mentions."""

    def __init__(self, trees, used):
        self.records, self.enums, self.symbols = {}, {}, set()
        self._used = used
        for tree in trees:
            self._visit(tree, "", "public")

    def _visit(self, node, scope, access):
        kind, name = node.get("kind"), node.get("name", "")
        if kind in ("ClassTemplateDecl", "FunctionTemplateDecl", "ClassTemplateSpecializationDecl"):
            return
        if "mangledName" in node and (access != "private" or node.get("virtual") or node["id"] in self._used):
            self.symbols.add(node["mangledName"])
        inner = node.get("inner", [])
        if kind == "EnumDecl" and name:
            self.enums[scope + name] = node
        elif kind == "CXXRecordDecl" and node.get("completeDefinition") and name:
            self.records[scope + name] = node
            access = "private" if node["tagUsed"] == "class" else "public"
            for child in inner:
                access = child["access"] if child.get("kind") == "AccessSpecDecl" else access
                self._visit(child, f"{scope}{name}::", access)
        elif kind == "LinkageSpecDecl" or kind == "NamespaceDecl" and not name.endswith("_detail"):
            for child in inner:
                self._visit(child, scope if name in ("", "easylm") else f"{scope}{name}::", access)


def members(record, *kinds):
    return [child for child in record.get("inner", []) if child.get("kind") in kinds and not child.get("isImplicit")]


def split_signature(function_type):
    """("double", "(std::int64_t) const") of "double (std::int64_t) const"."""
    depth = 0
    for position, letter in enumerate(function_type):
        depth += {"<": 1, ">": -1}.get(letter, 0)
        if letter == "(" and depth == 0:
            return function_type[:position].rstrip(), function_type[position:]
    raise ValueError(function_type)


class Vtables:
    """The virtual functions of each record in the order of the Itanium C++ ABI, as (key, text)."""

    def __init__(self, records):
        self._records = records
        self._known = {"std::exception": [("~", "~exception()"), ("~", "~exception(), deleting"),
                                          ("what() const noexcept", "const char *what() const noexcept")]}  # fmt: skip

    def of(self, name):
        if name not in self._known:
            record = self._records.get(name, {})
            bases = [short(base["type"]["qualType"]) for base in record.get("bases", [])]
            tables = [table for table in map(self.of, bases) if table]
            self._known[name] = self._with_own(record, list(tables[0]) if tables else [], tables)
        return self._known[name]

    @staticmethod
    def _with_own(record, table, inherited):
        inherited = {key for base in inherited for key, _ in base}
        for method in members(record, "CXXMethodDecl", "CXXDestructorDecl"):
            result, rest = split_signature(short(method["type"]["qualType"]))
            is_destructor = method["kind"] == "CXXDestructorDecl"
            key = "~" if is_destructor else method["name"] + rest
            if not method.get("virtual") and key not in inherited:
                continue
            text = f"~{record['name']}()" if is_destructor else f"{result} {method['name']}{rest}"
            texts = [text, text + ", deleting"] if is_destructor else [text + " [pure]" * bool(method.get("pure"))]
            places = [place for place, (other, _) in enumerate(table) if other == key]
            if places:
                for place, new in zip(places, texts):
                    table[place] = (key, new)
            else:
                table += [(key, new) for new in texts]
        return table


def constant(node):
    """The string literal below NODE."""
    if node.get("kind") == "StringLiteral":
        return json.loads(node["value"])
    return next((found for child in node.get("inner", []) if (found := constant(child))), None)


# ---- their layout


def measure(records, flags, headers):
    """{record: (size, align, offset of each field)}, as the compiler lays them out."""
    wanted, text = [], ""
    for name in sorted(records):
        path = name if name.startswith("Easylm") else f"easylm::{name}"
        words = [f"sizeof({path})", f"alignof({path})"]
        words += [f"__builtin_offsetof({path}, {field['name']})" for field in members(records[name], "FieldDecl")]
        wanted.append((name, len(words)))
        text += "".join(f"{word}, " for word in words)
    text = f'extern "C" const unsigned long easylm_layouts[] = {{{text}}};\n'
    more = ["-fno-access-control", "-Wno-invalid-offsetof", "-S", "-o", "-"]
    assembly = clang(flags, headers, more, text).split("easylm_layouts:", 1)[1]
    numbers = []
    for line in assembly.splitlines()[1:]:
        match = re.match(r"\s*\.(quad|zero)\s+(\d+)", line)
        if not match:
            break
        numbers += [int(match[2])] if match[1] == "quad" else [0] * (int(match[2]) // 8)
    layouts = {}
    for name, count in wanted:
        layouts[name] = (numbers[0], numbers[1], numbers[2:count])
        numbers = numbers[count:]
    return layouts


# ---- as text


def describe_enum(name, node):
    yield f"enum {name}: {short(node.get('fixedUnderlyingType', {}).get('qualType', 'unscoped'))}"
    value = -1
    for child in members(node, "EnumConstantDecl"):
        given = next((part for part in child.get("inner", []) if "value" in part), None)
        value = int(given["value"]) if given else value + 1
        yield f"  {child['name']} = {value}"


def describe_record(name, record, layout, vtable):
    size, align, offsets = layout
    bases = ", ".join(short(base["type"]["qualType"]) for base in record.get("bases", []))
    word = record["tagUsed"]
    if vtable and not offsets:
        word = "host interface" if name in OF_HOST else "interface"
    yield f"{word} {name}" + (f": {bases}" if bases else "")
    yield f"  size {size}, align {align}"
    for variable in members(record, "VarDecl"):
        if variable["name"] in ("kKind", "kInterface"):
            yield f"  {variable['name']} = {constant(variable)}"
    for field, offset in zip(members(record, "FieldDecl"), offsets):
        yield f"  at {offset}: {short(field['type']['qualType'])} {field['name']}"
    for slot, (_, text) in enumerate(vtable):
        yield f"  slot {slot}: {text}"


def describe_headers(headers, flags):
    """The sections of all enums and records below HEADERS, and the mangled names of all functions there."""
    dump = ["-fsyntax-only", "-Xclang", "-ast-dump=json", "-Xclang", "-ast-dump-filter=asylm"]
    text = clang(flags, headers, dump, "")
    used = set(re.findall(r'"referenced(?:Member)?Decl": (?:\{\s*"id": )?"(0x\w+)"', text))
    declared = Declarations(documents(text), used)
    layouts = measure(declared.records, flags, headers)
    vtables = Vtables(declared.records)
    sections = ["\n".join(describe_enum(name, node)) for name, node in sorted(declared.enums.items())]
    for name, record in sorted(declared.records.items()):
        sections.append("\n".join(describe_record(name, record, layouts[name], vtables.of(name))))
    return sections, declared


def describe_library(file, declared):
    """What FILE exports of what the headers declare. Weak functions are left out: whoever uses inline code has its own."""
    command = ["nm", "-D", "--defined-only", "--format=posix", str(file)]
    names = [line.split()[:2] for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()]
    names = [name.split("@")[0] for name, kind in names if kind in "TDBRV"]
    shown = subprocess.run(["c++filt"], input="\n".join(names), check=True, capture_output=True, text=True).stdout.splitlines()
    lines = set()
    for name, text in zip(names, shown):
        of_class = re.match(r"(?:vtable|typeinfo) for easylm::(.+)$", text)
        complete = re.sub(r"([CD])[02](?=E|I)", r"\g<1>1", name)
        if of_class[1] in declared.records if of_class else {name, complete} & declared.symbols:
            lines.add("  " + text)
    return "\n".join([f"library {file.name}", *sorted(lines)])


def api_version(headers):
    text = (headers / "easylm/border.h").read_text()
    return tuple(int(re.search(rf"#define EASYLM_API_{part} (\d+)", text)[1]) for part in ("MAJOR", "MINOR"))


def describe(build, headers=ROOT / "core/include"):
    major, minor = api_version(headers)
    sections, declared = describe_headers(headers, compile_flags(build))
    sections += [describe_library(build / "lib" / name, declared) for name in LIBRARIES]
    purpose = "# The binary interface of EasyLM, for docs/compatibility.md. Written by `make abi`; not to be edited."
    return "\n\n".join([purpose, f"api {major}.{minor}", *sections]) + "\n"


# ---- and what a difference means


def parse(text):
    """{"enum ErrorCode": [line...]}: the first line of a section names it, and is its first line, too."""
    sections = {}
    for section in text.split("\n\n")[1:]:
        lines = section.strip().split("\n")
        sections[lines[0].split(": ")[0]] = lines
    return {name: lines for name, lines in sections.items() if not name.startswith("api ")}


def only_grew(name, old, new):
    """Whether plugins that know OLD can live with NEW."""
    if name.startswith("host interface "):
        return new[: len(old)] == old
    if name == ENTRY:
        return new[2 : len(old)] == old[2:]  # all but the line with its size
    if name.startswith(("enum ", "library ")):
        return old[0] == new[0] and set(old) <= set(new)
    return False


def judge(old_text, new_text):
    """(what breaks plugins that were built for the old text, what is only added)."""
    old, new = parse(old_text), parse(new_text)
    breaks = [f"{name} is gone" for name in old if name not in new]
    added = [f"{name} is new" for name in new if name not in old]
    for name in old:
        if name in new and old[name] != new[name]:
            (added if only_grew(name, old[name], new[name]) else breaks).append(f"{name} has changed")
    return breaks, added


def explain(old_text, new_text):
    """What a reader of the difference should do; empty if there is none."""
    if old_text == new_text:
        return ""
    difference = difflib.unified_diff(old_text.splitlines(), new_text.splitlines(), "as described", "as built", "", "", 2, "")
    breaks, added = judge(old_text, new_text)
    text = "\n".join([*difference, "", *breaks, *added, ""])
    if breaks:
        return text + "This breaks plugins: take it back, or raise EASYLM_API_MAJOR (docs/compatibility.md)."
    return text + "This only adds: raise EASYLM_API_MINOR, if that wasn't done since the last release, and run `make abi`."


def path_of(headers=ROOT / "core/include"):
    return ROOT / f"sdk/abi/easylm-{api_version(headers)[0]}.txt"


def main(build):
    path, text = path_of(), describe(build)
    old = path.read_text() if path.exists() else ""
    explanation = explain(old, text) if old else ""
    if explanation:
        print(explanation)
    if old and judge(old, text)[0]:
        sys.exit("abi: error: not written")
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    print(f"abi: {path.relative_to(ROOT)} is as built")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]))
