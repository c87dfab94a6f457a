"""Bad input: one clear sentence, the right exit code, and nothing half-written."""
import shutil
import unittest

from easylm_cli import TINY, CliTest


class BadInput(CliTest):
    def refused(self, *arguments, code, says):
        done = self.easylm(*arguments, code=code)
        text = done.stdout + done.stderr
        for word in says:
            self.assertIn(word, text)
        self.assertNotIn("terminate called", text)
        return text

    def versions(self):
        return self.json("registry", "list", "--json")

    def test_a_missing_pipeline_file(self):
        self.refused("run", "nowhere.toml", code=2, says=["nowhere.toml"])

    def test_a_missing_corpus(self):
        (self.cwd / "train.txt").unlink()
        self.refused("run", "tiny.toml", code=2, says=["train.txt", "tiny.toml:"])
        self.assertFalse((self.cwd / "runs").exists())

    def test_an_empty_corpus(self):
        self.write("train.txt", "")
        self.refused("run", "tiny.toml", code=2, says=["train.txt", "empty"])
        self.assertEqual(self.versions(), [])

    def test_a_sequence_longer_than_the_models_positions(self):
        self.refused("check", "tiny.toml", "--set", "dataset.train.sequence_length=128", code=2,
                     says=["128", "64", "max_position_embeddings"])

    def test_a_device_that_is_not_there(self):
        self.refused("run", "tiny.toml", "--set", 'run.device="cuda"', code=2, says=["cuda", "no CUDA device"])
        self.assertFalse((self.cwd / "runs").exists())

    def test_a_checkpoint_of_another_model(self):
        self.easylm("run", "tiny.toml")
        head, tail = TINY.split("[model]")
        tail = tail[tail.index("[optimizer]"):]
        self.write("other.toml",
                   head.replace('"tiny"', '"other"') + '[model]\nfrom = "tiny"\nhidden_size = 64\n\n' + tail)
        self.refused("run", "other.toml", code=1, says=["does not fit", "model.embed_tokens.weight is [258, 32], expected [258, 64]"])
        self.assertFalse(any(v["name"] == "other" for v in self.versions()))

    def test_a_truncated_checkpoint(self):
        self.easylm("run", "tiny.toml")
        path = self.cwd / self.easylm("registry", "path", "tiny").stdout.strip()
        shutil.copytree(path, self.cwd / "cut")
        weights = self.cwd / "cut/model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-100])
        self.refused("inspect", "./cut", code=1, says=["model.safetensors"])
        self.refused("generate", "./cut", "--prompt", "x", code=1, says=["model.safetensors"])

    def test_models_and_versions_that_do_not_exist(self):
        self.refused("generate", "nothing", "--prompt", "x", code=1, says=["nothing"])
        self.refused("registry", "show", "nothing:3", code=1, says=["nothing"])
        self.refused("inspect", "./nothing", code=1, says=["nothing"])

    def test_a_home_that_cannot_be_written(self):
        self.write("occupied", "a file")
        self.refused("--home", "occupied", "run", "tiny.toml", code=1, says=["occupied"])

    def test_divergence_stops_the_run_and_names_the_batches(self):
        text = self.refused("run", "tiny.toml", "--set", "optimizer.schedule.value=1e30",
                            "--set", "stage.train.clip_gradient=0", code=1, says=["train.txt"])
        self.assertIn("stage 'train'", text)

    def test_a_stage_that_fails_says_what_is_saved(self):
        text = self.refused("run", "tiny.toml", "--set", 'stage.generate.prompt="' + "x" * 100 + '"', code=2,
                            says=["stage 'generate'", "tiny:3"])
        self.assertIn("64", text)


if __name__ == "__main__":
    unittest.main()
