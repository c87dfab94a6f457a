"""What `easylm plugins new` makes, tried as a new user would: from an empty folder, with an installed EasyLM only."""

import re
import unittest

import installed

KINDS = ["attention", "checkpoint", "dataset", "model", "optimizer", "schedule", "stage", "tokenizer", "tracker"]
MOST_LINES = {"cpp": 30, "cmake": 5}


def code_lines(text):
    """Lines of C++, without blank ones, comments and includes."""
    return [line for line in text.splitlines() if line.strip() and not re.match(r"\s*//|#include|using namespace", line)]


class Scaffolds(installed.InstalledTest):
    def new(self, *words, code=0):
        return self.run_in(self.folder, self.bin, "plugins", "new", *words, code=code)

    def test_each_kind_builds_passes_its_exam_and_runs(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                said = self.new(kind, f"my_{kind}").stdout
                folder = self.folder / f"my_{kind}"
                self.assertLessEqual(len(code_lines((folder / f"my_{kind}.cpp").read_text())), MOST_LINES["cpp"])
                self.assertLessEqual(len((folder / "CMakeLists.txt").read_text().splitlines()), MOST_LINES["cmake"])
                for file in folder.iterdir():
                    self.assertNotRegex(file.read_text(), r"@\w+@", file)
                commands = [line.strip() for line in said.splitlines() if line.startswith("  c")]
                self.assertEqual([command.split()[0] for command in commands], ["cd", "cmake", "cmake", "ctest"])
                self.run_in(self.folder, "bash", "-euc", "\n".join(commands))

    def test_there_is_one_for_every_kind_of_component(self):
        listed = self.run_in(self.folder, self.bin, "plugins", "list", "--json").stdout
        self.assertEqual(sorted(set(re.findall(r'"kind":"(\w+)"', listed))), KINDS)

    def test_names_that_cannot_be_are_refused(self):
        for name in ("", "Lion", "my-lion", "1st", "a/b", "../x", "x" * 65):
            self.assertIn("can't be a component's name", self.new("optimizer", name, "bad", code=2).stderr)
        self.assertFalse((self.folder / "bad").exists())

    def test_names_the_nearest_kind(self):
        self.assertIn("did you mean 'optimizer'", self.new("optimiser", "lion", code=2).stderr)

    def test_nothing_is_overwritten(self):
        (self.folder / "full").mkdir()
        (self.folder / "full/notes.txt").write_text("mine")
        self.assertIn("is there already", self.new("optimizer", "lion", "full", code=1).stderr)
        self.assertEqual([file.name for file in (self.folder / "full").iterdir()], ["notes.txt"])


class Tutorial(installed.InstalledTest):
    """docs/plugins.md, from its first command to its last."""

    def test_its_commands_do_what_it_says(self):
        text = (installed.SOURCE / "docs/plugins.md").read_text()
        script = ""
        for info, body in re.findall(r"^```([^\n`]*)\n(.*?)^```$", text, re.M | re.S):
            if info == "sh runnable installed":
                script += body
            elif info == "cpp replaces step":
                (self.folder / "step.txt").write_text(body)
                script += f"python3 -B {installed.SOURCE}/tests/sdk/replace_step.py lion.cpp ../step.txt\n"
        self.assertGreater(script.count("\n"), 8)
        home = self.folder / "tutorial"
        home.mkdir()
        (self.folder / "step.txt").rename(home / "step.txt")
        done = self.run_in(home, "bash", "-euxo", "pipefail", "-c", script)
        self.assertIn("optimizer/lion: state_is_all", done.stdout)
        self.assertRegex(done.stdout, r"lion .*\n")
        self.assertNotIn("FAIL", done.stdout)


if __name__ == "__main__":
    unittest.main()
