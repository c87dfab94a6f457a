"""data inspect, data stats, and runs over JSON lines and mixtures that stop and go on."""
import json
import signal
import unittest

from easylm_cli import TINY
from stop_and_go import StopAndGoTest

JSONL = """
type = "jsonl"
path = "train.jsonl"
fields = "[q],a"
sequence_length = 32
batch_size = 4
"""

MIXTURE = """
type = "mixture"
sources.lines.weight = 2
sources.lines.dataset = { type = "jsonl", path = "train.jsonl", fields = "[q],a", sequence_length = 32, batch_size = 4 }
sources.plays.dataset = { type = "text", path = "train.txt", sequence_length = 32, batch_size = 4 }
"""

TOKENS = """
type = "tokens"
path = "train"
sequence_length = 32
batch_size = 4
"""

TEXT = '{ type = "text", path = "train.txt", sequence_length = 32, batch_size = 4 }'

TRAIN = """
type = "text"
path = "train.txt"
sequence_length = 32
batch_size = 4
"""


class Data(StopAndGoTest):
    def setUp(self):
        super().setUp()
        lines = [json.dumps({"q": "?" * (i % 5), "a": "the answer is ä " * (i % 4 + 1)}) for i in range(40)]
        lines[7] = "{"
        self.write("train.jsonl", "\n".join(lines) + "\n")
        self.use(JSONL)

    def use(self, dataset):
        self.assertIn(TRAIN, TINY)
        self.write("tiny.toml", TINY.replace(TRAIN, dataset, 1))

    def test_over_json_lines_the_bytes_are_the_same(self):
        self.expect_same_end(signal.SIGKILL, ("--set", "checkpoint.every_steps=4", "--set", "stage.train.steps=150"))

    def test_over_packed_documents_too(self):
        self.expect_same_end(signal.SIGTERM, (
            "--set", "dataset.train.packing=best_fit", "--set", "dataset.train.packing_window=8", "--set",
            "dataset.train.long_documents=cut", "--set", "checkpoint.every_steps=4", "--set", "stage.train.steps=150"))

    def test_over_a_mixture_too(self):
        self.use(MIXTURE)
        self.expect_same_end(signal.SIGKILL, ("--set", "checkpoint.every_steps=4", "--set", "stage.train.steps=150"))

    def test_over_stored_tokens_too(self):
        for name in ("train", "validation"):
            self.easylm("tokenize", f"{name}.txt", "--tokenizer", "byte", "-o", name)
        self.easylm("--home", "text", "run", "tiny.toml", "--set", "dataset.train=" + TEXT)
        tokens = TEXT.replace("text", "tokens").replace("train.txt", "train")
        self.easylm("--home", "tokens", "run", "tiny.toml", "--set", "dataset.train=" + tokens, "--set",
                    "dataset.validation=" + tokens.replace("train", "validation"))
        results = [self.json("--home", home, "registry", "show", "tiny", "--json")["metrics"] for home in ("text", "tokens")]
        self.assertEqual(results[0], results[1], "loss, perplexity and bits a byte are those of the text")
        self.use(TOKENS)
        self.expect_same_end(signal.SIGKILL, ("--set", "checkpoint.every_steps=4", "--set", "stage.train.steps=150"))

    def test_tokenize_keeps_masks_and_says_what_it_cannot_do(self):
        self.easylm("tokenize", "train.jsonl", "--fields", "[q],a", "--tokenizer", "byte", "-o", "lines")
        self.use(TOKENS.replace('"train"', '"lines"'))
        row = self.json("data", "inspect", "tiny.toml", "--json")[0]
        self.assertEqual({0, 1}, {int(x) for x in row["mask"]})
        for words, says in ((("train.txt", "--tokenizer", "byte", "-o", "lines"), "there already"),
                            ((".", "--tokenizer", "byte", "-o", "new"), "text and jsonl"),
                            (("tiny.toml", "--tokenizer", "byte", "-o", "new"), "*.txt, *.jsonl or *.parquet"),
                            (("train.txt", "--fields", "q", "--tokenizer", "byte", "-o", "new"), "no fields")):
            refused = self.easylm("tokenize", *words, code=None)
            self.assertNotEqual(refused.returncode, 0)
            self.assertIn(says, refused.stderr)
        self.assertFalse((self.cwd / "new").exists())
        self.write("tiny.toml", TINY.replace(TRAIN, TOKENS.replace('"train"', '"lines"'), 1).replace(
            'type = "byte"', 'type = "byte"\nspecial_tokens = false', 1))
        self.assertIn("made with the tokenizer", self.easylm("run", "tiny.toml", code=2).stderr)

    def test_inspect_shows_masks_borders_and_counts(self):
        packed = ("--set", "dataset.train.packing=best_fit", "--set", "dataset.train.packing_window=39", "--set",
                  "dataset.train.long_documents=cut")
        text = self.easylm("data", "inspect", "tiny.toml", "-n", "40", *packed).stdout
        self.assertIn("---- document 1 of the row ----", text)
        self.assertIn("---- padding ----", text)
        self.assertRegex(text, r"read so far: 39 documents \(\d+ cut, 0 dropped\), 1 bad examples skipped")
        self.assertNotIn("\033", text)
        rows = self.json("data", "inspect", "tiny.toml", "-n", "3", "--json", *packed)
        self.assertEqual([sorted(row) for row in rows], [["mask", "segments", "targets", "texts", "tokens"]] * 3)
        self.assertTrue(all(len(row[key]) == 32 for row in rows for key in row))
        self.assertIn(1, rows[0]["segments"])
        plain = self.json("data", "inspect", "tiny.toml", "--json")
        self.assertNotIn("segments", plain[0])

    def test_a_bad_line_is_named(self):
        self.assertIn("train.jsonl:8: the line is not valid JSON", self.easylm("data", "stats", "tiny.toml").stderr)

    def test_stats_count_one_pass(self):
        stats = self.json("data", "stats", "tiny.toml", "--json")
        self.assertEqual((stats["documents"], stats["bad"], stats["dropped"], stats["cut"]), (39, 1, 0, 0))
        lengths = stats["lengths"]
        self.assertEqual(sum(bucket["documents"] for bucket in lengths["histogram"]), 39)
        self.assertEqual((lengths["min"], lengths["max"]), (2 + 17, 2 + 4 + 4 * 17))
        self.assertEqual(stats["places"], stats["rows"] * 32)
        self.assertEqual(stats["places"] - stats["padding"], stats["tokens"] - 1)
        self.assertAlmostEqual(stats["epochs"]["train"], 30 / stats["batches"])
        text = self.easylm("data", "stats", "tiny.toml").stdout
        for part in ("39, ", "median", "1 bad examples", "30 steps of stage train", "#"):
            self.assertIn(part, text)

    def test_stats_of_text_and_of_a_mixture(self):
        self.use(MIXTURE)
        self.assertEqual(self.json("data", "stats", "tiny.toml", "--json")["documents"], 40)
        self.assertEqual(self.json("data", "stats", "tiny.toml", "--dataset", "validation", "--json")["documents"], 1)

    def test_a_mistake_in_a_source_is_found_by_check(self):
        self.use(MIXTURE.replace("weight = 2", "weigth = 2"))
        self.assertIn("did you mean 'weight'?", self.easylm("check", "tiny.toml", code=2).stderr)


if __name__ == "__main__":
    unittest.main()
