"""The registry's questions, asked of real runs."""
import json
import sqlite3
import subprocess
import time
import unittest
import xml.etree.ElementTree

from easylm_cli import BIN, CliTest


class Registry(CliTest):
    """One run that may go on once: tiny:3 at step 30, tiny:6 at step 60; retention removes the older ones."""

    def setUp(self):
        super().setUp()
        self.easylm("run", "tiny.toml")

    def go_on(self):
        self.easylm("run", "tiny.toml", "--set", "stage.train.steps=60")

    def uris(self, *arguments):
        return [version["uri"] for version in self.json("registry", *arguments, "--json")]

    def test_evaluate_puts_its_numbers_on_the_version_that_train_made(self):
        report = json.loads(next(self.cwd.glob("runs/tiny/2*/evaluate.json")).read_text())
        metrics = self.json("registry", "show", "tiny:3", "--json")["metrics"]
        for name in ("loss", "perplexity", "bits_per_byte"):
            self.assertEqual(metrics[name], report[name])
        self.assertNotIn("bits_per_byte", self.json("registry", "show", "tiny:2", "--json")["metrics"])
        self.assertEqual(self.uris("query", f"metrics.bits_per_byte <= {report['bits_per_byte']}"), ["tiny:3"])

    def test_queries_find_versions_by_what_is_known_of_them(self):
        self.go_on()
        self.easylm("registry", "tag", "tiny:3", "owner=ana")
        self.easylm("registry", "alias", "tiny", "best", "6")
        self.assertEqual(self.uris("query", "config.model.hidden_size = 32 and config.stage.train.steps > 30"),
                         ["tiny:5", "tiny:6"])
        self.assertEqual(self.uris("query", 'tags.owner = "ana" or alias = "best" order by step desc'),
                         ["tiny:6", "tiny:3"])
        self.assertEqual(self.uris("query", "order by metrics.validation_loss limit 1"), ["tiny:6"])
        self.assertEqual(self.uris("list", "--limit", "2"), ["tiny:5", "tiny:6"])
        refused = self.easylm("registry", "query", "metric.loss < 2", code=2)
        self.assertIn("\n  metric.loss < 2\n  ^^^^^^^^^^^\n", refused.stderr)
        self.assertIn("did you mean 'metrics.loss'?", refused.stderr)
        self.assertIn("did you mean 'loss'", self.easylm("registry", "query", "metrics.los < 2").stderr)
        others = len(self.uris("list")) - 1
        self.assertIn(f"{others} more versions", self.easylm("registry", "list", "--limit", "1").stderr)
        self.assertEqual(self.easylm("registry", "list", "--all").stderr, "")

    def test_curves_follow_the_run_that_was_gone_on_from(self):
        self.go_on()
        curves = self.json("registry", "show", "tiny", "--metrics", "--json")
        self.assertEqual(curves["uri"], "tiny:6")
        self.assertEqual([point["step"] for point in curves["metrics"]["loss"]], list(range(1, 61)))
        self.assertEqual([point["step"] for point in curves["metrics"]["validation_loss"]], list(range(10, 61, 10)))
        logged = []
        for file in sorted(self.cwd.glob("runs/tiny/2*/metrics.jsonl")):
            logged += [json.loads(line) for line in file.read_text().splitlines()]
        logged = {line["step"]: line["loss"] for line in logged if "loss" in line}
        self.assertEqual({p["step"]: p["value"] for p in curves["metrics"]["loss"]}, logged)
        self.assertEqual(len(self.json("registry", "show", "tiny:2", "--metrics", "--json")["metrics"]["loss"]), 20)

    def test_a_run_that_fails_leaves_its_curve(self):
        failed = self.easylm("run", "tiny.toml", "--resume", "never", "--set", "run.name=hot", "--set",
                             "optimizer.schedule.value=1e30", "--set", "checkpoint.every_steps=0", code=1)
        self.assertIn("stage 'train'", failed.stderr)
        rows = json.loads(self.easylm("registry", "sql", "SELECT count(*) AS n FROM run_metrics JOIN runs ON run = id "
                                      "WHERE runs.name = 'hot'", "--json").stdout)
        self.assertGreater(rows[0]["n"], 0)

    def test_a_run_that_is_killed_has_the_curve_up_to_its_last_version(self):
        run = subprocess.Popen([BIN, "run", "tiny.toml", "--set", "run.name=cut", "--set", "stage.train.steps=100000"],
                               cwd=self.cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while self.easylm("registry", "path", "cut", code=None).returncode != 0 and run.poll() is None:
            time.sleep(0.05)
        run.kill()
        run.wait()
        last = self.json("registry", "show", "cut", "--json")
        curve = self.json("registry", "show", last["uri"], "--metrics", "--json")["metrics"]["loss"]
        self.assertEqual([point["step"] for point in curve], list(range(1, last["step"] + 1)))

    def test_plots_are_pictures(self):
        self.go_on()
        self.easylm("registry", "plot", "tiny:3", "tiny", "-o", "loss.svg")
        text = (self.cwd / "loss.svg").read_text()
        self.assertEqual(xml.etree.ElementTree.fromstring(text).tag, "{http://www.w3.org/2000/svg}svg")
        self.assertIn(">tiny:6<", text)
        self.assertEqual(self.easylm("registry", "plot", "tiny:3", "tiny").stdout, text)
        refused = self.easylm("registry", "plot", "tiny", "--metric", "los", code=1)
        self.assertIn("did you mean 'loss'?", refused.stderr)

    def test_lineage_and_comparison_span_runs(self):
        self.go_on()
        text = self.easylm("registry", "lineage", "tiny:3").stdout
        self.assertEqual([line.split()[0] for line in text.splitlines()], [f"tiny:{i}" for i in range(1, 7)])
        self.assertIn("(removed)", text.splitlines()[0])
        compared = self.json("registry", "compare", "tiny:3", "tiny", "--json")
        self.assertEqual(compared["config"], [{"key": "stage.train.steps", "a": 30, "b": 60}])
        self.assertIn("stage.train.steps", self.easylm("registry", "compare", "tiny:3", "tiny").stdout)

    def test_aliases_move_and_move_back(self):
        self.easylm("registry", "alias", "tiny", "prod", "2")
        self.easylm("registry", "alias", "tiny", "prod", "tiny@latest")
        self.assertEqual(self.json("registry", "show", "tiny@prod", "--json")["version"], 3)
        self.easylm("registry", "rollback", "tiny", "prod")
        history = self.json("registry", "history", "tiny", "prod", "--json")
        self.assertEqual([move["version"] for move in history], [2, 3, 2])
        self.easylm("registry", "unalias", "tiny", "prod")
        self.easylm("registry", "show", "tiny@prod", code=1)
        self.easylm("registry", "alias", "tiny", "latest", "2", code=2)
        self.easylm("registry", "alias", "tiny", "prod", "99", code=1)
        self.easylm("registry", "tag", "tiny:2", "good")
        self.assertEqual(self.json("registry", "show", "tiny:2", "--json")["tags"], {"good": ""})
        self.easylm("registry", "untag", "tiny:2", "good")
        self.easylm("registry", "untag", "tiny:2", "good", code=1)
        self.easylm("--home", "elsewhere", "registry", "tag", "tiny", "good", code=1)
        self.assertFalse((self.cwd / "elsewhere").exists(), "what is refused makes no registry")

    def test_sql_reads_only(self):
        rows = self.json("registry", "sql", "SELECT name, max(step) AS step FROM versions", "--json")
        self.assertEqual(rows, [{"name": "tiny", "step": 30}])
        for sql in ("DELETE FROM versions", "PRAGMA user_version = 7", "nonsense", "SELECT 1; SELECT 2"):
            self.easylm("registry", "sql", sql, code=2)
        endless = "WITH RECURSIVE a(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM a) SELECT max(x) FROM a"
        self.assertIn("time limit", self.easylm("registry", "sql", endless, "--timeout", "0.2", code=1).stderr)
        self.easylm("registry", "sql", "SELECT 1", "--timeout", "0", code=2)

    def test_an_older_registry_learns_to_answer(self):
        file = self.cwd / "runs/registry.sqlite"
        old = sqlite3.connect(file)
        old.executescript("DROP TRIGGER remember_removed; DROP VIEW run_metrics; DROP TABLE curve_points;"
                          "DROP TABLE curves; DROP TABLE run_config; DROP TABLE removed_versions;"
                          "DROP INDEX versions_by_step; DROP INDEX versions_by_creation;"
                          "ALTER TABLE runs DROP COLUMN continues; PRAGMA user_version = 1")
        old.close()
        self.assertEqual(self.uris("query", "config.model.hidden_size = 32"), ["tiny:2", "tiny:3"])


if __name__ == "__main__":
    unittest.main()
