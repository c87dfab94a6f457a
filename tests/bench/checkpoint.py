"""Times saving and loading 135 M parameters with their optimizer beside the disk and beside safetensors in Python.

The sides take turns in one folder: a save against a plain file of as many bytes that is written and synced once; a load
against safetensors.torch.load_file of the same files, copied into tensors that are there already, as a training program
does. Medians are compared. Both loads read what is in the page cache.

    tests/bench/run.sh checkpoint.py [--folder DIR] [--rounds N] [--threads N]
"""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

PIECE = 8 << 20
SECONDS_TO_THE_FIRST_SAVE = 5  # far fewer than a run of this model takes


def write_plainly(file, size):
    piece = os.urandom(PIECE)
    started = time.perf_counter()
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    left = size
    while left > 0:
        left -= os.write(descriptor, piece[:min(left, PIECE)])
    os.fsync(descriptor)
    os.close(descriptor)
    return time.perf_counter() - started


class Reader:
    """Loads a version's tensors in Python, into places that are there already."""

    def __init__(self, version, threads):
        import safetensors.torch
        import torch

        torch.set_num_threads(threads)
        self.load_file = safetensors.torch.load_file
        self.files = [version / "model.safetensors", version / "easylm/optimizer.safetensors"]
        self.places = [{name: torch.empty_like(tensor) for name, tensor in self.load_file(file).items()}
                       for file in self.files]

    def seconds(self):
        started = time.perf_counter()
        for file, places in zip(self.files, self.places, strict=True):
            for name, tensor in self.load_file(file).items():
                places[name].copy_(tensor)
        return time.perf_counter() - started


class Program:
    def __init__(self, path, threads):
        self.process = subprocess.Popen([path, str(threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"bench_checkpoint ended with {self.process.wait()}")
        return float(answer)


def measure_saves(program, folder, rounds):
    """The program's saves between a disk's own; the last version stays. The times of each, and that version."""
    size = int(program.ask("bytes"))
    times = {name: [] for name in ("wait", "save", "plain")}
    program.ask("prepare")
    time.sleep(SECONDS_TO_THE_FIRST_SAVE)
    for turn in range(rounds):
        times["wait"].append(program.ask("wait"))
        home = folder / f"home{turn}"
        times["save"].append(program.ask(f"save {home}"))
        times["plain"].append(write_plainly(folder / "plain", size))
        (folder / "plain").unlink()
        if turn + 1 < rounds:
            shutil.rmtree(home)
    return times, home / "checkpoints/bench/v000001"


def measure_loads(program, version, rounds, threads):
    reader = Reader(version, threads)
    times = {name: [] for name in ("load", "python")}
    for _ in range(rounds):
        times["load"].append(program.ask(f"load {version}"))
        times["python"].append(reader.seconds())
    return times


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--program", default=pathlib.Path(__file__).parents[2] / "build/release/bin/bench_checkpoint")
    arguments.add_argument("--folder", type=pathlib.Path, help="on the disk to measure; default: the temporary folder")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--threads", type=int, default=2)
    options = arguments.parse_args()
    program = Program(options.program, options.threads)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        size = program.ask("bytes")
        before = program.ask("peak")
        times, version = measure_saves(program, pathlib.Path(name), options.rounds)
        peak = program.ask("peak")
        times |= measure_loads(program, version, options.rounds, options.threads)
    medians = {name: statistics.median(values) for name, values in times.items()}
    rate = {name: size / 1e9 / seconds for name, seconds in medians.items()}
    print(f"{size / 1e9:.2f} GB, {options.threads} threads, {options.rounds} rounds, medians")
    print(f"a step waits {medians['wait']:.3f} s (the first time {times['wait'][0]:.3f} s)")
    print(f"save {rate['save']:.2f} GB/s, the disk {rate['plain']:.2f} GB/s: {rate['save'] / rate['plain']:.2f}")
    print(f"load {rate['load']:.2f} GB/s, safetensors in Python {rate['python']:.2f} GB/s: {rate['load'] / rate['python']:.2f}")
    print(f"memory before {before / 2**30:.2f} GiB, most while saving {peak / 2**30:.2f} GiB, a snapshot {size / 2**30:.2f} GiB")


if __name__ == "__main__":
    main()
