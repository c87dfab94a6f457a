"""What the architecture tests know of the tree: its files, the room of each, its includes and its functions."""

import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def tracked(*patterns):
    """Files that git tracks or would, relative to ROOT."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted(name for name in names if name and (ROOT / name).is_file())


def cpp_files():
    return tracked("*.cpp", "*.h", "*.cu")


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def room(name):
    """The part of the house that a file belongs to; a plugin is a room of its own."""
    parts = pathlib.PurePath(name).parts
    if parts[:4] == ("core", "include", "easylm", "tensor"):
        return "core/include/tensor"
    if parts[:3] == ("sdk", "exam", "tensor"):
        return "sdk/exam/tensor"
    if parts[:2] == ("sdk", "examples"):  # plugins, too
        return "/".join(parts[:-1])
    if parts[0] == "plugins" and len(parts) > 3:
        return "/".join(parts[:3])
    return "/".join(parts[:2]) if parts[0] in ("core", "sdk") else parts[0]


def includes(name, text):
    """(line number, "quoted" or "angled", what is included)."""
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', line)
        if match:
            yield (number, "quoted", match[1]) if match[1] else (number, "angled", match[2])


def resolve(name, included, files):
    """The file of ours that NAME means by INCLUDED, or None."""
    for folder in (pathlib.PurePath(name).parent, "core/include", "core/src", "sdk/include", "sdk/exam", "tests"):
        candidate = os.path.normpath(pathlib.PurePath(folder, included))
        if candidate in files:
            return candidate
    # plugins/<kind> is an include folder for tests: "llama/llama.h".
    for candidate in files:
        if candidate.startswith("plugins/") and candidate.split("/", 2)[2] == included:
            return candidate
    return None


TOKENS = re.compile(
    r"""(?P<raw>R"(?P<mark>[^()\s\\]*)\(.*?\)(?P=mark)")|(?P<line>//[^\n]*)|(?P<block>/\*.*?\*/)"""
    r"""|(?P<string>"(?:\\.|[^"\\\n])*")|(?P<char>(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+')"""
    r"""|(?P<directive>^[ \t]*\#(?:\\\n|[^\n])*)""",
    re.S | re.M | re.X,
)


def blanked(text):
    """TEXT with comments, literals and directives blanked out; every line keeps its number."""
    return TOKENS.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


CONTAINER = re.compile(r"\b(namespace|class|struct|union|enum)\b|^\s*extern\s*$")


def is_container(header):
    return CONTAINER.search(re.sub(r"<[^<>]*>|\([^()]*\)", "", header)) is not None


def functions(text):
    """(first line, number of lines) of each outermost function body, its signature included."""
    code = blanked(text)
    begin = 0  # where the declaration that is being read begins
    depth = 0  # braces open since a function or an initialiser began; 0 in namespaces and classes
    for match in re.finditer(r"[{};]", code):
        position = match.start()
        if match[0] == "{":
            if depth == 0 and is_container(code[begin:position]):
                begin = position + 1
            else:
                depth += 1
        elif match[0] == ";" and depth == 0:
            begin = position + 1
        elif match[0] == "}" and depth == 0:  # of a namespace or a class
            begin = position + 1
        elif match[0] == "}":
            depth -= 1
            # `a_{1}, b_(2) {`: a member initialiser ended, not the function.
            if depth == 0 and code[position + 1 : position + 200].lstrip()[:1] not in (",", "{"):
                declaration = code[begin:position]
                if ")" in declaration.split("{", 1)[0]:
                    start = begin + len(declaration) - len(declaration.lstrip())
                    first = code.count("\n", 0, start) + 1
                    yield first, code.count("\n", 0, position) + 2 - first
                begin = position + 1
