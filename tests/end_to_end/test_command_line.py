"""The verbs, their output for people and for scripts, their exit codes, and that the light ones stay light."""
import json
import os
import resource
import subprocess
import unittest

from easylm_cli import BIN, CliTest


class CommandLine(CliTest):
    def test_help_fits_one_screen_and_names_every_verb(self):
        text = self.easylm("--help").stdout
        self.assertLessEqual(len(text.splitlines()), 26)
        for verb in ("run", "check", "generate", "inspect", "convert", "diff", "apply", "verify-export", "tokenize",
                     "tokenize train", "version"):
            self.assertIn(f"  {verb} ", text)
            self.assertIn("Options", self.easylm(*verb.split(), "--help").stdout)

    def test_a_big_group_of_verbs_has_a_help_of_its_own(self):
        overview = self.easylm("--help").stdout
        for members in ("list, describe, doctor", "inspect, stats", "show, schema"):
            self.assertIn(members, overview)
        text = self.easylm("registry", "--help").stdout
        for verb in ("list", "show", "path", "query", "sql", "compare", "lineage", "plot", "tag", "untag", "alias",
                     "unalias", "history", "rollback"):
            self.assertRegex(overview, rf"\b{verb}\b")
            self.assertIn(f"  registry {verb} ", text)
            self.assertIn("Options", self.easylm("registry", verb, "--help").stdout)

    def test_a_mistyped_verb_is_a_usage_error_with_a_suggestion(self):
        done = self.easylm("chekc", "tiny.toml", code=2)
        self.assertIn("did you mean 'check'?", done.stderr)
        self.assertIn("list, show, path", self.easylm("registry", code=2).stderr)
        self.easylm("run", code=2)
        self.easylm("run", "tiny.toml", "--sett", "a=b", code=2)

    def test_check_says_what_would_run(self):
        text = self.easylm("check", "tiny.toml").stdout
        for word in ("llama", "adamw", "byte", "train", "evaluate", "generate", "parameters", "easylm_"):
            self.assertIn(word, text)
        self.assertEqual(self.json("check", "tiny.toml", "--json"), {"ok": True, "diagnostics": []})
        self.assertFalse((self.cwd / "runs").exists(), "check writes nothing")

    def test_check_reports_all_mistakes_at_once_with_places(self):
        text = (self.cwd / "tiny.toml").read_text()
        self.write("bad.toml", text.replace("hidden_size", "hidden_sise").replace("steps = 30", 'steps = "x"'))
        done = self.easylm("check", "bad.toml", "--json", code=2)
        diagnostics = json.loads(done.stdout)["diagnostics"]
        self.assertEqual(len(diagnostics), 2)
        self.assertTrue(all(d["line"] > 0 and d["column"] > 0 and d["file"] for d in diagnostics))
        self.assertIn("hidden_size", diagnostics[0]["message"] + diagnostics[0]["hint"])

    def test_config_show_is_a_pipeline_again(self):
        shown = self.easylm("config", "show", "tiny.toml").stdout
        self.write("again.toml", shown)
        self.assertEqual(self.easylm("config", "show", "again.toml").stdout, shown)
        origin = self.easylm("config", "show", "tiny.toml", "--origin", "--set", "run.seed=9").stdout
        self.assertIn("# --set", origin)
        self.assertIn("# default", origin)
        self.assertIn("tiny.toml:", origin)

    def test_config_schema_is_json_that_knows_the_components(self):
        schema = json.loads(self.easylm("config", "schema").stdout)
        self.assertIn("2020-12", schema["$schema"])
        self.assertIn("num_key_value_heads", json.dumps(schema))

    def test_plugins_list_and_describe(self):
        plugins = self.json("plugins", "list", "--json")
        names = {(p["kind"], p["name"]) for p in plugins if p["status"] == "available"}
        for pair in (("model", "llama"), ("tokenizer", "byte"), ("dataset", "text"), ("optimizer", "adamw"),
                     ("optimizer", "palm"), ("attention", "auto"), ("attention", "bpt"), ("attention", "sdpa"),
                     ("attention", "reference"), ("checkpoint", "safetensors"), ("schedule", "wsd"), ("stage", "train"), ("stage", "convert"),
                     ("tracker", "jsonl"), ("tracker", "tensorboard")):
            self.assertIn(pair, names)
        self.assertIn("weight_decay", self.easylm("plugins", "describe", "adamw").stdout)
        self.assertIn("did you mean", self.easylm("plugins", "describe", "adamv", code=1).stderr)

    def test_inspect_and_data_inspect_show_what_is_there(self):
        self.easylm("run", "tiny.toml")
        info = self.json("inspect", "tiny", "--json")
        names = {tensor["name"] for tensor in info["tensors"]}
        self.assertIn("model.layers.1.self_attn.k_proj.weight", names)
        self.assertEqual(info["config"]["num_key_value_heads"], 2)
        rows = self.json("data", "inspect", "tiny.toml", "--dataset", "validation", "-n", "2", "--json")
        self.assertEqual(len(rows), 2)
        for row in rows:
            self.assertEqual(len(row["tokens"]), len(row["targets"]))
            self.assertEqual(len(row["tokens"]), len(row["texts"]))
            self.assertEqual(row["tokens"][1:], row["targets"][:-1])

    def test_light_verbs_are_quick_and_never_load_libtorch(self):
        for arguments in (["--help"], ["check", "tiny.toml"], ["plugins", "list"], ["registry", "list"]):
            done = subprocess.run([BIN, *arguments], cwd=self.cwd, capture_output=True, text=True, check=True,
                                  env={**os.environ, "LD_DEBUG": "files"})
            self.assertNotIn("libtorch", done.stderr, arguments)
            seconds = []
            for _ in range(5):  # processor time: a busy machine makes everyone wait
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                self.easylm(*arguments)
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
            self.assertLess(min(seconds), 0.05, f"{arguments}: {seconds}")

    def test_bash_completion_is_valid_and_complete(self):
        script = self.easylm("completion", "bash").stdout
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)
        for group, words in (("registry", {"list", "path", "query", "show"}), ("tokenize", {"train", "tiny.toml"})):
            probe = script + f'\nCOMP_WORDS=(easylm {group} ""); COMP_CWORD=2; _easylm; echo "${{COMPREPLY[@]}}"'
            offered = subprocess.run(["bash"], input=probe, text=True, capture_output=True, check=True, cwd=self.cwd).stdout
            self.assertLess(words, set(offered.split()))


if __name__ == "__main__":
    unittest.main()
