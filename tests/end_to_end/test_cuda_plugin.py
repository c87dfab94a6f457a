"""The bundled plugin that needs a GPU, on a machine that has none: it loads whole, is listed, and says what it lacks."""
import ctypes
import multiprocessing
import os
import pathlib
import unittest

from easylm_cli import BIN, CliTest

PLUGIN = pathlib.Path(BIN).resolve().parents[1] / "lib/easylm/plugins/easylm_attention_bpt_cuda.so"
NO_DEVICE = "no CUDA device: "


def load(path):
    library = ctypes.CDLL(path, mode=os.RTLD_NOW | os.RTLD_LOCAL)  # every symbol is looked up at once
    entry = ctypes.c_uint32.in_dll(library, "easylm_plugin_v1")
    os._exit(0 if entry.value >= 16 else 1)


@unittest.skipUnless(PLUGIN.exists(), "built without nvcc")
@unittest.skipIf(os.path.exists("/dev/nvidiactl"), "this machine has an NVIDIA GPU")
class CudaPlugin(CliTest):
    def test_loads_whole_without_a_driver(self):
        process = multiprocessing.get_context("spawn").Process(target=load, args=(str(PLUGIN),))
        process.start()
        process.join()
        self.assertEqual(process.exitcode, 0)

    def test_is_listed_as_unavailable_with_the_reason(self):
        (entry,) = [e for e in self.json("plugins", "list", "--json") if e["name"] == "bpt_cuda"]
        self.assertEqual((entry["kind"], entry["status"]), ("attention", "unavailable"))
        (reason,) = entry["reasons"]
        self.assertTrue(reason.startswith(NO_DEVICE), reason)
        self.assertIn("unavailable: " + NO_DEVICE, self.easylm("plugins", "describe", "attention/bpt_cuda").stdout)
        self.assertIn(NO_DEVICE, self.easylm("plugins", "doctor").stdout)

    def test_is_refused_before_a_run(self):
        for verb in ("check", "run"):
            done = self.easylm(verb, "tiny.toml", "--set", 'model.attention="bpt_cuda"', code=2)
            text = done.stdout + done.stderr
            self.assertIn("attention 'bpt_cuda' can't be used here: " + NO_DEVICE, text)
            self.assertIn("hint: ", text)
        self.assertFalse((self.cwd / "runs").exists())

    def test_is_left_out_where_a_kernel_is_chosen(self):
        done = self.easylm("run", "tiny.toml", "--set", 'model.attention="auto"')
        self.assertNotIn("bpt_cuda", done.stdout + done.stderr)

    def test_its_exam_is_skipped_with_the_reason(self):
        report = self.json("plugins", "test", str(PLUGIN), "--json")
        verdicts = {r["component"]: {s["verdict"] for s in report["results"] if s["component"] == r["component"]}
                    for r in report["results"]}  # fmt: skip
        self.assertEqual(verdicts, {"file": {"passed"}, "attention/bpt_cuda": {"skipped"}})
        texts = {r["text"] for r in report["results"] if r["verdict"] == "skipped"}
        self.assertTrue(all(text.startswith(NO_DEVICE) for text in texts), texts)


if __name__ == "__main__":
    unittest.main()
