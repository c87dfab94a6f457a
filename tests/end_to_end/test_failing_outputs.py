"""Each call that a command makes of the operating system for its output is made to fail in turn, or is where the command
is killed: what it makes is there whole or not at all. With EASYLM_LONG=1 each call, else some of them.
"""
import errno
import os
import pathlib
import shutil
import unittest

from easylm_cli import TINY, CliTest

LONG = os.environ.get("EASYLM_LONG") == "1"
LIBRARY = os.environ.get("EASYLM_FAILING_CALLS", "build/release/lib/libfailing_calls.so")
FAULTS = {"EIO": str(errno.EIO), "ENOSPC": str(errno.ENOSPC), "short": "short", "kill": "kill"}
SHORT_FORM_RUNS = 20


class FailingOutputs(CliTest):
    def run_with(self, command, **settings):
        env = {"LD_PRELOAD": str(pathlib.Path(LIBRARY).resolve()), "EASYLM_FAIL_UNDER": f"{self.cwd}/out", **settings}
        return self.easylm(*command, code=None, env=env)

    def fresh_place(self):
        shutil.rmtree(self.cwd / "out", ignore_errors=True)
        (self.cwd / "out").mkdir()

    def made(self):
        """Every file that was made, by its path."""
        folder = self.cwd / "out"
        return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}

    def expect_all_or_nothing(self, command, wanted, fault, call):
        self.fresh_place()
        broken = self.run_with(command, EASYLM_FAIL_AT=str(call), EASYLM_FAIL_ERRNO=FAULTS[fault])
        where = f"{fault} at call {call}: exit {broken.returncode}\n{broken.stderr}"
        self.assertIn(broken.returncode, (-9,) if fault == "kill" else (0, 1), where)
        is_there = (self.cwd / "out/new").exists()
        if broken.returncode == 0:
            self.assertEqual(self.made(), wanted, where)
        elif is_there:
            self.assertLessEqual(wanted.items(), self.made().items(), where)
        if broken.returncode == 1:
            self.assertIn("hint:", broken.stderr, where)
        if not is_there:
            self.easylm(*command)
            self.assertEqual(self.made(), wanted, where)
        return broken.returncode

    def expect_of(self, *command):
        self.fresh_place()
        self.assertEqual(self.run_with(command, EASYLM_FAIL_COUNT=str(self.cwd / "count")).returncode, 0)
        wanted = self.made()
        count = int((self.cwd / "count").read_text())
        self.assertGreater(count, 15)
        codes = []
        for index, call in enumerate(range(1, count + 1, 1 if LONG else max(1, count // SHORT_FORM_RUNS))):
            for fault in list(FAULTS) if LONG else [list(FAULTS)[index % len(FAULTS)]]:
                codes.append(self.expect_all_or_nothing(command, wanted, fault, call))
        print(f"{command[0]}: {count} calls; of {len(codes)} runs with a fault {codes.count(1)} failed, "
              f"{codes.count(-9)} were killed")
        self.assertGreater(codes.count(1), len(codes) // 5)

    def test_stored_tokens_are_whole_or_not_there(self):
        self.expect_of("tokenize", "train.txt", "--tokenizer", "byte", "-o", "out/new")

    def test_converted_models_are_whole_or_not_there(self):
        self.write("tiny.toml", TINY[:TINY.index("[[stage]]\ntype = \"evaluate\"")])
        self.easylm("run", "tiny.toml", "--set", "stage.train.steps=2")
        self.expect_of("convert", "tiny:1", "out/new", "--to", "hf")


if __name__ == "__main__":
    unittest.main()
