"""Runs that are stopped at random moments, and how they end."""
import hashlib
import os
import random
import signal
import subprocess
import time

from easylm_cli import BIN, CliTest

STOPS = 10 if os.environ.get("EASYLM_LONG") == "1" else 3


class StopAndGoTest(CliTest):
    def digests(self, home):
        path = self.easylm("--home", home, "registry", "path", "tiny").stdout.strip()
        folder = self.cwd / path
        files = sorted(file for file in folder.rglob("*") if file.is_file() and file.name != "manifest.json")
        return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}

    def metrics_of(self, home):
        return {path for path in (self.cwd / home / "tiny").glob("2*/metrics.jsonl") if path.stat().st_size > 0}

    def stop_at_random(self, home, how, settings, seed):
        """Starts a run and ends it at a random moment of its training; returns its exit code."""
        before = self.metrics_of(home)
        run = subprocess.Popen([BIN, "--home", home, "run", "tiny.toml", *settings], cwd=self.cwd,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ)
        while self.metrics_of(home) == before and run.poll() is None:
            time.sleep(0.01)
        time.sleep(random.Random(seed).uniform(0, 0.7))
        run.send_signal(how)
        return run.wait(timeout=60)

    def expect_same_end(self, how, settings):
        self.easylm("--home", "whole", "run", "tiny.toml", *settings)
        whole = self.digests("whole")
        stops = [self.stop_at_random("cut", how, settings, seed) for seed in range(STOPS)]
        if how == signal.SIGTERM:
            self.assertTrue(set(stops) <= {75, 0}, stops)
        self.easylm("--home", "cut", "run", "tiny.toml", *settings)
        self.assertEqual(whole, self.digests("cut"), f"stopped: {stops}")
