"""Every plugin that we ship passes the exam that we ask others to pass."""

import json
import os
import pathlib
import subprocess
import unittest

BIN = pathlib.Path(os.environ["EASYLM_BIN"])
PLUGINS = BIN.parents[1] / "lib/easylm/plugins"
HERE = pathlib.Path(__file__).resolve().parent

# The settings of a component are those that it has in pipeline.toml or, by its plugin's name, in each of several that
# this changes.
SETS = {
    "schedule_constant": [['optimizer.schedule={type="constant",value=1e-3}']],
    "schedule_inverse_sqrt": [['optimizer.schedule={type="inverse_sqrt",peak=1e-3,warmup_steps=10}']],
    "schedule_wsd": [['optimizer.schedule={type="wsd",peak=1e-3,warmup_steps=10,decay_steps=10}']],
    "optimizer_adamw": [[], ["optimizer.bf16_momentum=true"], ["optimizer.multiply_by_parameter_scale=true"]],
    "optimizer_palm": [['optimizer={type="palm"}']],
    "model_llama": [
        [],
        ["model.tie_word_embeddings=true", "model.attention_bias=true", "model.mlp_bias=true", "model.head_dim=12",
         'model.rope_scaling={type="linear",factor=2}', 'model.attention="reference"'],
        ["model.num_key_value_heads=1", "model.attention_dropout=0.1", "model.residue_dropout=0.1",
         "model.embedding_dropout=0.1", "model.feedforward_dropout=0.1", "model.fcm_max_ratio=0.2"],
    ],
}


class Bundled(unittest.TestCase):
    def test_all_pass(self):
        plugins = sorted(PLUGINS.glob("easylm_*.so"))
        self.assertGreater(len(plugins), 20)
        for plugin in plugins:
            name = plugin.stem.removeprefix("easylm_")
            for sets in SETS.get(name, [[]]):
                with self.subTest(plugin=name, sets=sets):
                    self.passes(plugin, sets)

    def passes(self, plugin, sets):
        options = [word for text in sets for word in ("--set", text)]
        done = subprocess.run([BIN, "plugins", "test", plugin, "--pipeline", "pipeline.toml", "--json", *options],
                              cwd=HERE, capture_output=True, text=True, timeout=600, check=False)  # fmt: skip
        report = json.loads(done.stdout)
        failed = [f"{r['component']}:{r['test']}: {r['text']}" for r in report["results"] if r["verdict"] == "failed"]
        self.assertEqual(failed, [], done.stderr)
        self.assertEqual(done.returncode, 0)


if __name__ == "__main__":
    unittest.main()
