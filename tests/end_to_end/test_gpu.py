"""The tiny pipeline on a GPU, beside the same on the CPU. Left out where there is no GPU."""
import json
import os
import unittest

from easylm_cli import CliTest

CUDA = ("--set", 'run.device="cuda"')


@unittest.skipUnless(os.path.exists("/dev/nvidiactl"), "this machine has no NVIDIA GPU")
class Gpu(CliTest):
    def metrics(self, home):
        lines = (self.cwd / home / "tiny/latest/metrics.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def losses(self, home):
        return [(line["step"], line["loss"]) for line in self.metrics(home) if "loss" in line]

    def greedy(self, home, device):
        return self.json("--home", home, "generate", "tiny", "--device", device, "--prompt", "the ", "--temperature", "0",
                         "--max-new-tokens", "24", "--json")

    def test_it_learns_as_the_cpu_does(self):
        self.easylm("--home", "cpu", "run", "tiny.toml")
        self.easylm("--home", "gpu", "run", "tiny.toml", *CUDA)
        for (step, on_cpu), (same_step, on_gpu) in zip(self.losses("cpu"), self.losses("gpu"), strict=True):
            self.assertEqual(step, same_step)
            self.assertAlmostEqual(on_cpu, on_gpu, delta=2e-3, msg=f"step {step}")
        peaks = [line["peak_memory_bytes"] for line in self.metrics("gpu") if "peak_memory_bytes" in line]
        self.assertGreater(min(peaks), 100_000, "what tensors hold on the GPU is counted")

    def test_a_model_writes_the_same_on_both(self):
        self.easylm("--home", "gpu", "run", "tiny.toml", *CUDA)
        on_gpu, on_cpu = self.greedy("gpu", "cuda"), self.greedy("gpu", "cpu")
        self.assertEqual(on_gpu["tokens"], on_cpu["tokens"])
        for ours, theirs in zip(on_gpu["logprobs"], on_cpu["logprobs"]):
            self.assertAlmostEqual(ours, theirs, delta=1e-3)

    def test_bf16(self):
        self.easylm("--home", "gpu", "run", "tiny.toml", *CUDA, "--set", "run.precision=bf16")
        losses = [loss for _, loss in self.losses("gpu")]
        self.assertLess(losses[-1], losses[0] - 0.5)

    def test_every_kernel_and_optimizer_that_serves_a_gpu(self):
        for name, settings in {"reference": ('model.attention="reference"',), "sdpa": ('model.attention="sdpa"',),
                               "palm": ('optimizer.type="palm"',)}.items():
            with self.subTest(name):
                changes = [word for setting in settings for word in ("--set", setting)]
                self.easylm("--home", name, "run", "tiny.toml", *CUDA, *changes)
                losses = [loss for _, loss in self.losses(name)]
                self.assertLess(losses[-1], losses[0])

    def test_a_run_that_was_cut_goes_on(self):
        self.easylm("--home", "whole", "run", "tiny.toml", *CUDA)
        self.easylm("--home", "parts", "run", "tiny.toml", *CUDA, "--set", "stage.train.steps=20")
        self.easylm("--home", "parts", "run", "tiny.toml", *CUDA)
        whole, parts = dict(self.losses("whole")), dict(self.losses("parts"))
        self.assertAlmostEqual(whole[30], parts[30], delta=1e-3)

    def test_a_device_beyond_those_that_are_there(self):
        done = self.easylm("run", "tiny.toml", "--set", 'run.device="cuda:99"', code=1)
        self.assertIn("cuda:99", done.stderr)


if __name__ == "__main__":
    unittest.main()
