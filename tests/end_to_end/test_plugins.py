"""plugins lock, plugins doctor and version with the built program: what is refused, what is said, and exit codes."""
import hashlib
import json
import os
import pathlib
import platform
import re
import shutil
import unittest

from easylm_cli import BIN, CliTest

BUNDLED = pathlib.Path(BIN).resolve().parents[1] / "lib/easylm/plugins"
FIXTURES = os.environ.get("EASYLM_PLUGIN_FIXTURES")


class Plugins(CliTest):
    """A copy of the program, so that plugins beside it can be changed. Its libraries are found where they were built."""

    def setUp(self):
        super().setUp()
        self.cwd = self.cwd.resolve()
        self.plugins = self.cwd / "lib/easylm/plugins"
        shutil.copytree(BUNDLED, self.plugins)
        (self.cwd / "bin").mkdir()
        self.program = shutil.copy(BIN, self.cwd / "bin")
        self.lock = self.cwd / "runs/plugins.lock"

    def easylm(self, *arguments, code=0, env=None):
        """As the program in the working folder."""
        own = {"XDG_DATA_HOME": str(self.cwd / "data"), "EASYLM_PLUGIN_PATH": "", **(env or {})}
        return super().easylm(*arguments, code=code, env=own, program=self.program)

    def change(self, name, old, new):
        """Writes another plugin of the same size beside it, and renames it into its place."""
        file = self.plugins / name
        bytes_ = file.read_bytes()
        self.assertIn(old, bytes_)
        self.assertEqual(len(old), len(new))
        fresh = file.with_suffix(".new")
        fresh.write_bytes(bytes_.replace(old, new))
        fresh.chmod(0o755)
        fresh.rename(file)
        return file

    def test_a_locked_home_trains_as_before(self):
        self.assertIn("locked", self.easylm("plugins", "lock").stdout)
        self.easylm("run", "tiny.toml")
        shutil.move(self.lock, self.cwd / "aside.lock")
        free = self.easylm("run", "tiny.toml", "--set", 'run.name="free"').stdout
        self.assertTrue(free)
        losses = [[line["loss"] for line in self.metrics(name) if "loss" in line] for name in ("tiny", "free")]
        self.assertTrue(losses[0])
        self.assertEqual(*losses)

    def metrics(self, run):
        files = sorted((self.cwd / "runs").glob(f"{run}/**/*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]

    def test_a_lock_names_files_and_hashes_and_goes_away_again(self):
        self.assertNotIn("A lock is in force", self.easylm("plugins", "list").stdout)
        self.easylm("plugins", "lock")
        text = self.lock.read_text()
        self.assertRegex(text.splitlines()[0], r"^# Only these plugins .* --remove\.$")
        for plugin in sorted(self.plugins.iterdir()):
            self.assertIn(f'file = "{plugin}"\n', text)
            self.assertIn(hashlib.sha256(plugin.read_bytes()).hexdigest(), text)
        self.assertEqual([path.name for path in self.lock.parent.iterdir()], ["plugins.lock"], "nothing is left over")
        for verb in ("list", "doctor"):
            self.assertIn(f"A lock is in force: {self.lock} lists the", self.easylm("plugins", verb).stdout)
        self.assertIn(f"removed {self.lock}", self.easylm("plugins", "lock", "--remove").stdout)
        self.assertFalse(self.lock.exists())
        self.assertIn("there is no lock", self.easylm("plugins", "lock", "--remove").stdout)

    def test_a_changed_plugin_is_refused_until_it_is_locked_again(self):
        self.easylm("plugins", "lock")
        old = hashlib.sha256((self.plugins / "easylm_tracker_jsonl.so").read_bytes()).hexdigest()
        file = self.change("easylm_tracker_jsonl.so", b"version=0.1.0", b"version=0.1.1")
        new = hashlib.sha256(file.read_bytes()).hexdigest()
        done = self.easylm("run", "tiny.toml", code=1)
        for part in (new[:12], old[:12], str(file), f"`easylm --home {self.cwd}/runs plugins lock` again"):
            self.assertIn(part, done.stderr)
        entry = next(e for e in self.json("plugins", "list", "--json") if e["file"] == str(file))
        self.assertEqual(entry["status"], "refused")
        self.assertIn(new[:12], entry["reasons"][0])
        self.assertIn(new[:12], self.easylm("plugins", "doctor", code=1).stdout)
        self.easylm("plugins", "lock")
        self.easylm("run", "tiny.toml")

    def test_a_new_plugin_is_refused_and_can_not_take_a_name(self):
        self.easylm("plugins", "lock")
        early = self.plugins / "a_byte.so"
        shutil.copy(self.plugins / "easylm_tokenizer_byte.so", early)
        entries = {e["file"]: e for e in self.json("plugins", "list", "--json") if e["name"] == "byte"}
        self.assertEqual(entries[str(early)]["status"], "refused")
        self.assertIn("not among the locked plugins", entries[str(early)]["reasons"][0])
        self.assertEqual(entries[str(self.plugins / "easylm_tokenizer_byte.so")]["status"], "available")

    def test_doctor_misses_what_was_locked_and_is_gone(self):
        self.easylm("plugins", "lock")
        gone = self.plugins / "easylm_schedule_wsd.so"
        gone.unlink()
        self.assertIn(f"{gone} is locked and not there any more", self.easylm("plugins", "doctor", code=1).stdout)

    def test_a_broken_lock_is_an_error_of_every_command_until_it_is_renewed_or_removed(self):
        for mend in (("plugins", "lock"), ("plugins", "lock", "--remove")):
            self.easylm("plugins", "lock")
            self.lock.write_text(self.lock.read_text().replace("sha256", "sha257", 1))
            for verb in (["plugins", "list"], ["plugins", "doctor"], ["check", "tiny.toml"], ["run", "tiny.toml"]):
                done = self.easylm(*verb, code=2)
                self.assertIn(f"{self.lock}:7: the key 'sha257' is unknown", done.stderr)
                self.assertIn(f"`easylm --home {self.cwd}/runs plugins lock` writes it anew", done.stderr)
            self.easylm(*mend)
            self.easylm("check", "tiny.toml")

    def test_doctor_says_which_folder_should_hold_libtorch(self):
        for plugin in self.plugins.iterdir():
            if plugin.name not in ("easylm_optimizer_adamw.so", "easylm_tokenizer_byte.so"):
                plugin.unlink()
        for library in ("libeasylm_core.so.0", "libeasylm_tensor.so.0"):
            shutil.copy(BUNDLED.parents[1] / library, self.cwd / "lib")
        moved = {"LD_LIBRARY_PATH": str(self.cwd / "lib")}
        self.assertIn("2 plugins can be used.", self.easylm("plugins", "doctor", env=moved).stdout)
        tensor_half = self.cwd / "lib/libeasylm_tensor.so.0"
        tensor_half.write_bytes(tensor_half.read_bytes().replace(b"/torch/lib", b"/torch/lxb"))
        self.change("easylm_optimizer_adamw.so", b"/torch/lib", b"/torch/lxb")
        text = self.easylm("plugins", "doctor", code=1, env=moved).stdout
        self.assertIn("1 plugin can be used, 1 can't:", text)
        self.assertRegex(text, r"it needs lib(torch_cpu|c10)\.so, which is not in \S+/torch/lxb \(which isn't there\), ")
        self.assertRegex(text, r"run \./setup\.sh in the checkout .*: it puts LibTorch [0-9.]+ there")

    def test_version_says_what_a_bug_report_needs(self):
        facts = self.json("version", "--json")
        self.assertEqual(facts["plugin_folders"][0], str(self.plugins))
        self.assertTrue(pathlib.Path(facts["libtorch_folder"], "libtorch_cpu.so").exists(), facts["libtorch_folder"])
        self.assertEqual(facts["cores"], len(os.sched_getaffinity(0)))
        self.assertIn(platform.release(), facts["system"])
        self.assertIn("glibc " + platform.libc_ver()[1], facts["system"])
        self.assertNotIn("plugin_lock", facts)
        text = self.easylm("--version").stdout
        self.assertEqual(text, self.easylm("version").stdout)
        for key in ("build", "processor", "gpu", "system"):
            self.assertRegex(text, rf"(?m)^{key} +{re.escape(facts[key])}$")
        self.easylm("plugins", "lock")
        self.assertIn(str(self.lock), self.easylm("version").stdout)

    @unittest.skipUnless(FIXTURES, "no fixtures were built")
    def test_doctor_outlives_plugins_that_crash(self):
        for name in ("aborts", "undescribed"):
            shutil.copy(pathlib.Path(FIXTURES, f"fixture_{name}.so"), self.plugins)
        text = self.easylm("plugins", "doctor", code=1).stdout
        self.assertIn("the process that loaded it was killed by SIGABRT", text)
        self.assertIn("`objcopy --add-section .easylm.describe=OUT.json ", text)
        listed = self.json("plugins", "list", "--json")
        self.assertIn(("nothing", "available"), {(e["name"], e["status"]) for e in listed}, "nothing runs to be listed")


if __name__ == "__main__":
    unittest.main()
