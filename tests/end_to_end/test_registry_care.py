"""Verifying, removing, importing and exporting versions, and a registry in each state that it can be in."""
import io
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import unittest

from easylm_cli import BIN, CliTest


class RegistryCare(CliTest):
    def setUp(self):
        super().setUp()
        self.easylm("run", "tiny.toml", "--set", "checkpoint.keep_last=0")
        self.newest = self.cwd / self.easylm("registry", "path", "tiny").stdout.strip()

    def flip(self, file, offset):
        data = bytearray(file.read_bytes())
        data[offset] ^= 0x10
        file.write_bytes(data)

    def uris(self):
        return [version["uri"] for version in self.json("registry", "list", "--json")]

    def refused(self, *arguments, says, code=1):
        done = self.easylm(*arguments, code=code)
        for text in says:
            self.assertIn(text, done.stderr)
        self.assertEqual(done.stderr.count("error:"), 1, done.stderr)
        return done

    # --- verify ---

    def test_verify_names_the_file_and_the_tensor(self):
        self.assertIn("3 versions", self.easylm("registry", "verify", "--all", "--full").stdout)
        weights = self.newest / "model.safetensors"
        header = int.from_bytes(weights.read_bytes()[:8], "little")
        tensors = json.loads(weights.read_bytes()[8:8 + header])
        offsets = tensors["model.layers.1.mlp.up_proj.weight"]["data_offsets"]
        self.flip(weights, 8 + header + offsets[1] - 1)
        found = self.easylm("registry", "verify", "tiny", code=1).stdout
        self.assertIn("tiny:3: model.safetensors is damaged in tensor 'model.layers.1.mlp.up_proj.weight'", found)
        report = json.loads(self.easylm("registry", "verify", "--all", "--json", code=1).stdout)
        self.assertEqual([finding["tensor"] for finding in report["findings"]], ["model.layers.1.mlp.up_proj.weight"])
        self.easylm("registry", "verify", "tiny:1", "tiny:2")

    def test_verify_asks_what_to_verify(self):
        self.refused("registry", "verify", code=2, says=["--all"])
        self.refused("registry", "verify", "tiny:77", says=["tiny:77"])

    # --- rm and gc ---

    def test_rm_says_why_not_and_removes_the_rest(self):
        with sqlite3.connect(self.cwd / "runs/registry.sqlite") as registry:
            registry.execute("INSERT INTO tags SELECT id, 'keep', '' FROM versions WHERE version = 2")
        registry.close()
        self.refused("registry", "rm", "tiny:1", "tiny:2", says=["tiny:2 can't be removed", "'keep'"])
        self.assertEqual(self.uris(), ["tiny:1", "tiny:2", "tiny:3"])
        self.assertIn("would remove tiny:1", self.easylm("registry", "rm", "tiny:1", "--dry-run").stdout)
        self.assertEqual(len(self.uris()), 3)
        self.easylm("registry", "rm", "tiny:1")
        self.assertEqual(self.uris(), ["tiny:2", "tiny:3"])
        self.assertFalse((self.newest.parent / "v000001").exists())

    def test_rm_leaves_what_another_process_reads(self):
        holder = subprocess.Popen(["flock", "--shared", self.newest, "sh", "-c", "echo held; read x"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(holder.communicate)
        holder.stdout.readline()
        self.refused("registry", "rm", "tiny:3", says=["another process uses it"])

    def test_gc_sweeps_says_how_much_and_keeps_the_rest(self):
        half = self.newest.parent / "step-9.tmp-1999999999"
        half.mkdir()
        (half / "x").write_bytes(b"x" * 1000)
        self.assertIn("1.0 kB would be freed", self.easylm("registry", "gc", "--dry-run").stdout)
        self.assertTrue(half.exists())
        self.assertIn("1.0 kB freed", self.easylm("registry", "gc").stdout)
        self.assertFalse(half.exists())
        report = json.loads(self.easylm("registry", "gc", "--keep-last", "1", "--name", "tiny", "--json").stdout)
        self.assertEqual([v["uri"] for v in report["versions"]], ["tiny:2", "tiny:1"])
        self.assertEqual(self.uris(), ["tiny:3"])
        self.refused("registry", "gc", "--keep-last", "1", code=2, says=["--name"])
        shutil.rmtree(self.newest)
        self.assertIn("tiny:3 has lost its folder", self.easylm("registry", "gc", code=1).stdout)

    # --- import and export ---

    def test_a_tar_verifies_itself_and_comes_back_whole(self):
        self.easylm("registry", "export", "tiny", "a.tar")
        self.easylm("registry", "export", "tiny:3", "b.tar")
        self.assertEqual((self.cwd / "a.tar").read_bytes(), (self.cwd / "b.tar").read_bytes())
        self.refused("registry", "export", "tiny", "a.tar", says=["there already"])
        (self.cwd / "unpacked").mkdir()
        subprocess.run(["tar", "xf", "../a.tar"], cwd=self.cwd / "unpacked", check=True)
        subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=self.cwd / "unpacked", check=True)
        uris = [self.easylm("registry", "import", source, "copy", "--tag", "by=me").stdout.strip()
                for source in ("a.tar", "unpacked")]
        self.assertEqual(uris, ["copy:1", "copy:2"])
        first, origin = (self.json("registry", "show", uri, "--json") for uri in ("copy:1", "tiny:3"))
        for key in ("step", "tokens", "stage", "dataset", "format"):
            self.assertEqual(first[key], origin[key], key)
        self.assertEqual(first["tags"], {"by": "me"})
        self.easylm("registry", "verify", "--all", "--full")
        said = [self.easylm("generate", ref, "--prompt", "the ", "--max-new-tokens", "4").stdout
                for ref in ("copy:1", "tiny:3")]
        self.assertEqual(said[0], said[1])

    def test_an_exported_folder_is_a_hugging_face_directory_and_comes_back(self):
        self.easylm("registry", "export", "tiny", "folder")
        shutil.rmtree(self.cwd / "folder/easylm")
        (self.cwd / "folder/model.safetensors").rename(self.cwd / "blob")
        (self.cwd / "folder/model.safetensors").symlink_to("../blob")  # as Hugging Face's cache has it
        (self.cwd / "folder/.gitattributes").write_text("x")
        self.easylm("registry", "import", "folder", "hf")
        shown = self.json("registry", "show", "hf:1", "--json")
        self.assertEqual((shown["step"], shown["stage"]), (0, "import"))
        self.assertNotIn(".gitattributes", [file["path"] for file in shown["files"]])
        self.assertTrue((self.cwd / "blob").exists())
        self.assertFalse((self.cwd / shown["path"] / "model.safetensors").is_symlink())

    def test_an_export_of_a_damaged_version_fails_and_leaves_nothing(self):
        self.flip(self.newest / "config.json", 3)
        for target in ("x.tar", "x"):
            self.refused("registry", "export", "tiny", target, says=["config.json", "not what was saved"])
        self.assertEqual([p.name for p in self.cwd.iterdir() if "x" in p.name and "txt" not in p.name], [])

    def test_hostile_and_damaged_archives_are_refused(self):
        def entry(name, kind=tarfile.REGTYPE, size=1, link=""):
            info = tarfile.TarInfo(name)
            info.type, info.size, info.linkname = kind, size, link
            return info
        for info, word in ((entry("../outside"), "leave the folder"), (entry("/absolute"), "leave the folder"),
                           (entry("link", tarfile.SYMTYPE, 0, "/etc/passwd"), "link"),
                           (entry("hard", tarfile.LNKTYPE, 0, "/etc/passwd"), "link"),
                           (entry("pipe", tarfile.FIFOTYPE, 0), "device"), (entry("a/../../b"), "leave the folder")):
            with tarfile.open(self.cwd / "bad.tar", "w") as tar:
                tar.addfile(info, io.BytesIO(b"x"))
            self.refused("registry", "import", "bad.tar", "bad", says=["bad.tar", word])
        huge = entry("huge", size=1 << 50).tobuf(tarfile.GNU_FORMAT)
        (self.cwd / "bad.tar").write_bytes(huge + b"\0" * 1024)
        self.refused("registry", "import", "bad.tar", "bad", says=["huge", "more bytes"])
        with tarfile.open(self.cwd / "bad.tar", "w") as tar:
            for _ in range(2):
                tar.addfile(entry("twice"), io.BytesIO(b"x"))
        self.refused("registry", "import", "bad.tar", "bad", says=["twice"])
        self.easylm("registry", "export", "tiny", "good.tar")
        good = (self.cwd / "good.tar").read_bytes()
        for damaged in (good[:70000], good[:600], b"", b"no tar at all " * 100, good[:30000] + b"!" + good[30001:]):
            (self.cwd / "bad.tar").write_bytes(damaged)
            self.refused("registry", "import", "bad.tar", "bad", says=["bad.tar"])
        self.assertEqual(self.uris(), ["tiny:1", "tiny:2", "tiny:3"])
        self.assertFalse((self.cwd / "outside").exists() or (self.cwd / "b").exists())
        left = [p.name for p in (self.cwd / "runs/checkpoints/bad").iterdir()]
        self.assertEqual(left, [])

    def test_what_is_no_model_is_not_imported(self):
        (self.cwd / "empty").mkdir()
        self.refused("registry", "import", "empty", "x", says=["no installed checkpoint format"])
        self.refused("registry", "import", "nowhere", "x", says=["nowhere"])
        self.refused("registry", "import", "tiny.toml", "x", says=["neither a folder nor"])
        self.refused("registry", "import", "empty", "../x", code=2, says=["can't name a version"])
        self.assertEqual(self.uris(), ["tiny:1", "tiny:2", "tiny:3"])

    # --- the registry's file ---

    def test_a_newer_a_foreign_and_a_cut_registry(self):
        file = self.cwd / "runs/registry.sqlite"
        with sqlite3.connect(file) as registry:
            registry.execute("PRAGMA user_version = 99")
        registry.close()
        self.refused("registry", "list", says=["newer EasyLM", "99"])
        self.refused("run", "tiny.toml", says=["newer EasyLM"])
        file.write_bytes(b"SQLite format 3\0" + b"\xff" * 300)
        self.refused("registry", "list", says=[str(file)])

    def test_a_locked_registry_names_the_process(self):
        holder = sqlite3.connect(self.cwd / "runs/registry.sqlite", isolation_level=None)
        self.addCleanup(holder.close)
        holder.execute("BEGIN IMMEDIATE")
        self.refused("registry", "rm", "tiny:1", says=["is locked by process %d" % os.getpid()])

    def read_only(self, script):
        """Runs `script` where runs/ is a read-only mount; skips if that can't be had."""
        mount = "mount --bind runs runs && mount -o remount,ro,bind runs && "
        tried = subprocess.run(["unshare", "-rm", "sh", "-c", mount + "! touch runs/x 2>&-"], cwd=self.cwd,
                               capture_output=True, text=True, check=False)
        if tried.returncode != 0:
            self.skipTest("no read-only mount can be made here: " + tried.stderr.strip())
        return subprocess.run(["unshare", "-rm", "sh", "-c", mount + script], cwd=self.cwd, capture_output=True,
                              text=True, timeout=120, check=False)

    def test_a_read_only_home_can_be_read_and_says_so_when_written(self):
        listed = self.read_only(f"{BIN} registry list --json")
        self.assertEqual(listed.returncode, 0, listed.stderr)
        self.assertEqual(len(json.loads(listed.stdout)), 3)
        self.assertEqual(self.read_only(f"{BIN} registry verify --all").returncode, 0)
        refused = self.read_only(f"{BIN} registry rm tiny:1")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("read-only", refused.stderr)
        self.assertEqual(refused.stderr.count("error:"), 1)


if __name__ == "__main__":
    unittest.main()
