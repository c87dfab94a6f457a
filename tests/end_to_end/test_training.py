"""A whole pipeline on a tiny corpus: trains, evaluates, samples, and leaves what the documentation promises."""
import hashlib
import json
import math
import unittest

from easylm_cli import TINY, CliTest


class Training(CliTest):
    def metrics(self, run="tiny"):
        lines = (self.cwd / "runs" / run / "latest" / "metrics.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def test_a_run_learns_and_registers_its_versions(self):
        done = self.easylm("run", "tiny.toml")
        losses = [line["loss"] for line in self.metrics() if "loss" in line]
        self.assertLess(losses[-1], losses[0] - 0.5)
        self.assertIn("tiny:3", done.stdout + done.stderr)
        versions = self.json("registry", "list", "--json")
        self.assertEqual([v["version"] for v in versions], [2, 3], "keep_last = 2 keeps two")
        newest = self.json("registry", "show", "tiny", "--json")
        self.assertEqual(newest["uri"], "tiny:3")
        self.assertEqual(newest["step"], 30)
        self.assertEqual(newest["tokens"], 30 * 4 * 32)
        self.assertIn("perplexity", newest["metrics"])
        self.assertAlmostEqual(math.log(newest["metrics"]["perplexity"]), newest["metrics"]["loss"], places=3)

    def test_a_version_is_a_hugging_face_directory_with_a_manifest(self):
        self.easylm("run", "tiny.toml")
        path = self.easylm("registry", "path", "tiny@latest").stdout.strip()
        folder = self.cwd / path
        for name in ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
                     "model.safetensors", "easylm/manifest.json", "easylm/state.json",
                     "easylm/optimizer.safetensors"):
            self.assertTrue((folder / name).is_file(), name)
        manifest = json.loads((folder / "easylm/manifest.json").read_text())
        files = {entry["path"]: entry for entry in manifest["files"]}
        for name, entry in files.items():
            data = (folder / name).read_bytes()
            self.assertEqual(entry["bytes"], len(data), name)
            self.assertEqual(entry["sha256"], hashlib.sha256(data).hexdigest(), name)
        self.assertIn("model.safetensors", files)

    def test_the_same_seed_gives_the_same_bits(self):
        digests = []
        for home in ("a", "b"):
            self.easylm("--home", home, "run", "tiny.toml")
            path = self.easylm("--home", home, "registry", "path", "tiny").stdout.strip()
            digests.append(hashlib.sha256((self.cwd / path / "model.safetensors").read_bytes()).hexdigest())
        self.assertEqual(digests[0], digests[1])

    def test_generate_continues_from_a_version_and_repeats_itself_greedily(self):
        self.easylm("run", "tiny.toml")
        texts = [self.json("generate", "tiny", "--prompt", "the ", "--temperature", "0", "--max-new-tokens", "12",
                           "--json") for _ in range(2)]
        self.assertEqual(texts[0], texts[1])
        self.assertEqual(len(texts[0]["tokens"]), len(texts[0]["logprobs"]))
        self.assertEqual(texts[0]["prompt_tokens"], list(b"the "))

    def test_bf16_trains_and_its_checkpoint_loads(self):
        self.easylm("run", "tiny.toml", "--set", "run.precision=bf16")
        losses = [line["loss"] for line in self.metrics() if "loss" in line]
        self.assertLess(losses[-1], losses[0] - 0.5)
        self.easylm("generate", "tiny", "--prompt", "the ", "--max-new-tokens", "4")

    def test_accumulation_equals_a_larger_batch(self):
        self.easylm("--home", "a", "run", "tiny.toml", "--set", "dataset.train.batch_size=8")
        self.easylm("--home", "b", "run", "tiny.toml", "--set", "stage.train.accumulate_gradient_steps=2")
        rows = []
        for home in ("a", "b"):
            lines = (self.cwd / home / "tiny/latest/metrics.jsonl").read_text().splitlines()
            rows.append([json.loads(line) for line in lines if '"loss"' in line])
        for large, small in zip(*rows):
            self.assertAlmostEqual(large["loss"], small["loss"], places=3)

    def test_a_pipeline_can_start_from_a_version(self):
        self.easylm("run", "tiny.toml")
        text = TINY.replace('name = "tiny"', 'name = "more"')
        head, tail = text.split("[model]")
        tail = tail[tail.index("[optimizer]"):]
        self.write("more.toml", head + '[model]\nfrom = "tiny@latest"\n\n' + tail)
        self.easylm("run", "more.toml", "--set", "checkpoint.keep_last=0")
        parents = [version["parent"] for version in self.json("registry", "list", "more", "--json")]
        self.assertEqual(parents, ["tiny:3", "more:1", "more:2"])
        first = [line for line in self.metrics("more") if "loss" in line][0]
        self.assertLess(first["loss"], 4.5, "it goes on from trained weights")


if __name__ == "__main__":
    unittest.main()
