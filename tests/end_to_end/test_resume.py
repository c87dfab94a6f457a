"""A run that stopped anywhere and went on ends with the same bytes as one that never stopped."""
import os
import signal
import subprocess
import time
import unittest

from easylm_cli import BIN, SENTENCE
from stop_and_go import StopAndGoTest

# What could be forgotten: dropout's and forgetful masking's random numbers, accumulation, the schedule, two epochs.
HARD = ("--set", "model.residue_dropout=0.1", "--set", "model.fcm_max_ratio=0.15", "--set", "stage.train.steps=150",
        "--set", "stage.train.accumulate_gradient_steps=2", "--set", "checkpoint.every_steps=4", "--set",
        'optimizer.schedule={ type = "warmup_cosine", warmup_steps = 5, peak = 3e-3, end = 1e-4 }')


class Resume(StopAndGoTest):
    def test_after_sigterm_the_bytes_are_the_same(self):
        self.expect_same_end(signal.SIGTERM, HARD)

    def test_after_kill_9_the_bytes_are_the_same(self):
        self.expect_same_end(signal.SIGKILL, HARD)

    def test_in_bf16_too(self):
        self.expect_same_end(signal.SIGKILL, (*HARD, "--set", "run.precision=bf16"))

    @unittest.skipUnless(os.environ.get("EASYLM_LONG") == "1", "only with EASYLM_LONG=1")
    def test_in_bf16_after_sigterm(self):
        self.expect_same_end(signal.SIGTERM, (*HARD, "--set", "run.precision=bf16"))

    def test_a_stop_in_the_last_validation(self):
        self.write("validation.txt", SENTENCE * 16000)
        settings = ("--set", "stage.train.validate_every_steps=30")
        self.easylm("--home", "whole", "run", "tiny.toml", *settings)
        run = subprocess.Popen([BIN, "--home", "cut", "run", "tiny.toml", *settings], cwd=self.cwd, text=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        metrics = self.cwd / "cut/tiny/latest/metrics.jsonl"
        while not metrics.exists() or '"step":30' not in metrics.read_text():
            self.assertIsNone(run.poll())
            time.sleep(0.01)
        run.send_signal(signal.SIGTERM)
        self.assertIn("stopped at step 30 of 30", run.communicate(timeout=60)[1])
        self.assertEqual(run.returncode, 75)
        self.easylm("--home", "cut", "run", "tiny.toml", *settings)
        self.assertEqual(self.digests("whole"), self.digests("cut"))
        newest = [self.json("--home", home, "registry", "show", "tiny", "--json")["metrics"] for home in ("whole", "cut")]
        self.assertEqual(newest[0], newest[1])

    def test_a_finished_run_does_nothing_and_more_steps_go_on(self):
        self.easylm("run", "tiny.toml")
        again = self.easylm("run", "tiny.toml")
        self.assertIn("Nothing to do", again.stderr)
        self.assertEqual(self.json("registry", "show", "tiny", "--json")["step"], 30)
        more = self.easylm("run", "tiny.toml", "--set", "stage.train.steps=40")
        self.assertIn("Goes on from tiny:3, step 30", more.stderr)
        newest = self.json("registry", "show", "tiny", "--json")
        self.assertEqual((newest["step"], newest["parent"]), (40, "tiny:3"))
        self.easylm("--home", "whole", "run", "tiny.toml", "--set", "stage.train.steps=40")
        self.assertEqual(self.digests("whole")["model.safetensors"], self.digests("runs")["model.safetensors"])

    def test_fewer_steps_than_were_made_are_no_difference(self):
        self.easylm("run", "tiny.toml")
        done = self.easylm("run", "tiny.toml", "--set", "stage.train.steps=20")
        self.assertIn("validation: loss", done.stderr + done.stdout)
        self.assertEqual(self.json("registry", "show", "tiny", "--json")["uri"], "tiny:3")

    def test_says_key_by_key_what_differs(self):
        self.easylm("run", "tiny.toml")
        refused = self.easylm("run", "tiny.toml", "--set", "run.seed=8", "--set", "model.hidden_size=64", "--set",
                              "optimizer.b1=0.8", code=2)
        for text in ("run.seed was 7 and is 8", "model.hidden_size was 32 and is 64", "optimizer.b1", "--resume never"):
            self.assertIn(text, refused.stderr)
        refused = self.easylm("run", "tiny.toml", "--set", "stage.train.clip_gradient=0.5", code=2)
        self.assertIn("clip_gradient", refused.stderr)
        self.write("train.txt", "other words altogether. " * 90)
        refused = self.easylm("run", "tiny.toml", "--set", "stage.train.steps=40", code=2)
        self.assertIn("data are not what they were", refused.stderr)

    def test_never_begins_anew_and_a_version_can_be_named(self):
        self.easylm("run", "tiny.toml", "--set", "checkpoint.keep_last=0")
        first = self.digests("runs")
        self.easylm("run", "tiny.toml", "--set", "checkpoint.keep_last=0", "--resume", "never")
        self.assertEqual(self.json("registry", "show", "tiny", "--json")["uri"], "tiny:6")
        self.assertEqual(first, self.digests("runs"))
        self.easylm("run", "tiny.toml", "--set", "checkpoint.keep_last=0", "--resume", "tiny:1")
        newest = self.json("registry", "show", "tiny", "--json")
        self.assertEqual((newest["uri"], newest["step"]), ("tiny:8", 30))
        self.assertEqual(first, self.digests("runs"))
        self.assertIn("tiny:99", self.easylm("run", "tiny.toml", "--resume", "tiny:99", code=None).stderr)


if __name__ == "__main__":
    unittest.main()
