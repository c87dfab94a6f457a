"""Makes a registry of many versions and times what people ask it: registry.py [VERSIONS] (default 100,000).

Each question is a process of its own, as at a prompt; the best and the median of several runs count. Nothing else should
run meanwhile. The limit is 50 ms each; what prints everything is timed without one.
"""
import os
import pathlib
import statistics
import subprocess
import sys
import sqlite3
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BIN = os.environ.get("EASYLM_BIN", str(SOURCE / "build/release/bin/easylm"))
LIMIT_MS = 50
NAMES, RUNS = 50, 1000

QUESTIONS = [
    ("registry", "list"),
    ("registry", "list", "name-7"),
    ("registry", "list", "--json", "--limit", "50"),
    ("registry", "show", "name-7"),
    ("registry", "show", "name-7:3", "--json"),
    ("registry", "show", "name-7", "--metrics"),
    ("registry", "lineage", "name-7:3"),
    ("registry", "query", "metrics.loss < 1.0001 and tags.owner = 'ana' order by metrics.loss limit 5"),
    ("registry", "query", "metrics.loss < 1.5 and tags.owner = 'ana' and created > '2026-11-01' "
                          "order by metrics.loss limit 5"),
    ("registry", "query", "order by metrics.loss limit 5"),
    ("registry", "query", "config.model.hidden_size >= 768 and step > 9000"),
    ("registry", "query", "name = 'name-3' and alias = 'best'"),
    ("registry", "query", "alias = 'latest'"),
    ("registry", "query", "created >= '2026-11-20' order by created desc"),
    ("registry", "query", "tags.owner like 'b%' and not stage = 'train'"),
    ("registry", "query", "step > 0"),
]
EVERYTHING = [("registry", "list", "--json"), ("registry", "list", "--all")]


def fill(file, versions):
    """Rows as the program writes them; its own process makes the tables."""
    base = sqlite3.connect(file)
    base.execute("PRAGMA synchronous = OFF")
    runs = [(f"run-{i:05}", f"name-{i % NAMES}") for i in range(RUNS)]
    base.executemany("INSERT INTO runs VALUES(?, ?, 'finished', '2026-11-01', '2026-11-02', '[run]', 1, 'cpu', 'host', 1, NULL)",
                     runs)
    for run, _ in runs:
        size = 256 * (1 + hash(run) % 4)
        config = [("model.hidden_size", size), ("run.precision", "bf16")] + [(f"model.key_{k}", k) for k in range(60)]
        base.executemany("INSERT INTO run_config VALUES(?, ?, ?)", [(run, key, value) for key, value in config])
        base.execute("INSERT INTO run_plugins VALUES(?, 'easylm-llama', '0.1.0')", (run,))
    base.executemany("INSERT INTO names VALUES(?, ?)", [(f"name-{i}", versions // NAMES) for i in range(NAMES)])
    rows, files, metrics, tags, lineage = [], [], [], [], []
    for i in range(versions):
        name, number = f"name-{i % NAMES}", i // NAMES + 1
        run = f"run-{(i % NAMES) + NAMES * (number * (RUNS // NAMES) // (versions // NAMES + 1)):05}"
        created = f"2026-11-{1 + i * 28 // versions:02}T{i % 24:02}:{i % 60:02}:00.000Z"
        rows.append((i + 1, name, number, run, "train", number * 100, number * 409600, created, 10**9,
                     f"checkpoints/{name}/v{number:06}", "safetensors", "committed", "text/1"))
        files += [(i + 1, f"file-{k}", 1000, 1, "0" * 64) for k in range(6)]
        metrics += [(i + 1, "loss", 1 + (i * 7919 % versions) / versions), (i + 1, "perplexity", 3.0)]
        tags.append((i + 1, "owner", ("ana", "ben", "cem")[i % 3]))
        if number > 1:
            lineage.append((f"{name}:{number}", f"{name}:{number - 1}"))
    for table, values in (("versions", rows), ("files", files), ("metrics", metrics), ("tags", tags),
                          ("lineage", lineage)):
        marks = ", ".join("?" * len(values[0]))
        base.executemany(f"INSERT INTO {table} VALUES({marks})", values)
    base.executemany("INSERT INTO aliases VALUES(?, 'best', ?, '2026-11-20')", [(f"name-{i}", i + 1) for i in range(NAMES)])
    base.executemany("INSERT INTO curves VALUES(?, ?, 'train', 'loss')", [(i + 1, run) for i, (run, _) in enumerate(runs)])
    base.executemany("INSERT INTO curve_points VALUES(?, ?, ?, 2.0)",
                     [(i + 1, step, step * 4096) for i in range(RUNS) for step in range(0, 10000, 100)])
    base.commit()
    base.close()


def times_ms(home, question, runs):
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run([BIN, "--home", home, *question], check=True, capture_output=True)
        times.append((time.perf_counter() - start) * 1000)
    return min(times), statistics.median(times)


def main():
    versions = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as home:
        file = pathlib.Path(home) / "registry.sqlite"
        file.touch()
        subprocess.run([BIN, "--home", home, "registry", "list"], check=True, capture_output=True)
        fill(file, versions)
        print(f"{versions} versions, {file.stat().st_size / 1e6:.0f} MB; best and median ms of 9 runs")
        slow = 0
        for question in QUESTIONS:
            best, median = times_ms(home, question, 9)
            slow += best >= LIMIT_MS
            print(f"{best:8.1f} {median:8.1f}  {'  ' if best < LIMIT_MS else '! '}{' '.join(question)}")
        for question in EVERYTHING:
            best, median = times_ms(home, question, 3)
            print(f"{best:8.1f} {median:8.1f}  (all) {' '.join(question)}")
    print(f"{slow} of {len(QUESTIONS)} questions took {LIMIT_MS} ms or more")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
