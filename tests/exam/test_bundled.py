"""Every plugin that we ship passes the exam that we ask others to pass."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

BIN = pathlib.Path(os.environ["EASYLM_BIN"])
PLUGINS = BIN.parents[1] / "lib/easylm/plugins"
HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parent / "fixtures/vectors"

ROWS = "sequence_length=16,batch_size=2"
EXAMPLES = "fields=\"[question],answer\",untrained_rows=\"allow\",long_documents=\"cut\""

# The settings of a component are those that it has in pipeline.toml or, of a stage, in stages.toml; or, by its
# plugin's name, in each of several that this changes. {data} is a folder of samples.
SETS = {
    "schedule_constant": [['optimizer.schedule={type="constant",value=1e-3}']],
    "schedule_inverse_sqrt": [['optimizer.schedule={type="inverse_sqrt",peak=1e-3,warmup_steps=10}']],
    "schedule_wsd": [['optimizer.schedule={type="wsd",peak=1e-3,warmup_steps=10,decay_steps=10}']],
    "optimizer_palm": [['optimizer={type="palm"}']],
    "tokenizer_auto": [['tokenizer={type="auto",path="{data}/llama3"}']],
    "tokenizer_bpe": [
        ['tokenizer={type="bpe",path="{data}/gpt2"}'],
        ['tokenizer={type="bpe",path="{data}/llama2"}'],
        ['tokenizer={type="bpe",path="{data}/llama3"}'],
        ['tokenizer={type="bpe",path="{data}/qwen2"}'],
    ],
    "tokenizer_sentencepiece": [
        ['tokenizer={type="sentencepiece",path="{data}/sentencepiece_bpe_symbols"}'],
        ['tokenizer={type="sentencepiece",path="{data}/sentencepiece_unigram_bytes"}'],
    ],
    "dataset_jsonl": [
        [f'dataset.train={{type="jsonl",path="{{data}}/dialogues.jsonl",packing="{packing}",{EXAMPLES},{ROWS}}}']
        for packing in ("concatenate", "best_fit", "none")
    ],
    "dataset_parquet": [[f'dataset.train={{type="parquet",path="dialogues.parquet",{EXAMPLES},{ROWS}}}']],
    "dataset_tokens": [[f'dataset.train={{type="tokens",path="{{data}}/tokens",{ROWS}}}']],
    "dataset_mixture": [
        [
            'dataset.train={type="mixture",sources={'
            f'texts={{weight=2,dataset={{type="text",path="pipeline.toml",{ROWS}}}}},'
            f'talks={{weight=1,dataset={{type="jsonl",path="{{data}}/dialogues.jsonl",packing="best_fit",{EXAMPLES},{ROWS}}}}}}}}}'
        ]
    ],
    "checkpoint_gguf": [['checkpoint.type="gguf"'], ['checkpoint.type="gguf"', 'checkpoint.quantize="q8_0"']],
    "checkpoint_easylm_stream": [
        ['checkpoint.type="easylm_stream"'],
        ['checkpoint.type="easylm_stream"', 'checkpoint.form="flax"'],
    ],
    "checkpoint_safetensors": [[], ["checkpoint.max_shard_size=2000"]],
}


def make_samples(folder):
    """What the datasets and tokenizers read."""
    for family in ("gpt2", "llama2", "llama3", "qwen2"):
        vectors = json.loads((VECTORS / f"tokenizers/{family}.json").read_text())
        (folder / family).mkdir()
        (folder / family / "tokenizer.json").write_text(json.dumps(vectors["tokenizer"]))
    for name in ("sentencepiece_bpe_symbols", "sentencepiece_unigram_bytes"):
        (folder / name).mkdir()
        shutil.copy(VECTORS / f"{name}.model", folder / name / "tokenizer.model")
    with open(folder / "dialogues.jsonl", "w") as lines:
        for i in range(60):
            words = {"question": f"What is {i} and {i % 7}?", "answer": f"It is {i + i % 7}" + ", of course" * (i % 5)}
            lines.write(json.dumps(words) + "\n")
    shutil.copy(HERE / "pipeline.toml", folder / "pipeline.txt")
    subprocess.run([BIN, "tokenize", folder / "pipeline.txt", "--tokenizer", "byte", "-o", folder / "tokens"],
                   check=True, capture_output=True)  # fmt: skip


class Bundled(unittest.TestCase):
    def test_all_pass(self):
        plugins = sorted(PLUGINS.glob("easylm_*.so"))
        self.assertGreater(len(plugins), 20)
        with tempfile.TemporaryDirectory() as folder:
            make_samples(pathlib.Path(folder))
            for plugin in plugins:
                name = plugin.stem.removeprefix("easylm_")
                for sets in SETS.get(name, [[]]):
                    with self.subTest(plugin=name, sets=sets):
                        self.passes(plugin, [text.replace("{data}", folder) for text in sets])

    def passes(self, plugin, sets):
        pipeline = "stages.toml" if "_stage_" in plugin.name else "pipeline.toml"
        options = [word for text in sets for word in ("--set", text)]
        done = subprocess.run([BIN, "plugins", "test", plugin, "--pipeline", pipeline, "--json", *options],
                              cwd=HERE, capture_output=True, text=True, timeout=600, check=False)  # fmt: skip
        report = json.loads(done.stdout)
        failed = [f"{r['component']}:{r['test']}: {r['text']}" for r in report["results"] if r["verdict"] == "failed"]
        self.assertEqual(failed, [], done.stderr)
        self.assertEqual(done.returncode, 0)


if __name__ == "__main__":
    unittest.main()
