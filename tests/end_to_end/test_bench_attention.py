"""`easylm bench attention` and `easylm bench context`, on work so small that only what they say is tested."""
import csv
import json
import signal
import subprocess
import time
import unittest
import xml.dom.minidom

from easylm_cli import BIN, SENTENCE, CliTest

SMALL = ("--lengths", "16,40", "--head-dims", "16", "--threads", "1", "--set", "rounds=2", "--set", "heads=2")


class BenchAttention(CliTest):
    def attention(self, *arguments, **options):
        return self.easylm("bench", "attention", *SMALL, *arguments, **options)

    def test_prints_a_table_and_writes_figures_and_picture(self):
        done = self.attention("--kernels", "reference,bpt", "--csv", "a.csv", "--svg", "a.svg")
        self.assertRegex(done.stdout, r"^2 heads, batch 1, causal, 1 thread; peak \S+ GFLOP/s in fp32\n")
        self.assertEqual(done.stdout.count("| reference |"), 4)
        rows = list(csv.DictReader((self.cwd / "a.csv").read_text().splitlines()))
        self.assertEqual({(row["kernel"], row["length"], row["pass"]) for row in rows},
                         {(kernel, length, which) for kernel in ("reference", "bpt") for length in ("16", "40")
                          for which in ("forward", "forward_backward")})
        for row in rows:
            self.assertGreater(float(row["seconds"]), 0)
            self.assertGreater(float(row["share_of_peak"]), 0)
            self.assertGreaterEqual(int(row["rounds"]), int(row["disturbed"]))
        picture = xml.dom.minidom.parse(str(self.cwd / "a.svg")).toxml()
        for title in ("GFLOP/s, forward (", "peak memory in MB, forward and backward ("):
            self.assertIn(title, picture)
        self.assertFalse((self.cwd / "runs").exists())

    def test_says_the_same_as_json(self):
        said = json.loads(self.attention("--kernels", "bpt", "--dtypes", "fp32,bf16", "--passes", "forward",
                                         "--json").stdout)
        self.assertEqual([(f["dtype"], f["length"]) for f in said["figures"]],
                         [("fp32", 16), ("fp32", 40), ("bf16", 16), ("bf16", 40)])
        self.assertGreater(said["peak_flops_per_second"]["fp32"], 1e9)

    def test_a_kernel_that_cannot_says_why(self):
        self.assertRegex(self.attention("--kernels", "reference,bpt", "--dtypes", "fp16").stdout,
                         r"\| bpt +\| fp16 .*\|[^|]*[a-z]{4}[^|]*\|\n")

    def test_the_preset_compares_lengths_by_their_rates(self):
        done = self.easylm("bench", "attention", "--preset", "easylm", "--kernels", "reference@24,bpt@48", "--threads",
                           "1", "--set", "heads=2", "--json")
        figures = json.loads(done.stdout)["figures"]
        self.assertEqual([(f["kernel"], f["length"], f["head_dim"]) for f in figures],
                         [("reference", 24, 128), ("bpt", 48, 128)] * 2)
        self.assertEqual(figures[0]["ratio"], 1)

    def test_one_clear_error_for_bad_input(self):
        for arguments, said in ((("--kernels", "refrence"), "did you mean 'reference'?"),
                                (("--lengths", "0"), "must be at least 1, not 0"),
                                (("--kernels", "bpt@0"), "'bpt@0' names no kernel"),
                                (("--dtypes", "fp31"), "did you mean 'fp32'?"),
                                (("--preset", "eazylm"), "did you mean 'easylm'?"),
                                (("--set", "key_value_heads=3"), "can't share 3 heads"),
                                (("--kernel", "bpt", "--what"), "unrecognised option")):
            done = self.easylm("bench", "attention", *arguments, code=2)
            self.assertIn(said, done.stderr)
            self.assertEqual(done.stdout, "")

    def test_as_a_stage_it_leaves_its_files_in_the_runs_folder(self):
        self.write("bench.toml", """
[run]
name = "bench-of-attention"
device = "cpu"
threads = 1

[[stage]]
type = "benchmark_attention"
kernels = ["bpt"]
lengths = [16]
rounds = 1
""")
        self.easylm("run", "bench.toml")
        folder = self.cwd / "runs/bench-of-attention/latest"
        self.assertTrue({"benchmark_attention.md", "benchmark_attention.csv", "benchmark_attention.json",
                         "benchmark_attention.svg"} <= {file.name for file in folder.iterdir()})


class BenchContext(CliTest):
    def setUp(self):
        super().setUp()
        self.write("train.txt", SENTENCE * 400)

    def context(self, *arguments, **options):
        return self.easylm("bench", "context", "tiny.toml", *arguments, **options)

    def folder_of_bench(self):
        return next((self.cwd / "runs/bench").iterdir())

    def test_finds_where_memory_ends_and_leaves_table_picture_and_trials(self):
        """The reference keeps every pair of tokens, so 100 MB beyond what a run needs at all end it."""
        done = self.context("--memory", "220MiB", "--step", "256", "--most", "8192", "--at", "512", "--json",
                            "--variant", "reference: model.attention=reference", "--variant",
                            "bpt: model.attention=bpt, stage.train.recompute=blocks")
        said = json.loads(done.stdout)
        self.assertEqual(said["enforced_by"], "RLIMIT_DATA")
        reference, bpt = said["variants"]
        self.assertEqual(reference["limited_by"], "memory")
        self.assertGreaterEqual(reference["longest"], 256)
        self.assertLessEqual(reference["beyond"] - reference["longest"], 256)
        self.assertGreater(bpt["longest"], 2 * reference["longest"])
        self.assertAlmostEqual(bpt["ratio"], bpt["longest"] / reference["longest"])
        self.assertEqual(len(bpt["common_rounds"]), 3)
        folder = self.folder_of_bench()
        self.assertIn("| bpt ", (folder / "table.md").read_text())
        self.assertIn("microseconds a token", xml.dom.minidom.parse(str(folder / "context.svg")).toxml())
        log = (folder / f"reference-{reference['beyond']}.log").read_text()
        self.assertRegex(log.lower(), "out of memory|allocate memory|bad_alloc")
        self.assertIn("sequence_length = 512", (folder / "bpt-512.toml").read_text())
        self.assertFalse((folder / "trial").exists())
        self.assertFalse((self.cwd / "runs/registry.sqlite").exists())

    def test_a_warmup_may_be_longer_than_a_trial(self):
        schedule = 'optimizer.schedule={type="warmup_cosine", warmup_steps=50, peak=1e-3}'
        said = json.loads(self.context("--memory", "1GiB", "--most", "512", "--at", "512", "--json", "--variant",
                                       f"bpt: {schedule}").stdout)
        variant, = said["variants"]
        self.assertEqual(variant["longest"], 512, variant)
        self.assertEqual(len(variant["common_rounds"]), 3)

    def test_a_failure_that_is_not_memory_ends_a_search_as_a_failure(self):
        self.write("train.txt", "")
        done = self.context("--memory", "1GiB", "--at", "0", "--variant", "bpt: model.attention=bpt", code=1)
        self.assertRegex(done.stdout, r"\| bpt +\| +0 \| failure +\| +512 \| 512 tokens: [^|]*train\.txt")

    def test_what_takes_too_long_is_said(self):
        done = self.context("--memory", "1GiB", "--patience", "0.01", "--at", "0", "--variant",
                            "bpt: model.attention=bpt", code=2)
        self.assertIn("not even 512 tokens were trained within --patience", done.stderr)
        self.assertRegex(done.stdout, r"\| bpt +\| +0 \| time +\| +512 \|")

    def test_one_clear_error_for_bad_input(self):
        for arguments, said in ((("--memory", "lots"), "'lots' is no amount of memory"),
                                (("--memory", "0"), "is impossible"),
                                (("--memory", "900TiB"), "no amount of memory"),
                                (("--memory", "900000GiB"), "is impossible"),
                                (("--memory", "1GiB", "--step", "0"), "--step must be at least 1"),
                                (("--memory", "1GiB", "--variant", "x"), "'x' is no variant"),
                                (("--memory", "1GiB", "--variant", "x: model.attention=bpd"), "did you mean 'bpt'?"),
                                (("--memory", "16MiB", "--at", "0", "--variant", "x: model.attention=bpt"),
                                 "not even 512 tokens fit")):
            self.assertIn(said, self.context(*arguments, code=2).stderr)

    def test_a_signal_stops_it_and_leaves_no_process(self):
        bench = subprocess.Popen([BIN, "bench", "context", "tiny.toml", "--memory", "1GiB"], cwd=self.cwd, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(bench.kill)
        end = time.monotonic() + 60
        while not list(self.cwd.glob("runs/bench/*/*.log")):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)
        bench.send_signal(signal.SIGINT)
        said = bench.communicate(timeout=60)[0]
        self.assertEqual(bench.returncode, 130, said)
        self.assertIn("stopped before the longest sequences were found", said)


if __name__ == "__main__":
    unittest.main()
