"""Versions that older programs saved load, say what they said, and can be gone on from."""
import json
import pathlib
import tempfile
import unittest

import golden


class Golden(unittest.TestCase):
    def same(self, now, then):
        self.assertEqual((now["text"], now["step"]), (then["text"], then["step"]))
        for a, b in zip(now["logprobs"], then["logprobs"], strict=True):
            self.assertAlmostEqual(a, b, delta=2e-2)

    def check(self, version):
        expected = json.loads(version.with_name(version.name + ".json").read_text())
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            golden.prepare(folder, version.name.split("-")[1], 30)
            golden.easylm(folder, "registry", "import", str(version), "golden")
            golden.easylm(folder, "registry", "verify", "golden:1", "--full")
            self.same(golden.facts(folder, "golden:1"), expected["then"])
            golden.easylm(folder, "run", "golden.toml", "--resume", "golden:1")
            later = golden.facts(folder, "golden")
            self.same(later, expected["later"])
            loss = expected["later"]["metrics"]["train_loss"]
            self.assertAlmostEqual(later["metrics"]["train_loss"], loss, delta=2e-2)

    def test_every_version_there_ever_was(self):
        versions = sorted(path for path in golden.FOLDER.iterdir() if path.is_dir())
        self.assertGreaterEqual(len(versions), 2)
        for version in versions:
            with self.subTest(version.name):
                self.check(version)


if __name__ == "__main__":
    unittest.main()
