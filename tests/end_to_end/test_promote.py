"""What a run does with its versions: gates, the best, milestones."""
import unittest

from easylm_cli import CliTest

GATE = '\n[[stage]]\ntype = "promote"\nalias = "{alias}"\ncondition = "{condition}"\n'


class Promote(CliTest):
    def gate(self, alias, condition):
        with open(self.cwd / "tiny.toml", "a", encoding="utf-8") as file:
            file.write(GATE.format(alias=alias, condition=condition) + f'name = "to_{alias}"\n')

    def test_only_a_version_that_meets_the_condition_is_promoted(self):
        self.gate("prod", "metrics.loss < 100 and step = 30")
        self.gate("gold", "metrics.loss < 0.001")
        done = self.easylm("run", "tiny.toml")
        self.assertIn("tiny:3 is now @prod", done.stdout)
        self.assertIn("tiny:3 is not promoted: it does not meet metrics.loss < 0.001", done.stdout)
        self.assertEqual(self.json("registry", "show", "tiny@prod", "--json")["version"], 3)
        self.easylm("registry", "show", "tiny@gold", code=1)

    def test_a_condition_that_cannot_be_read_is_found_before_anything_runs(self):
        self.gate("prod", "metrics.loss <")
        refused = self.easylm("check", "tiny.toml", code=2)
        self.assertRegex(refused.stderr, r"tiny.toml:\d+:\d+: error: .*a value belongs here\n  metrics.loss <\n +\^")
        self.easylm("run", "tiny.toml", code=2)
        self.assertFalse((self.cwd / "runs/tiny").exists())

    def test_the_best_and_milestones_are_kept(self):
        self.easylm("run", "tiny.toml", "--set", "stage.train.steps=80", "--set", "checkpoint.keep_last=1", "--set",
                    "checkpoint.milestone_every_steps=40", "--set", "checkpoint.keep_best=1")
        versions = self.json("registry", "list", "--json")
        self.assertLessEqual({40, 80}, {version["step"] for version in versions})
        best = self.json("registry", "show", "tiny@best", "--json")
        self.assertEqual(best["metrics"]["validation_loss"],
                         min(version["metrics"]["validation_loss"] for version in versions))


if __name__ == "__main__":
    unittest.main()
