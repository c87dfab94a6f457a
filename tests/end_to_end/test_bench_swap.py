"""Comparisons of components: what the table says, what lands in the registry, and that nothing is left behind."""
import json
import os
import pathlib
import signal
import subprocess
import time
import unittest
import xml.dom.minidom

from easylm_cli import BIN, TINY, CliTest

ENDLESS = ("--steps", "1000000", "--slice", "0.2")


class BenchSwap(CliTest):
    def swap(self, vary, *arguments, **options):
        return self.easylm("bench", "swap", "tiny.toml", "--vary", vary, "--slice", "0.1", *arguments, **options)

    def folder_of_bench(self):
        folders = list((self.cwd / "runs/bench").iterdir())
        self.assertEqual(len(folders), 1)
        return folders[0]

    def losses(self, run):
        lines = (self.cwd / run / "latest/metrics.jsonl").read_text().splitlines()
        return [(line["step"], line["loss"]) for line in map(json.loads, lines)
                if "loss" in line and line["stage"] == "train"]

    def processes(self):
        """Those whose command line names this test's folder."""
        found = []
        for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if str(self.cwd) in entry.read_text():
                    found.append(int(entry.parent.name))
            except OSError:
                pass
        return found

    def wait_until(self, condition, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, condition)
            time.sleep(0.02)

    def start_endless(self):
        """A comparison of which both variants have begun to train."""
        def training():
            return sum(file.stat().st_size > 0 for file in self.cwd.glob("runs/tiny-*/2*/metrics.jsonl"))

        before = training()
        bench = subprocess.Popen([BIN, "bench", "swap", "tiny.toml", "--vary", "optimizer=adamw,palm", *ENDLESS],
                                 cwd=self.cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(bench.kill)
        self.wait_until(lambda: training() == before + 2)
        return bench

    def test_compares_optimizers_and_leaves_table_picture_and_results(self):
        done = self.swap("optimizer=adamw,palm", "--set", "optimizer.eps=1e-7", "--steps", "200")
        self.assertIn("note: optimizer = palm has no eps: left out", done.stderr)
        folder = self.folder_of_bench()
        self.assertEqual((folder / "table.md").read_text(), done.stdout)
        self.assertRegex(done.stdout, r"\| adamw +\| easylm-optimizer-adamw \d+\.\d+\.\d+ +\| +35.1k \| +200 \|")
        self.assertIn("validation loss", done.stdout)
        self.assertIn("loss by own time", xml.dom.minidom.parse(str(folder / "swap.svg")).toxml())
        results = json.loads((folder / "results.json").read_text())
        for variant in results["variants"]:
            losses = [loss for _, loss in self.losses(f"runs/tiny-{variant['name']}")]
            self.assertEqual(len(variant["curve"]["loss"]), len(losses))
            for read, written in zip(variant["curve"]["loss"], losses):
                self.assertAlmostEqual(read, written)
            self.assertAlmostEqual(variant["final_loss"], sum(losses[-20:]) / 20)
            self.assertGreater(variant["startup_seconds"], 0)
            self.assertGreater(variant["peak_bytes"], 10e6)
        self.assertEqual(results["variants"][0]["ratio"], 1)

    def test_each_variant_learns_what_a_plain_run_of_it_learns(self):
        self.swap("optimizer=adamw,palm")
        self.swap("model.attention=reference,sdpa")
        for key, name in (("optimizer", "adamw"), ("optimizer", "palm"), ("model.attention", "reference"),
                          ("model.attention", "sdpa")):
            self.easylm("--home", name, "run", "tiny.toml", "--set", f'{key}.type="{name}"')
            self.assertEqual(self.losses(f"runs/tiny-{name}"), self.losses(f"{name}/tiny"))

    def test_the_registry_finds_the_last_version_of_each(self):
        self.swap("optimizer=adamw,palm")
        bench = self.folder_of_bench().name
        versions = self.json("registry", "query", f'tags.bench = "{bench}"', "--json")
        self.assertEqual([version["uri"] for version in versions], ["tiny-adamw:1", "tiny-palm:1"])
        self.assertEqual([version["tags"]["varied"] for version in versions], ["optimizer=adamw", "optimizer=palm"])
        self.assertEqual([version["step"] for version in versions], [30, 30])

    def test_says_the_same_as_json_and_puts_the_picture_where_it_is_told(self):
        said = json.loads(self.swap("optimizer=adamw,palm", "--steps", "12", "--json", "-o", "here.svg").stdout)
        self.assertEqual([variant["steps"] for variant in said["variants"]], [12, 12])
        self.assertEqual([variant["name"] for variant in said["variants"]], ["adamw", "palm"])
        self.assertTrue((self.cwd / "here.svg").is_file())
        self.assertFalse((self.folder_of_bench() / "swap.svg").exists())

    def test_settings_of_the_environment_count_once(self):
        self.swap("optimizer=adamw,palm", "--steps", "4",
                  env={"EASYLM__OPTIMIZER__TYPE": "palm", "EASYLM__RUN__NAME": "env", "EASYLM__RUN__SEED": "3"})
        for name in ("adamw", "palm"):
            resolved = (self.cwd / f"runs/env-{name}/latest/config.resolved.toml").read_text()
            self.assertIn(f'[optimizer]\ntype = "{name}"', resolved)
            self.assertIn("seed = 3", resolved)

    def test_nothing_runs_if_anything_is_wrong(self):
        self.assertIn("did you mean 'adamw'?", self.swap("optimizer=palm,adamv", code=2).stderr)
        self.assertIn("did you mean 'optimizer'?", self.swap("optimiser=palm,adamw", code=2).stderr)
        self.assertIn("--vary needs", self.swap("optimizer=palm", code=2).stderr)
        self.assertIn("needs a value for 'peak'", self.swap("optimizer.schedule=constant,warmup_cosine", code=2).stderr)
        self.assertIn("stage.train.steps", self.swap("optimizer=adamw,palm", "--steps", "0", code=2).stderr)
        self.assertIn("--slice", self.easylm("bench", "swap", "tiny.toml", "--vary", "optimizer=adamw,palm", "--slice",
                                             "0", code=2).stderr)
        self.write("tiny.toml", TINY + '\n[[stage]]\ntype = "train"\nname = "again"\nsteps = 3\n')
        self.assertIn("this pipeline has 2", self.swap("optimizer=adamw,palm", code=2).stderr)
        self.assertFalse((self.cwd / "runs").exists())

    def test_no_run_may_take_the_folder_of_comparisons(self):
        self.assertIn("'bench', a folder that EasyLM keeps for itself",
                      self.easylm("check", "tiny.toml", "--set", "run.name=bench", code=2).stderr)

    def test_a_variant_that_fails_ends_the_comparison_with_its_error(self):
        done = self.swap("optimizer.schedule=warmup_cosine,constant", *ENDLESS[:2], "--set",
                         "optimizer.schedule.value=1e38", "--set", "optimizer.schedule.peak=1e-3", code=1)
        self.assertIn("optimizer.schedule = constant failed: stage 'train': 8 updates in a row had a loss", done.stderr)
        self.assertIn("lower the learning rate", done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertEqual(self.processes(), [])

    def test_a_signal_stops_all_and_leaves_no_process(self):
        for how, code in ((signal.SIGINT, 130), (signal.SIGTERM, 75)):
            bench = self.start_endless()
            self.assertEqual(len(self.processes()), 2)
            bench.send_signal(how)
            said = bench.communicate(timeout=60)[0]
            self.assertEqual(bench.returncode, code, said)
            self.assertIn("stopped before all had ended", said)
            self.assertEqual(self.processes(), [])
            for log in self.cwd.glob("runs/bench/*/*.log"):
                self.assertIn("stopping cleanly", log.read_text())

    def test_a_sudden_death_leaves_no_process(self):
        bench = self.start_endless()
        bench.kill()
        bench.communicate(timeout=60)
        self.wait_until(lambda: not self.processes(), 10)


if __name__ == "__main__":
    unittest.main()
