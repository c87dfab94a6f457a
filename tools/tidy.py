"""Runs clang-tidy over our sources in a build folder, and remembers outside the checkout which were clean.

    python3 tools/tidy.py build/release [--tests]

Without --tests it leaves out what lies in tests/: from nothing, those files take as long as all others.

A file counts as clean as long as its text, the headers of ours that it can reach, the .clang-tidy files above it and its
compile command stay the same; so a clean clone only checks what changed since the last run on this machine. With
LibTorch's headers a file takes half a minute. As many run at once as CMAKE_BUILD_PARALLEL_LEVEL says, else a core each.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "easylm" / "tidy"
SECONDS_A_FILE = 600
WORKERS = int(os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL") or os.cpu_count())
OPTIONS = [
    "--quiet",
    "--extra-arg=-Wno-unknown-warning-option",  # the command is g++'s
    "--extra-arg=-fno-openmp",  # clang's own omp.h is another package; parallel loops read the same without it
]  # fmt: skip


def tracked(*patterns):
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted(name for name in names if name and (ROOT / name).is_file())


class Headers:
    """Finds what a file can include, by the ends of names: rather too many headers than one too few."""

    def __init__(self):
        self.by_name = {}
        for name in tracked("*.h"):
            self.by_name.setdefault(pathlib.PurePath(name).name, []).append(name)

    def included_by(self, name):
        for included in re.findall(rb'^\s*#\s*include\s*["<]([^">]+)', (ROOT / name).read_bytes(), re.M):
            included = "/" + included.decode().removeprefix("./").removeprefix("../")
            for header in self.by_name.get(included.rsplit("/", 1)[1], ()):
                if ("/" + header).endswith(included):
                    yield header

    def reached_from(self, name):
        reached, todo = set(), [name]
        while todo:
            new = set(self.included_by(todo.pop())) - reached
            reached |= new
            todo += new
        return sorted(reached)


def commands_without_precompiled_headers(build):
    """A folder with the build's compile commands, but for g++'s precompiled headers, which clang can't read."""
    text = (build / "compile_commands.json").read_text()
    folder = build / "tidy"
    folder.mkdir(exist_ok=True)
    (folder / "compile_commands.json").write_text(re.sub(r" -Winvalid-pch -include \S+/cmake_pch\.hxx", "", text))
    return folder


def sources(folder, with_tests):
    """(file relative to ROOT, its compile command), for what is ours and not made by the build."""
    wanted = {name for name in tracked("*.cpp") if with_tests or not name.startswith("tests/")}
    seen = set()
    for entry in json.loads((folder / "compile_commands.json").read_text()):
        name = os.path.relpath(pathlib.Path(entry["directory"], entry["file"]), ROOT)
        if name in wanted and name not in seen:  # a file may be part of several programs: once is enough
            seen.add(name)
            yield name, entry["command"].replace(str(ROOT), ".")


def configurations(name):
    folders = pathlib.PurePath(name).parents
    return [str(folder / ".clang-tidy") for folder in folders if (ROOT / folder / ".clang-tidy").is_file()]


def stamp_of(name, command, headers):
    digest = hashlib.sha256("\0".join([name, command, *OPTIONS]).encode())
    for part in [*configurations(name), name, *headers.reached_from(name)]:
        digest.update(part.encode() + b"\0" + (ROOT / part).read_bytes())
    return CACHE / digest.hexdigest()


def check(folder, name):
    """None if clean, else what clang-tidy says."""
    command = ["clang-tidy", *OPTIONS, "-p", str(folder), str(ROOT / name)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_A_FILE)
    except subprocess.TimeoutExpired:
        return f"{name}: clang-tidy took more than {SECONDS_A_FILE} s\n"
    if done.returncode == 0:
        return None
    return re.sub(r"^.*-quiet.*\n|^\d+ warnings? .*generated.*\n", "", done.stdout + done.stderr, flags=re.M)


def main(build, with_tests):
    if not (build / "compile_commands.json").is_file():
        sys.exit(f"tidy: {build} has no compile_commands.json; hint: make build")
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = commands_without_precompiled_headers(build)
    headers = Headers()
    stamps = {name: stamp_of(name, command, headers) for name, command in sources(folder, with_tests)}
    todo = [name for name, stamp in stamps.items() if not stamp.exists()]
    print(f"clang-tidy: {len(todo)} of {len(stamps)} files to check", flush=True)
    failed = []
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        waiting = {pool.submit(check, folder, name): name for name in todo}
        for future in concurrent.futures.as_completed(waiting):
            name, problem = waiting[future], future.result()
            if problem is None:
                stamps[name].touch()
            else:
                failed.append(name)
                print(problem, flush=True)
    if failed:
        sys.exit(f"tidy: {len(failed)} files are not clean: {' '.join(sorted(failed))}")
    print(f"tidy: {len(stamps)} files are clean, {len(todo)} of them checked now")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or sys.argv[2:] not in ([], ["--tests"]):
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]).resolve(), with_tests=len(sys.argv) == 3)
