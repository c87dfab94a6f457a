"""A disk of 20 MiB that is full: nothing is called saved that isn't whole, and when there is space the run goes on."""
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

from easylm_cli import TINY, CliTest

MOUNTED = "EASYLM_TEST_IN_NAMESPACE"
LONG = os.environ.get("EASYLM_LONG") == "1"

ONE_STAGE = TINY[:TINY.index("[[stage]]\ntype = \"evaluate\"")].replace("every_steps = 10", "every_steps = 1").replace(
    "keep_last = 2", "keep_last = 0").replace("validate_every_steps = 10", "validate_every_steps = 1000")


class FullDisk(CliTest):
    def setUp(self):
        super().setUp()
        self.write("tiny.toml", ONE_STAGE)
        self.disk = self.cwd / "disk"
        self.disk.mkdir()
        mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "none", self.disk], capture_output=True,
                               text=True, check=False)
        if mount.returncode != 0:
            self.skipTest("no tmpfs can be mounted here: " + mount.stderr.strip())
        self.addCleanup(subprocess.run, ["umount", self.disk], check=True)
        self.home = str(self.disk / "runs")

    def run_to(self, steps, *arguments, code=None):
        return self.easylm("--home", self.home, "run", "tiny.toml", "--set", f"stage.train.steps={steps}", *arguments,
                           code=code)

    def versions(self):
        return self.json("--home", self.home, "registry", "list", "--json")

    def expect_whole(self, where):
        verified = self.easylm("--home", self.home, "registry", "verify", "--all", "--full", code=None)
        self.assertEqual(verified.returncode, 0, where + verified.stdout + verified.stderr)

    def expect_loads(self, uri, where):
        done = self.easylm("--home", self.home, "generate", uri, "--prompt", "the ", "--max-new-tokens", "2", code=None)
        self.assertEqual(done.returncode, 0, where + done.stderr)

    def fill(self, left):
        """Leaves about so many bytes."""
        free = shutil.disk_usage(self.disk).free
        with open(self.disk / "filler", "wb") as filler:
            filler.write(b"x" * max(0, free - left))

    def test_a_run_that_fills_the_disk_stops_with_its_reason_and_goes_on_when_there_is_space(self):
        full = self.run_to(1000, code=1)
        self.assertIn("free", full.stderr)
        saved = self.versions()
        self.assertGreater(len(saved), 3)
        self.assertIn(saved[-1]["uri"], full.stderr)
        self.expect_whole(full.stderr)
        self.expect_loads(saved[-1]["uri"], full.stderr)
        self.easylm("--home", self.home, "registry", "gc", "--keep-last", "1", "--name", "tiny")
        reached = saved[-1]["step"]
        went_on = self.run_to(reached + 2, code=0)
        self.assertIn(f"Goes on from {saved[-1]['uri']}", went_on.stderr)
        self.assertEqual(self.versions()[-1]["step"], reached + 2)

    def test_a_disk_that_fills_up_in_the_midst_of_a_save_loses_nothing(self):
        self.run_to(1, code=0)
        before = self.versions()[-1]
        step = 25_000 if LONG else 100_000
        failed = 0
        for left in range(0, 700_000, step):
            self.fill(left)
            done = self.run_to(2)
            where = f"{left} bytes left: exit {done.returncode}\n{done.stderr}"
            self.expect_loads(before["uri"], where)
            (self.disk / "filler").unlink()
            self.expect_whole(where)
            steps = [version["step"] for version in self.versions()]
            self.assertEqual(steps[0], 1, where)
            if done.returncode == 0:
                self.assertEqual(steps[-1], 2, where)
                break
            failed += 1
            self.assertEqual(done.returncode, 1, where)
            self.assertIn("hint:", done.stderr, where)
            self.assertEqual(steps, [1], where)
        self.assertGreater(failed, 2)
        self.run_to(3, code=0)
        self.expect_whole("")
        self.assertEqual(self.versions()[-1]["step"], 3)


def can_mount():
    return subprocess.run(["sh", "-c", "d=$(mktemp -d) && mount -t tmpfs none $d && umount $d; e=$?; rmdir $d; exit $e"],
                          capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    # A mount namespace of our own lets an ordinary user mount, and leaves nothing behind if the test is killed.
    inside = subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode == 0
    if MOUNTED not in os.environ and inside and not can_mount():
        os.environ[MOUNTED] = "1"
        os.execvp("unshare", ["unshare", "-rm", sys.executable, "-B", str(pathlib.Path(__file__).resolve()), *sys.argv[1:]])
    unittest.main()
