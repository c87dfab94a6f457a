"""Each call that a save makes of the operating system is made to fail in turn, whoever makes it: our file layer, the
safetensors plugin, SQLite. With EASYLM_LONG=1 each call, else some of them.
"""
import errno
import os
import pathlib
import shutil
import unittest

from easylm_cli import TINY, CliTest

LONG = os.environ.get("EASYLM_LONG") == "1"
LIBRARY = os.environ.get("EASYLM_FAILING_CALLS", "build/release/lib/libfailing_calls.so")
FAULTS = {"EIO": str(errno.EIO), "ENOSPC": str(errno.ENOSPC), "short": "short"}
SHORT_FORM_RUNS = 14

ONE_STAGE = TINY[:TINY.index("[[stage]]\ntype = \"evaluate\"")].replace("every_steps = 10", "every_steps = 2").replace(
    "keep_last = 2", "keep_last = 0")


class FailingIo(CliTest):
    def setUp(self):
        super().setUp()
        self.write("tiny.toml", ONE_STAGE)
        self.easylm("--home", "base", "run", "tiny.toml", "--set", "stage.train.steps=2")

    def run_with(self, home, **settings):
        """A run that goes on to step 4 with a call that fails; its exit code and what it said."""
        home = self.cwd / home
        env = {"LD_PRELOAD": str(pathlib.Path(LIBRARY).resolve()),
               "EASYLM_FAIL_UNDER": f"{home}/checkpoints:{home}/registry.sqlite", **settings}
        return self.easylm("--home", str(home), "run", "tiny.toml", "--set", "stage.train.steps=4", code=None, env=env)

    def fresh_home(self):
        shutil.rmtree(self.cwd / "runs", ignore_errors=True)
        shutil.copytree(self.cwd / "base", self.cwd / "runs", symlinks=True)

    def count_calls(self):
        self.fresh_home()
        done = self.run_with("runs", EASYLM_FAIL_COUNT=str(self.cwd / "count"))
        self.assertEqual(done.returncode, 0, done.stderr)
        return int((self.cwd / "count").read_text())

    def steps(self):
        return [version["step"] for version in self.json("registry", "list", "--json")]

    def expect_kept_promises(self, fault, call):
        """Whatever failed: one run with the fault, then one without."""
        self.fresh_home()
        broken = self.run_with("runs", EASYLM_FAIL_AT=str(call), EASYLM_FAIL_ERRNO=FAULTS[fault])
        where = f"{fault} at call {call}: exit {broken.returncode}\n{broken.stderr}"
        self.assertIn(broken.returncode, (0, 1), where)
        verified = self.easylm("registry", "verify", "--all", "--full", code=None)
        self.assertEqual(verified.returncode, 0, where + verified.stdout + verified.stderr)
        steps = self.steps()
        self.assertEqual(steps[0], 2, where)
        if broken.returncode == 0:
            self.assertEqual(steps[-1], 4, where)
        else:
            self.assertIn("hint:", broken.stderr, where)
        if LONG or call % 3 == 0:
            self.easylm("generate", "tiny:1", "--prompt", "the ", "--max-new-tokens", "2")
        healthy = self.easylm("run", "tiny.toml", "--set", "stage.train.steps=4", code=None)
        self.assertEqual(healthy.returncode, 0, where + healthy.stderr)
        self.assertEqual(self.steps()[-1], 4, where)
        left = {path.name for path in (self.cwd / "runs/checkpoints/tiny").iterdir()}
        self.assertEqual(len(left), len(self.steps()), f"{where}{left}")
        return broken.returncode

    def test_no_call_that_fails_loses_or_feigns_a_version(self):
        count = self.count_calls()
        self.assertGreater(count, 100)
        stride = 1 if LONG else count // SHORT_FORM_RUNS
        codes = []
        for index, call in enumerate(range(1, count + 1, stride)):
            faults = list(FAULTS) if LONG else [list(FAULTS)[index % len(FAULTS)]]
            codes += [self.expect_kept_promises(fault, call) for fault in faults]
        print(f"{count} calls, {len(codes)} runs with a fault: {codes.count(1)} failed, {codes.count(0)} went on")
        self.assertGreater(codes.count(1), len(codes) // 4)

    def test_a_run_on_a_network_file_system_says_that_it_keeps_a_rollback_journal(self):
        done = self.run_with("netbase", EASYLM_FAKE_FS="6969")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("network file system: it keeps a rollback journal", done.stderr)
        header = (self.cwd / "netbase/registry.sqlite").read_bytes()[18:20]
        self.assertEqual(header, b"\x01\x01", "not a rollback journal")
        self.assertNotIn("network", self.easylm("run", "tiny.toml", "--set", "stage.train.steps=2").stderr)


if __name__ == "__main__":
    unittest.main()
