"""Every bad plugin of the zoo is found by the test that it is called after."""

import json
import os
import pathlib
import subprocess
import unittest

BIN = os.environ["EASYLM_BIN"]
ZOO = pathlib.Path(os.environ["EASYLM_ZOO"])
SECONDS = 6  # for a test: long enough for a busy machine, since those that hang take them all


def exam(plugin, *options):
    """(exit code, report) of the exam of PLUGIN."""
    done = subprocess.run([BIN, "plugins", "test", plugin, "--json", "--timeout", str(SECONDS), *options],
                          capture_output=True, text=True, timeout=600, check=False)  # fmt: skip
    return done.returncode, json.loads(done.stdout)


class Zoo(unittest.TestCase):
    def test_each_is_found_by_its_test(self):
        plugins = sorted(ZOO.glob("*.so"))
        self.assertGreater(len(plugins), 0)
        num_animals = 0
        for plugin in plugins:
            code, report = exam(plugin)
            self.assertEqual(code, 1, plugin)
            failed = {}
            for result in report["results"]:
                found = failed.setdefault(result["component"], [])
                if result["verdict"] == "failed":
                    found.append(result["test"])
                    self.assertTrue(result["text"])
            self.assertEqual(failed.pop("file"), [], plugin)
            for component, tests in failed.items():
                with self.subTest(plugin=plugin.name, component=component):
                    self.assertIn(component.split("/")[1].split("-")[0], tests)
            num_animals += len(failed)
        self.assertGreaterEqual(num_animals, 25)


if __name__ == "__main__":
    unittest.main()
