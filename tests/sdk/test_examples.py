"""The examples as their authors would have them: copied out of the tree, built against an installed EasyLM that was moved
since, examined, and run. What was built is left in tests/sdk/plugins of the build folder, for other tests."""

import concurrent.futures
import json
import pathlib
import re
import shutil
import unittest

import installed

SOURCE = installed.SOURCE
FOUND = installed.BUILD / "tests/sdk/plugins"
EXAMPLES = sorted(file.parent.relative_to(SOURCE / "sdk/examples") for file in SOURCE.glob("sdk/examples/*/*/CMakeLists.txt"))
WARNINGS = "-Wall -Wextra -Wpedantic -Wshadow -Wno-missing-field-initializers -Wno-restrict -Werror"


class Examples(installed.InstalledTest):
    """In `folder`, examples/ and build/ have a folder for each kind/name."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        shutil.copytree(SOURCE / "sdk/examples", cls.folder / "examples")
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(cls.build, EXAMPLES))
        shutil.rmtree(FOUND, ignore_errors=True)
        FOUND.mkdir(parents=True)
        for example in EXAMPLES:
            shutil.copy(cls.library(example), FOUND)

    @classmethod
    def build(cls, example):
        options = ["-DCMAKE_BUILD_TYPE=Release", f"-DCMAKE_CXX_FLAGS={WARNINGS}", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"]
        folder = cls.folder / "build" / example
        installed.call("cmake", "-S", cls.folder / "examples" / example, "-B", folder, *options, env=cls.environment)
        installed.call("cmake", "--build", folder, "-j1", env=cls.environment)

    @classmethod
    def library(cls, example):
        return cls.folder / "build" / example / f"easylm_{example.name}.so"

    def easylm(self, example, *arguments, code=0):
        environment = {**self.environment, "EASYLM_PLUGIN_PATH": str(self.folder / "build" / example)}
        return installed.call(self.bin, *arguments, cwd=self.folder / "examples" / example, code=code, env=environment)

    def run_pipeline(self, example, *sets):
        """What it prints, from the beginning."""
        words = [word for key in sets for word in ("--set", key)]
        return self.easylm(example, "run", "pipeline.toml", "--resume", "never", *words).stdout

    def test_each_is_complete(self):
        self.assertGreaterEqual(len(EXAMPLES), 8)
        for example in EXAMPLES:
            folder = SOURCE / "sdk/examples" / example
            self.assertTrue((folder / "pipeline.toml").is_file(), example)
            self.assertIn(len((folder / "README.md").read_text().splitlines()), range(10, 26), example)

    def test_nothing_of_them_names_the_source_tree(self):
        for example in EXAMPLES:
            build = self.folder / "build" / example
            texts = [(build / name).read_text() for name in ("compile_commands.json", "build.ninja")]
            texts.append(installed.call("readelf", "-d", self.library(example)).stdout)
            for text in texts:
                self.assertNotIn(str(SOURCE), text, example)

    def for_each(self, action):
        """ACTION of each example, two at a time."""
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            running = {example: pool.submit(action, example) for example in EXAMPLES}
            for example, done in running.items():
                with self.subTest(example=str(example)):
                    done.result()

    def test_each_passes_its_exam(self):
        options = ["--output-on-failure", "--no-tests=error"]
        self.for_each(lambda example: installed.call("ctest", "--test-dir", self.folder / "build" / example, *options))

    def test_each_pipeline_runs(self):
        self.for_each(self.run_pipeline)

    def test_the_tracker_prints_a_line_for_every_fifth_step(self):
        lines = self.run_pipeline(pathlib.Path("tracker/stdout")).splitlines()
        steps = [re.match(r"stdout train step=(\d+) tokens=\d+ loss=[\d.]+ ", line)[1] for line in lines if "step=" in line]
        self.assertEqual(steps, ["5", "10", "15", "20"])

    def test_the_words_are_counted(self):
        example = pathlib.Path("stage/word_count")
        (self.folder / "examples" / example / "words.txt").write_text("One two, TWO; three 'three' three.\nÜber über\n")
        text = self.run_pipeline(example, "dataset.train.path=words.txt", "stage.0.top=3")
        self.assertIn("   count  word\n       3  three\n       2  two\n       1  one\n", text)

    def row_of_csv(self, text, code=0):
        """The first row that a file of this TEXT makes, or the error."""
        example = pathlib.Path("dataset/csv")
        (self.folder / "examples" / example / "test.csv").write_bytes(text.encode())
        sets = ["dataset.train.path=test.csv", "dataset.train.packing=concatenate", "dataset.train.bad_examples=fail"]
        words = [word for key in sets for word in ("--set", key)]
        done = self.easylm(example, "data", "inspect", "pipeline.toml", "--json", *words, code=code)
        return done.stderr if code else "".join(json.loads(done.stdout)[0]["texts"])

    def test_csv_is_read_by_the_rules_of_rfc_4180(self):
        row = self.row_of_csv('\ufeffanswer,question,x\r\n"a ""b"", c\r\nd",e f,\r\n\r\ng,"h, i",\r\n')
        self.assertTrue(row.startswith('<|bos|>e fa "b", c\r\nd<|eos|><|bos|>h, ig<|eos|>'), row)

    def test_a_bad_csv_file_is_named_with_its_line(self):
        for text, message in [
            ("question,answer\na,b\nc\n", "test.csv:3: it has 1 fields, and there are 2 columns"),
            ('question,answer\na,b\nc,"d" e\n', "test.csv:3: a field goes on after its closing quote"),
            ('question,answer\na,b\nc,d"e"\n', "test.csv:3: there is a quote in a field that does not begin with one"),
            ('question,answer\na,b\nc,"d\n', "test.csv:3: a quote is opened and never closed"),
            ("question,reply\na,b\n", "test.csv:1: there is not one column called 'answer'"),
        ]:
            with self.subTest(message=message):
                self.assertIn(message, self.row_of_csv(text, code=1))

    def test_a_window_as_wide_as_the_row_changes_nothing(self):
        losses = [self.last_loss(attention) for attention in ("sliding_window,64", "sliding_window,16", "reference")]
        self.assertAlmostEqual(losses[0], losses[2], delta=1e-3)
        self.assertNotAlmostEqual(losses[1], losses[2], delta=1e-3)

    def last_loss(self, attention):
        example, (kind, *window) = pathlib.Path("attention/sliding_window"), attention.split(",")
        table = f'{{type="{kind}"' + "".join(f",window={width}" for width in window) + "}"
        sets = [f"model.attention={table}", 'tracker=[{type="jsonl"}]']
        self.run_pipeline(example, *sets)
        metrics = self.folder / "examples" / example / "runs/sliding_window/latest/metrics.jsonl"
        return json.loads(metrics.read_text().splitlines()[-1])["loss"]


if __name__ == "__main__":
    unittest.main()
