"""Times `easylm plugins list --json` with 1, 50 and 200 plugins.

usage: plugins.py [ROUNDS]. The plugins are copies of the bundled ones beside a copy of the program, in a temporary folder,
and in the page cache. Medians of wall and processor time of whole processes; for docs/log.md, on a quiet machine.
"""
import itertools
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

BUILD = pathlib.Path(__file__).parents[2] / "build/release"
COUNTS = (1, 50, 200)


def install(folder, count):
    """A program that finds COUNT plugins and no others."""
    plugins = folder / "lib/easylm/plugins"
    plugins.mkdir(parents=True)
    (folder / "bin").mkdir()
    bundled = sorted((BUILD / "lib/easylm/plugins").glob("*.so"))
    for number, source in zip(range(count), itertools.cycle(bundled)):
        shutil.copy(source, plugins / f"{source.stem}_{number}.so")
    return shutil.copy(BUILD / "bin/easylm", folder / "bin")


def processor_time():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure(program, folder, rounds):
    """Milliseconds of wall and of processor time, a pair for each round; and how many plugins were found."""
    environment = {**os.environ, "EASYLM_PLUGIN_PATH": "", "XDG_DATA_HOME": str(folder)}
    command = [program, "--home", folder / "runs", "plugins", "list", "--json"]
    pairs = []
    for _ in range(rounds + 1):
        worked, started = processor_time(), time.perf_counter()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        pairs.append((1000 * (time.perf_counter() - started), 1000 * (processor_time() - worked)))
    return pairs[1:], len({entry["file"] for entry in json.loads(done.stdout)})  # the first brings the files into memory


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 31
    for count in COUNTS:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            pairs, found = measure(install(folder, count), folder, rounds)
        assert found == count, f"{found} plugins were found instead of {count}"
        wall, work = (statistics.median(column) for column in zip(*pairs))
        print(f"{count:4} plugins: {wall:6.1f} ms, {work:6.1f} ms of processor time")


if __name__ == "__main__":
    main()
