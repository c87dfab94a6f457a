"""convert, diff, apply, verify-export, inspect and version, on a version that was trained and on files made here."""
import json
import os
import resource
import signal
import struct
import subprocess
import tempfile
import time
import unittest

from easylm_cli import BIN, CliTest

MEBI = 1 << 20


def read_tensors(folder):
    """name → (dtype, shape, bytes) of every safetensors file in FOLDER."""
    tensors = {}
    for path in sorted(folder.glob("*.safetensors")):
        data = path.read_bytes()
        size = struct.unpack("<Q", data[:8])[0]
        for name, entry in json.loads(data[8:8 + size]).items():
            if name != "__metadata__":
                begin, end = entry["data_offsets"]
                tensors[name] = (entry["dtype"], entry["shape"], data[8 + size + begin:8 + size + end])
    return tensors


def write_sparse(path, tensors):
    """A safetensors file of zeros that takes no space on disk; TENSORS: name → rows of 1024 F32."""
    header, at = {}, 0
    for name, rows in tensors.items():
        header[name] = {"dtype": "F32", "shape": [rows, 1024], "data_offsets": [at, at + rows * 4096]}
        at += rows * 4096
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + at)


class Moving(CliTest):
    """Tests beside one trained version, tiny:3."""

    @classmethod
    def setUpClass(cls):
        cls.trained = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.trained.cleanup)
        cls.home = os.path.join(cls.trained.name, "runs")
        case = CliTest()
        case.setUp()
        try:
            case.easylm("--home", cls.home, "run", "tiny.toml")
        finally:
            case.doCleanups()

    def on(self, *arguments, code=0, **more):
        return self.easylm("--home", self.home, *arguments, code=code, **more)

    def names(self):
        return sorted(os.listdir(self.cwd))

    def version(self, reference="tiny"):
        return self.cwd / self.on("registry", "path", reference).stdout.strip()

    def expect_refused(self, *arguments, says, code):
        before = self.names()
        done = self.on(*arguments, code=code)
        self.assertIn(says, done.stderr)
        self.assertEqual(len([line for line in done.stderr.splitlines() if line.startswith("error:")]), 1, done.stderr)
        self.assertEqual(self.names(), before, "something was left behind")


class Convert(Moving):
    def test_there_and_back_every_tensor_has_the_same_bytes(self):
        self.on("convert", "tiny", "hf", "--to", "hf", "--set", "max_shard_size=20000")
        self.assertGreater(len(list((self.cwd / "hf").glob("model-*.safetensors"))), 1)
        self.on("convert", "./hf", "back", "--to", "safetensors")
        self.assertEqual(read_tensors(self.cwd / "back"), read_tensors(self.version()))
        for name in ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"):
            self.assertEqual(json.loads((self.cwd / "back" / name).read_text()),
                             json.loads((self.version() / name).read_text()), name)
        self.assertFalse((self.cwd / "back/easylm").exists())

    def test_the_report_says_what_was_mapped_and_that_nothing_is_missing(self):
        report = json.loads(self.on("convert", "tiny", "half", "--to", "hf", "--dtype", "f16", "--json").stdout)
        self.assertTrue(report["checked"])
        self.assertEqual(report["left_out"], [])
        self.assertEqual({t["to"] for t in report["tensors"]}, {"f16"})
        self.assertEqual({t["from"] for t in report["tensors"]}, {"f32"})
        self.assertIn("tokenizer.json", report["files"])
        self.assertEqual(json.loads((self.cwd / "half/config.json").read_text())["torch_dtype"], "float16")
        text = self.on("convert", "tiny", "made/for/this", "--to", "hf").stdout
        self.assertIn("model.layers.1.mlp.up_proj.weight", text)
        self.assertIn("none missing", text)

    def test_a_tensor_that_is_missing_is_named_and_nothing_is_written(self):
        self.on("convert", "tiny", "hf", "--to", "hf")
        data = (self.cwd / "hf/model.safetensors").read_bytes()
        (self.cwd / "hf/model.safetensors").write_bytes(data.replace(b'"model.norm.weight"', b'"model.nurm.weight"'))
        self.expect_refused("convert", "./hf", "out", "--to", "hf", says="model.norm.weight is missing", code=1)
        self.expect_refused("convert", "./hf", "out", "--to", "hf", says="model.nurm.weight is in the file", code=1)
        shown = self.on("inspect", "./hf").stdout
        self.assertIn("model.norm.weight is missing", shown)

    def test_a_file_without_a_configuration_is_given_one(self):
        (self.cwd / "bare").mkdir()
        (self.cwd / "bare/model.safetensors").write_bytes((self.version() / "model.safetensors").read_bytes())
        self.on("convert", "./bare", "whole", "--to", "hf", "--config", str(self.version() / "config.json"))
        self.on("diff", "tiny", "./whole")
        self.expect_refused("convert", "./bare", "out", "--to", "hf", "--config", "llama_7b", says="does not fit", code=1)
        self.expect_refused("convert", "./bare", "out", "--to", "hf", "--config", "llama_7c", says="nor a preset", code=1)
        self.on("verify-export", "tiny", "./bare", "--tolerance", "0")

    def test_a_format_is_found_by_how_its_name_begins(self):
        self.on("convert", "tiny", "stream", "--to", "easylm")
        self.assertTrue((self.cwd / "stream/model.stream").exists())
        self.expect_refused("convert", "tiny", "out", "--to", "easy", says="there is no checkpoint 'easy'", code=1)

    def test_what_can_not_be_done_is_one_sentence_and_leaves_nothing(self):
        self.on("convert", "tiny", "hf", "--to", "hf")
        for arguments, says, code in (
                (("./hf", "hf", "--to", "hf"), "is what is to be read", 2),
                (("tiny", "hf", "--to", "hf"), "is there already", 2),
                (("./hf", "hf/inner", "--to", "hf"), "lies within", 2),
                (("tiny", "tiny.toml/out", "--to", "hf"), "mkdir failed: File exists", 1),
                (("tiny", "/proc/out", "--to", "hf"), "mkdir failed", 1),
                (("tiny", "out.safetensors", "--to", "hf"), "would be one file", 2),
                (("tiny", "out", "--to", "no_such_format"), "there is no checkpoint 'no_such_format'", 1),
                (("tiny", "out", "--to", "hf", "--dtype", "int4"), "no element type", 2),
                (("tiny", "out", "--to", "hf", "--quantize", "q8_0"), "unknown key 'quantize'", 2),
                (("no_such_model", "out", "--to", "hf"), "no_such_model", 1)):
            with self.subTest(arguments=arguments):
                self.expect_refused("convert", *arguments, says=says, code=code)

    def test_a_disk_that_is_full_leaves_nothing(self):
        write_sparse(self.cwd / "large.safetensors", {"w": 16 * 1024})
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (MEBI, MEBI))
        done = subprocess.run([BIN, "convert", "large.safetensors", "out", "--to", "hf"], cwd=self.cwd, text=True,
                              capture_output=True, preexec_fn=limit, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("File too large", done.stderr)
        self.assertFalse([name for name in self.names() if "out" in name])

    def test_a_signal_leaves_nothing_and_the_same_command_works_afterwards(self):
        write_sparse(self.cwd / "large.safetensors", {f"w{i}": 8 * 1024 for i in range(16)})  # 512 MiB
        command = [BIN, "convert", "large.safetensors", "out", "--to", "hf", "--dtype", "bf16"]
        for how, code in ((signal.SIGTERM, 75), (signal.SIGINT, 130)):
            run = subprocess.Popen(command, cwd=self.cwd, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            while not any(name.startswith(".out") for name in self.names()):
                time.sleep(0.001)
            run.send_signal(how)
            said = run.communicate(timeout=60)[1]
            self.assertEqual(run.returncode, code, said)
            self.assertIn("nothing was written", said)
            self.assertFalse([name for name in self.names() if "out" in name])
        run = subprocess.Popen(command, cwd=self.cwd, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        while not any(name.startswith(".out") for name in self.names()):
            time.sleep(0.001)
        run.kill()
        run.wait()
        self.assertNotIn("out", self.names())
        subprocess.run(command, cwd=self.cwd, check=True, capture_output=True)
        self.assertEqual([name for name in self.names() if "out" in name], ["out"])

    def test_memory_is_that_of_a_few_slices_whatever_the_size(self):
        write_sparse(self.cwd / "large.safetensors", {"one": 64 * 1024, "two": 64 * 1024})  # 256 MiB each
        write_sparse(self.cwd / "other.safetensors", {"one": 64 * 1024, "two": 64 * 1024})
        with open(self.cwd / "other.safetensors", "r+b") as file:
            file.seek(-4, os.SEEK_END)
            file.write(b"\0\0\x80\x3f")
        def limit():  # of private memory: a mapped file doesn't count
            resource.setrlimit(resource.RLIMIT_DATA, (160 * MEBI, 160 * MEBI))
        mapped = 512 * MEBI
        for command, maps in ((("convert", "large.safetensors", "out", "--to", "hf", "--dtype", "f16"), 1),
                              (("diff", "large.safetensors", "other.safetensors", "-o", "delta"), 2),
                              (("apply", "large.safetensors", "delta", "-o", "again"), 3)):
            done = subprocess.run([BIN, *command], cwd=self.cwd, capture_output=True, text=True, preexec_fn=limit,
                                  check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024  # of all so far, the largest
            self.assertLess(peak, maps * mapped + 160 * MEBI, command)
        self.assertTrue((self.cwd / "again/model.safetensors").read_bytes()[-4:] == b"\0\0\x80\x3f")

    def test_stages_convert_what_a_pipeline_trained_and_verify_it(self):
        text = (self.cwd / "tiny.toml").read_text()
        head = text[:text.index("[[stage]]\ntype = \"evaluate\"")].replace("steps = 30", "steps = 2")
        self.write("export.toml", head + '[[stage]]\ntype = "convert"\npath = "exported"\n'
                   'format = { type = "hf", max_shard_size = 20000 }\n[[stage]]\ntype = "verify_export"\n'
                   'tokenizer_a = "byte"\ntokenizer_b = "byte"\ntolerance = 0\n')
        said = self.easylm("run", "export.toml").stdout
        self.assertIn("none missing", said)
        self.assertRegex(said, "logits +same")
        self.assertEqual({tensor[0] for tensor in read_tensors(self.cwd / "exported").values()}, {"F32"})
        self.easylm("generate", "./exported", "--prompt", "the ", "--max-new-tokens", "2", "--tokenizer", "byte")


class Diff(Moving):
    def test_says_by_its_exit_code_whether_anything_differs(self):
        self.on("convert", "tiny", "same", "--to", "hf")
        self.on("convert", "tiny", "half", "--to", "hf", "--dtype", "bf16")
        self.assertIn("0 differ; so are", self.on("diff", "tiny", "./same").stdout)
        report = json.loads(self.on("diff", "tiny", "./half", "--json", code=1).stdout)
        self.assertFalse(report["same"])
        self.assertEqual([key["name"] for key in report["config"]], ["torch_dtype"])
        largest = max(tensor["max_abs"] for tensor in report["changed"])
        self.assertTrue(0 < largest < 0.02, largest)
        self.assertTrue(all(tensor["cosine"] > 0.999 for tensor in report["changed"]))
        self.on("diff", "tiny", "./nothing", code=2)

    def test_of_two_versions_names_the_tensors(self):
        text = self.on("diff", "tiny:2", "tiny:3", code=1).stdout
        self.assertIn("model.embed_tokens.weight", text)
        self.assertIn("COSINE", text)

    def test_a_delta_gives_the_target_back_and_refuses_another_base(self):
        self.on("diff", "tiny:2", "tiny:3", "-o", "delta")
        report = json.loads(self.on("apply", "tiny:2", "delta", "-o", "again", "--json").stdout)
        self.assertTrue(report["exact"])
        self.assertEqual(read_tensors(self.cwd / "again"), read_tensors(self.version("tiny:3")))
        self.on("diff", "tiny:3", "./again")
        self.expect_refused("apply", "tiny:3", "delta", "-o", "more", says="is not the model that the delta was made from",
                            code=2)
        self.expect_refused("apply", "tiny:2", "delta", "-o", "again", says="is there already", code=2)
        self.expect_refused("diff", "tiny:2", "tiny:3", "-o", "delta", says="is there already", code=2)
        self.expect_refused("diff", "tiny:2", "tiny:3", "--arithmetic", says="--arithmetic",
                            code=2)

    def test_in_fp32_if_asked_to(self):
        self.on("diff", "tiny:2", "tiny:3", "-o", "delta", "--arithmetic")
        self.assertEqual({tensor[0] for tensor in read_tensors(self.cwd / "delta").values()}, {"F32"})
        self.on("apply", "tiny:2", "delta", "-o", "again")
        report = json.loads(self.on("diff", "tiny:3", "./again", "--json", code=None).stdout)
        self.assertTrue(all(tensor["max_abs"] < 1e-6 for tensor in report["changed"]), report)


class VerifyExport(Moving):
    def test_a_conversion_is_the_same_and_another_version_is_not(self):
        self.on("convert", "tiny", "hf", "--to", "hf")
        done = self.on("verify-export", "tiny", "./hf", "--tolerance", "0")
        lines = done.stdout.splitlines()
        self.assertEqual([line.split()[:2] for line in lines],
                         [["ids", "same"], ["logits", "same"], ["greedy", "same"]], done.stdout)
        done = self.on("verify-export", "tiny:2", "tiny:3", "--json", code=1)
        report = json.loads(done.stdout)
        self.assertTrue(report["ids"]["same"])
        self.assertFalse(report["logits"]["same"])
        self.assertGreater(report["logits"]["max"], report["logits"]["tolerance"])
        self.assertIn("not the same", done.stderr)

    def test_rounding_is_within_a_bound_that_is_said(self):
        self.on("convert", "tiny", "half", "--to", "hf", "--dtype", "f16")
        self.write("text.txt", "the quick brown fox\n" * 50)
        arguments = ("verify-export", "tiny", "./half", "--tokenizer", "byte", "--text", "text.txt", "--prompt", "the ")
        self.on(*arguments, "--tolerance", "0.05", code=None)
        report = json.loads(self.on(*arguments, "--tolerance", "0.05", "--json", code=None).stdout)
        self.assertTrue(report["logits"]["same"], report)
        self.assertEqual(report["ids"]["tokens"], 1000)
        self.on(*arguments, "--tolerance", "1e-9", code=1)


class Inspect(Moving):
    def test_shows_versions_folders_and_files_with_totals(self):
        self.on("convert", "tiny", "hf", "--to", "hf")
        for place in ("tiny", "./hf", "hf/model.safetensors"):
            info = json.loads(self.on("inspect", place, "--json").stdout)
            self.assertEqual(info["totals"], [{"dtype": "f32", "tensors": 21, "numbers": info["totals"][0]["numbers"],
                                               "bytes": 4 * info["totals"][0]["numbers"]}])
            self.assertEqual(info["model"], ["every tensor of the model is there"])
        write_sparse(self.cwd / "bare.safetensors", {"w": 1})
        self.assertIn("not compared with a model", self.on("inspect", "bare.safetensors").stdout)

    def test_version_says_what_this_is(self):
        facts = json.loads(self.easylm("version", "--json").stdout)
        self.assertIn("llama", facts["components"]["model"])
        self.assertIn("hf", facts["components"]["checkpoint"])
        text = self.easylm("version").stdout
        self.assertIn(facts["easylm"], text)
        self.assertIn(facts["libtorch"], text)


if __name__ == "__main__":
    unittest.main()
