"""The recipe long_context.toml at sizes of seconds: positions stretched by a second stage, loss by position."""
import json
import os
import unittest

from easylm_cli import SENTENCE, SOURCE, CliTest

RECIPE = str(SOURCE / "configs/long_context.toml")
SHORT, LONG = 16, 128
SMALL = [
    'tokenizer={type="byte"}', "run.threads=1", "model.hidden_size=32", "model.intermediate_size=64",
    "model.num_hidden_layers=2", "model.head_dim=16", f"model.max_position_embeddings={SHORT}",
    f"dataset.train.sequence_length={SHORT}", f"dataset.validation.sequence_length={SHORT}",
    f"dataset.long_train.sequence_length={LONG}", f"dataset.long_validation.sequence_length={LONG}",
    "stage.pretrain.steps=60", "stage.pretrain.validate_every_steps=30",
    "stage.extend.steps=6", "stage.extend.validate_every_steps=3",
    *[f"stage.{stage}.model.max_position_embeddings={LONG}" for stage in ("beyond", "stretched", "extend")],
    *[f"stage.{stage}.model.rope_scaling.{key}" for stage in ("stretched", "extend")
      for key in ("factor=8.0", f"original_max_position_embeddings={SHORT}")],
]


class LongContext(CliTest):
    def setUp(self):
        super().setUp()
        os.makedirs(self.cwd / "data/plays")
        for part, plays in (("train", 6), ("validation", 2)):
            lines = [json.dumps({"title": str(i), "text": SENTENCE * (20 + i)}) + "\n" for i in range(plays)]
            self.write(f"data/plays/{part}.jsonl", "".join(lines))

    def run_recipe(self, *sets, code=0, home="runs"):
        arguments = [word for text in (*SMALL, *sets) for word in ("--set", text)]
        return self.easylm("--home", home, "run", RECIPE, *arguments, code=code)

    def test_stretches_positions_and_says_what_each_position_costs(self):
        done = self.run_recipe()
        folder = self.cwd / "runs/long_context/latest"
        rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        last = f"validation_loss_from_{LONG // 2}"
        curves = [row for row in rows if last in row]
        self.assertEqual([row["stage"] for row in curves], ["beyond", "stretched", "extend", "extend", "evaluate"])
        self.assertEqual([row["step"] for row in curves], [60, 60, 3, 6, 6])
        self.assertLess(curves[3][last], curves[0][last], "better beyond its length than the short model")
        self.assertIn(f"{LONG // 2} – {LONG - 1}", done.stdout)
        report = json.loads((folder / "evaluate.json").read_text())
        ranges = report["loss_by_position"]
        self.assertEqual([row["from"] for row in ranges], [0, 1, 2, 4, 8, 16, 32, 64])
        self.assertEqual([row["to"] for row in ranges], [1, 2, 4, 8, 16, 32, 64, 128])
        self.assertEqual(ranges[-1]["loss"], curves[4][last])
        mean = sum(row["loss"] * row["weight"] for row in ranges) / sum(row["weight"] for row in ranges)
        self.assertAlmostEqual(mean, report["loss"], places=5)
        picture = (folder / "loss_by_position.svg").read_text()
        for label in ("beyond, step 60", "stretched, step 60", "extend, step 3", "extend, step 6", "evaluate, step 6"):
            self.assertIn(f">{label}<", picture)
        self.assertEqual(list(folder.glob("*.tmp")), [])

    def test_the_long_model_is_a_version_that_knows_its_stretch_and_its_parent(self):
        self.run_recipe()
        path = self.cwd / self.easylm("registry", "path", "long_context").stdout.strip()
        config = json.loads((path / "config.json").read_text())
        self.assertEqual(config["max_position_embeddings"], LONG)
        self.assertEqual(config["rope_scaling"]["rope_type"], "yarn")
        self.assertEqual(config["rope_scaling"]["original_max_position_embeddings"], SHORT)
        versions = self.json("registry", "list", "long_context", "--json")
        self.assertEqual([version["stage"] for version in versions], ["pretrain", "extend"])
        self.assertEqual(versions[1]["parent"], "long_context:1")
        short = self.json("registry", "show", "long_context:1", "--json")["metrics"]
        self.assertNotIn("loss_from_64", short, "with more positions it is not that version that was measured")
        self.assertIn("loss_from_64", versions[1]["metrics"])

    def test_a_run_goes_on_with_the_stretch_that_it_began_with_and_no_other(self):
        self.run_recipe()
        done = self.run_recipe("stage.extend.model.rope_scaling.factor=4.0", code=2)
        self.assertIn("stage.extend.model.rope_scaling.factor was 8.0 and is 4.0", done.stderr)
        self.run_recipe("stage.extend.steps=9")
        rows = (self.cwd / "runs/long_context/latest/metrics.jsonl").read_text().splitlines()
        steps = [row["step"] for row in map(json.loads, rows) if row["stage"] == "extend" and "loss" in row]
        self.assertEqual(steps, [7, 8, 9])

    def test_check_finds_rows_that_are_longer_than_the_positions_of_a_stages_own_model(self):
        done = self.easylm("check", RECIPE, *[word for text in (*SMALL, "stage.beyond.model.max_position_embeddings=64")
                                              for word in ("--set", text)], code=2)
        self.assertIn(f"sequence_length = {LONG} is longer than the model's 64 positions", done.stderr)


if __name__ == "__main__":
    unittest.main()
