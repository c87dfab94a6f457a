"""The binary interface is as sdk/abi describes it, and each kind of break would be seen."""

import os
import pathlib
import re
import shutil
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["EASYLM_BUILD_DIR"])
sys.path.insert(0, str(ROOT / "tools"))

import abi  # noqa: E402

DESCRIBED = abi.path_of().read_text()


class AsBuilt(unittest.TestCase):
    def test_headers_and_libraries_are_as_described(self):
        explanation = abi.explain(DESCRIBED, abi.describe(BUILD))
        self.assertEqual(explanation, "", "\n" + explanation)

    def test_only_grew_since_1_0(self):
        described_then = (pathlib.Path(__file__).parent / "abi-1.0.txt").read_text()
        breaks, added = abi.judge(described_then, DESCRIBED)
        self.assertEqual(breaks, [])
        for name in ("OptimizerFormula", "BlockwiseLayer", "PagedAttention", "VarlenAttention"):
            self.assertIn(f"interface {name} is new", added)

    def test_speaks_of_no_machine(self):
        self.assertNotRegex(DESCRIBED, r"(^|\s)/\w|anonymous")

    def test_host_classes_have_names_of_their_own(self):
        # Two classes of one name are one to the linker: it would call either's destructor for both.
        public = {name.split()[-1] for name in abi.parse(DESCRIBED)}
        for file in (ROOT / "core").rglob("*.h"):
            text = file.read_text()
            if "core/include" not in str(file) and "\nnamespace easylm {" in text:
                names = re.findall(r"^(?:class|struct) (?:EASYLM_API )?(\w+)\b(?!;)", text, re.M)
                self.assertEqual(public & set(names), set(), file)

    def test_plugins_implement_no_interface_of_the_host(self):
        bases = re.compile(r"\bpublic\s+(?:easylm::)?(?:%s)\b" % "|".join(abi.OF_HOST))
        for file in (ROOT / "plugins").rglob("*.*"):
            if file.suffix in (".h", ".cpp"):
                self.assertIsNone(bases.search(file.read_text()), file)


class Judged(unittest.TestCase):
    """What is said of a description that was changed by hand."""

    def judged(self, before, after):
        self.assertEqual(len(re.findall(before, DESCRIBED)), 1, before)
        return abi.judge(DESCRIBED, re.sub(before, after, DESCRIBED))

    def test_a_break_is_seen(self):
        for what, name, before, after in [
            ("a reordered function", "interface Schedule",
             r"slot 3: (double at.*)\n  slot 4: (void plan.*)\n", r"slot 3: \2\n  slot 4: \1\n"),
            ("a function that is no longer optional", "interface Schedule", r"(void plan\(std::int64_t\))", r"\1 [pure]"),
            ("a function added to what plugins implement", "interface Schedule", r"(void plan.*)", r"\1\n  slot 5: void more()"),
            ("another parameter", "interface Schedule", r"double at\(std::int64_t\)", "double at(double)"),
            ("another id", "interface Schedule", r"easylm\.schedule/1", "easylm.schedule/2"),
            ("a function put between those of the host", "host interface Registrar",
             r"slot 2: (void add\(ComponentFactory\).*)", r"slot 2: void more()\n  slot 3: \1"),
            ("an added member", "struct Metric", r"(at 16: double value)", r"\1\n  at 24: double error"),
            ("another size", "struct StepContext", r"(struct StepContext\n  size) 40", r"\1 48"),
            ("other values of an enum", "enum LogLevel", r"info = 1\n  warning = 2", "warning = 1\n  info = 2"),
            ("a wider enum", "enum LogLevel", r"enum LogLevel: int", "enum LogLevel: long"),
            ("a removed symbol", "library libeasylm_core.so", r"  easylm::RandomStream::next\(\)\n", ""),
        ]:  # fmt: skip
            with self.subTest(what):
                self.assertEqual(self.judged(before, after), ([f"{name} has changed"], []))

    def test_what_is_gone_is_a_break(self):
        for section in ("struct Metric", "interface Schedule: Component", "enum LogLevel: int"):
            before = rf"{section}\n(  .*\n)+\n"
            self.assertEqual(self.judged(before, ""), ([f"{section.split(': ')[0]} is gone"], []))

    def test_an_addition_is_no_break(self):
        for what, name, before, after in [
            ("a function at the end of what the host implements", "host interface Registrar has changed",
             r"(void add\(ComponentFactory\).*)", r"\1\n  slot 3: void more()"),
            ("a member at the end of the entry struct", "struct EasylmPluginV1 has changed",
             r"size 16, align 8\n(  at 0: std::uint32_t struct_size\n.*)", r"size 24, align 8\n\1\n  at 16: int more"),
            ("a new interface", "interface New is new", r"\nstruct Metric\n", "\ninterface New\n  slot 0: ~New()\n\nstruct Metric\n"),
            ("a further value", "enum LogLevel has changed", r"(error = 3)", r"\1\n  fatal = 4"),
            ("a new symbol", "library libeasylm_core.so has changed",
             r"(  easylm::RandomStream::next\(\))", r"\1\n  easylm::RandomStream::skip()"),
        ]:  # fmt: skip
            with self.subTest(what):
                self.assertEqual(self.judged(before, after), ([], [name]))

    def test_says_what_to_do(self):
        def said(before, after):
            return abi.explain(DESCRIBED, re.sub(before, after, DESCRIBED))

        self.assertIn("raise EASYLM_API_MAJOR", said("at 16: double value", "at 16: float value"))
        self.assertIn("+  at 16: float value", said("at 16: double value", "at 16: float value"))
        self.assertIn("raise EASYLM_API_MINOR", said(r"(error = 3)", r"\1\n  fatal = 4"))


class Read(unittest.TestCase):
    """What is read from headers that were changed by hand, without the tensor half for speed."""

    def test_changes_of_headers_show_in_the_text(self):
        with tempfile.TemporaryDirectory() as folder:
            headers = pathlib.Path(folder)
            shutil.copytree(ROOT / "core/include/easylm", headers / "easylm", ignore=shutil.ignore_patterns("tensor"))
            self.edit(headers / "easylm/schedule.h", r"(virtual double at.*\n)((?:.*\n)*?)(.*virtual void plan.*\n)", r"\3\2\1")
            self.edit(headers / "easylm/tracker.h", r"double value = 0;", "float value = 0; float error = 0;")
            self.edit(headers / "easylm/host.h", r"(virtual const Paths& paths.*)", r"\1 virtual void more();")
            self.edit(headers / "easylm/error.h", r"not_found,.*", "")
            sections, _ = abi.describe_headers(headers, ["-std=c++20"])
        now = abi.parse("\n\n".join(["", *sections]))
        then = {name: lines for name, lines in abi.parse(DESCRIBED).items() if name in now}
        changed = {name for name in now if then.get(name) != now[name]}
        self.assertEqual(changed, {"interface Schedule", "struct Metric", "host interface Host", "enum ErrorCode"})
        self.assertEqual(now["interface Schedule"][-2:], ["  slot 3: void plan(std::int64_t)", "  slot 4: double at(std::int64_t) const [pure]"])
        self.assertEqual(now["struct Metric"][2:], ["  at 0: std::string_view name", "  at 16: float value", "  at 20: float error"])
        self.assertEqual(now["host interface Host"][-1], "  slot 10: void more()")
        self.assertIn("  io = 1", now["enum ErrorCode"])

    def edit(self, file, before, after):
        text, count = re.subn(before, after, file.read_text())
        self.assertEqual(count, 1, before)
        file.write_text(text)


if __name__ == "__main__":
    unittest.main()
