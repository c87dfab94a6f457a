"""Every bad plugin of the zoo is found by the test that it is called after, and every test finds one."""

import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

BIN = pathlib.Path(os.environ["EASYLM_BIN"])
ZOO = pathlib.Path(os.environ["EASYLM_ZOO"])
EXAM = BIN.parents[1] / "lib/easylm/easylm-exam"
SECONDS = 6  # for a test: long enough for a busy machine, since those that hang take them all

# What is wrong with a file, and not with a component.
WRONG_FILES = {"zoo_exports": ["exports_one_symbol"]}

# What easylm-exam examines; what speaks tensors has a program and animals of its own.
KINDS_HERE = ["tokenizer", "dataset", "checkpoint", "schedule", "tracker", "stage"]


def exam(plugin, *options):
    """(exit code, report) of the exam of PLUGIN, where an animal that writes anywhere does no harm."""
    with tempfile.TemporaryDirectory() as cage:
        done = subprocess.run([BIN, "plugins", "test", plugin, "--json", "--timeout", str(SECONDS), *options],
                              cwd=cage, env={**os.environ, "HOME": cage}, capture_output=True, text=True, timeout=600,
                              check=False)  # fmt: skip
    if not done.stdout:
        raise AssertionError(f"{plugin}: {done.stderr}")
    return done.returncode, json.loads(done.stdout)


def failures(report):
    """The tests that found something, by component."""
    failed = {}
    for result in report["results"]:
        found = failed.setdefault(result["component"], [])
        if result["verdict"] == "failed":
            found.append(result["test"])
    return failed


def names_of(kind):
    lines = subprocess.run([EXAM, "tests", kind], capture_output=True, text=True, check=True).stdout.splitlines()
    return {line.split("\t")[0] for line in lines}


def examine_all(plugins):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return list(zip(plugins, pool.map(exam, plugins)))


class Zoo(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.seen = examine_all(sorted(ZOO.glob("*.so")))

    def test_each_is_found_by_its_test(self):
        num_animals = 0
        for plugin, (code, report) in self.seen:
            self.assertEqual(code, 1, plugin)
            for result in report["results"]:
                self.assertTrue(result["text"] or result["verdict"] == "passed", result)
            failed = failures(report)
            self.assertEqual(failed.pop("file"), WRONG_FILES.get(plugin.stem, []), plugin)
            if plugin.stem in WRONG_FILES:
                continue
            for component, tests in failed.items():
                with self.subTest(plugin=plugin.name, component=component):
                    self.assertIn(component.split("/")[1].split("-")[0], tests)
            num_animals += len(failed)
        self.assertGreaterEqual(num_animals, 35)

    def test_every_test_finds_one(self):
        names = {kind: names_of(kind) for kind in KINDS_HERE}
        common = set.intersection(*names.values())
        found = {(component.split("/")[0], test) for _, (_, report) in self.seen
                 for component, tests in failures(report).items() for test in tests}  # fmt: skip
        for kind, tests in names.items():
            for test in tests - common:
                with self.subTest(kind=kind, test=test):
                    self.assertIn((kind, test), found)
        for test in common:
            with self.subTest(test=test):
                self.assertIn(test, {name for _, name in found})


class CommandLine(unittest.TestCase):
    """What `easylm plugins test` is told, and says besides the report."""

    def run_exam(self, *options):
        return subprocess.run([BIN, "plugins", "test", ZOO / "zoo_schedule.so", *options], capture_output=True, text=True,
                              timeout=60, check=False)  # fmt: skip

    def test_a_reproduction_ends_with_its_verdict(self):
        for test, code, said in [("is_described", 0, "passed\n"), ("is_pure", 1, "failed at(999) depends on")]:
            done = self.run_exam("--reproduce", f"schedule/is_pure:{test}:1")
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn(said, done.stdout)

    def test_what_is_no_test_is_refused(self):
        for test in ("is_pure", "schedule/is_pure:is_pure", "schedule/is_pure:is_pure:", "schedule/is_pure:is_pure:x"):
            done = self.run_exam("--reproduce", test)
            self.assertEqual(done.returncode, 2, test)
            self.assertIn(f"'{test}' is no test", done.stderr)

    def test_settings_for_no_pipeline_are_refused(self):
        done = self.run_exam("--set", "run.seed=1")
        self.assertEqual(done.returncode, 2)
        self.assertIn("give --pipeline FILE.toml, too", done.stderr)


class Damaged(unittest.TestCase):
    """Files that were a plugin once: never a crash, and never code that runs."""

    @classmethod
    def setUpClass(cls):
        cls.good = (ZOO / "zoo_schedule.so").read_bytes()
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)

    def refused(self, name, data):
        file = pathlib.Path(self.folder) / f"{name}.so"
        file.write_bytes(data)
        file.chmod(0o600)
        code, report = exam(file)
        self.assertEqual(code, 1)
        self.assertEqual(failures(report), {"file": ["is_accepted"]})
        self.assertTrue(report["results"][0]["text"])

    def test_truncated_files_are_refused(self):
        for i in range(64):
            with self.subTest(size=i * len(self.good) // 64):
                self.refused("cut", self.good[: i * len(self.good) // 64])

    def test_a_wrong_line_of_the_manifest_is_refused(self):
        begin = self.good.index(b"manifest=1\n")
        end = re.compile(rb"\nlayout=[0-9a-f]{16}\n").search(self.good, begin).end()
        lines = self.good[begin:end].splitlines(keepends=True)
        fields = [line.split(b"=")[0].decode() for line in lines]
        self.assertIn("layout", fields)
        for i, field in enumerate(fields):
            if field in ("name", "version", "cuda"):
                continue  # any name and version will do; a GPU that isn't here is not the file's fault
            with self.subTest(field=field):
                value = lines[i][len(field) + 1 : -1]
                wrong = bytes(ord("8") if byte == ord("9") else ord("9") for byte in value)
                self.refused("wrong", self.good[:begin] + b"".join(lines[:i]) + field.encode() + b"=" + wrong + b"\n"
                             + b"".join(lines[i + 1 :]) + self.good[end:])  # fmt: skip

    @unittest.skipIf(os.path.exists("/dev/nvidiactl"), "this machine has an NVIDIA GPU")
    def test_what_needs_a_gpu_is_skipped_where_there_is_none(self):
        file = pathlib.Path(self.folder) / "gpu.so"
        file.write_bytes(self.good.replace(b"\ncuda=none\n", b"\ncuda=13.0\n"))
        file.chmod(0o600)
        code, report = exam(file)
        self.assertEqual(code, 0)
        of_components = [r for r in report["results"] if r["component"] != "file"]
        self.assertGreater(len(of_components), 3)
        for result in of_components:
            self.assertEqual(result["verdict"], "skipped")
            self.assertTrue(result["text"].startswith("no CUDA device: "), result["text"])


if __name__ == "__main__":
    unittest.main()
