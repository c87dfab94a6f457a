"""Every bad attention kernel, model and optimizer of the zoo is found by the test that it is called after, and every
test finds one."""

import concurrent.futures
import json
import os
import pathlib
import subprocess
import unittest

BIN = pathlib.Path(os.environ["EASYLM_BIN"])
EXAM = BIN.parents[1] / "lib/easylm/easylm-exam-tensor"
ZOO = pathlib.Path(os.environ["EASYLM_TENSOR_ZOO"])
KINDS = ["attention", "model", "optimizer"]


def output_of(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout


def animals():
    """{plugin: its components, "KIND/NAME"}"""
    listed = json.loads(output_of("env", f"EASYLM_PLUGIN_PATH={ZOO}", BIN, "plugins", "list", "--json"))
    found = {}
    for entry in listed:
        if pathlib.Path(entry["file"]).parent == ZOO:
            found.setdefault(entry["file"], []).append(f"{entry['kind']}/{entry['name']}")
    return found


def own_test(component):
    return component.split("/")[1].split("-")[0]


def failures(plugin, components):
    """What fails of each component's own test alone: loading LibTorch a thousand times takes a quarter of an hour."""
    only = [word for name in components for word in ("--only", f"{name}:{own_test(name)}")]
    done = subprocess.run([BIN, "plugins", "test", plugin, "--json", *only],
                          capture_output=True, text=True, timeout=600, check=False)  # fmt: skip
    results = json.loads(done.stdout)["results"]
    return {(r["component"], r["test"]): r["text"] for r in results if r["verdict"] == "failed"}


class TensorZoo(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.animals = animals()
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            cls.failed = dict(zip(cls.animals, pool.map(failures, cls.animals.keys(), cls.animals.values())))

    def test_each_is_found_by_its_test(self):
        for plugin, components in self.animals.items():
            for component in components:
                with self.subTest(plugin=plugin, component=component):
                    self.assertTrue(self.failed[plugin].get((component, own_test(component))))
        self.assertGreaterEqual(sum(map(len, self.animals.values())), 70)

    def test_each_test_finds_one(self):
        tests = {kind: {line.split("\t")[0] for line in output_of(EXAM, "tests", kind).splitlines()} for kind in KINDS}
        of_all_kinds = set.intersection(*tests.values())
        found = {(component.split("/")[0], test) for failed in self.failed.values() for component, test in failed}
        for kind in KINDS:
            for test in tests[kind] - of_all_kinds:
                with self.subTest(kind=kind, test=test):
                    self.assertIn((kind, test), found)


if __name__ == "__main__":
    unittest.main()
