"""Signals: a run that is told to stop saves and says how; one that can't is ended."""
import os
import random
import signal
import subprocess
import time
import unittest

from easylm_cli import BIN, CliTest

LONG = os.environ.get("EASYLM_LONG") == "1"

# One step of it takes many seconds.
SLOW = ("--set", "model.hidden_size=512", "--set", "model.intermediate_size=2048", "--set",
        "model.num_hidden_layers=8", "--set", "dataset.train.batch_size=128")


class Signals(CliTest):
    def start(self, *settings):
        return subprocess.Popen([BIN, "run", "tiny.toml", *settings], cwd=self.cwd, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=os.environ)

    def wait_for(self, run, text):
        seen = ""
        while text not in seen:
            line = run.stdout.readline()
            self.assertTrue(line, seen)
            seen += line
        return seen

    def test_at_any_moment_it_saves_and_says_which_signal_it_was(self):
        chance = random.Random(11)
        for how, code in ((signal.SIGTERM, 75), (signal.SIGINT, 130)) * (10 if LONG else 2):
            run = self.start("--resume", "never", "--set", "stage.train.steps=1000000", "--set",
                             "checkpoint.every_steps=3")
            self.wait_for(run, "step 1/")
            time.sleep(chance.uniform(0, 0.5))
            run.send_signal(how)
            said = run.communicate(timeout=60)[0]
            self.assertEqual(run.returncode, code, said)
            self.assertIn("stopping cleanly", said)
            newest = self.json("registry", "show", "tiny", "--json")
            self.assertIn(f"stopped at step {newest['step']} of 1000000, saved as {newest['uri']}", said)
            self.assertNotIn("tmp", " ".join(os.listdir(self.cwd / "runs/checkpoints/tiny")))

    def test_a_second_signal_ends_it_at_once(self):
        run = self.start(*SLOW)
        self.wait_for(run, "step 1/")
        time.sleep(0.3)  # well within the second step
        run.send_signal(signal.SIGTERM)
        self.wait_for(run, "stopping cleanly")
        sent = time.monotonic()
        run.send_signal(signal.SIGTERM)
        said = run.communicate(timeout=60)[0]
        self.assertEqual(run.returncode, 128 + signal.SIGTERM, said)
        self.assertIn("ended at once", said)
        self.assertLess(time.monotonic() - sent, 5)

    def test_a_timer_ends_what_does_not_stop(self):
        run = self.start(*SLOW, "--set", "run.stop_timeout_seconds=1")
        self.wait_for(run, "step 1/")
        time.sleep(0.3)  # well within the second step
        run.send_signal(signal.SIGINT)
        said = run.communicate(timeout=60)[0]
        self.assertEqual(run.returncode, 128 + signal.SIGINT, said)
        self.assertIn("took too long to stop", said)

    def test_a_stop_between_passes_leaves_the_step_undone(self):
        settings = ("--set", "stage.train.accumulate_gradient_steps=100", "--set", "stage.train.steps=3")
        self.easylm("--home", "whole", "run", "tiny.toml", *settings)
        run = self.start(*settings)
        self.wait_for(run, "step 1/")
        time.sleep(0.1)
        run.send_signal(signal.SIGTERM)
        self.assertIn("stopped at step", run.communicate(timeout=60)[0])
        self.easylm("run", "tiny.toml", *settings)
        weights = [(self.cwd / self.easylm("--home", home, "registry", "path", "tiny").stdout.strip() /
                    "model.safetensors").read_bytes() for home in ("whole", "runs")]
        self.assertEqual(*weights)


if __name__ == "__main__":
    unittest.main()
