"""Files of at most 400 lines, functions of at most 60, and a sentence of purpose at the top of each."""

import pathlib
import unittest

import sources

FILE_LINES = 400
FUNCTION_LINES = 60

# What may be longer, and why. An entry that is no longer needed fails the test too.
LONG_FILES = {}
LONG_FUNCTIONS = {}

OPENS_WITH = {".py": ('"""', "#"), ".sh": ("#!",), ".cpp": ("//",), ".h": ("//",), ".cu": ("//",)}


def opens_with_a_purpose(suffix, text):
    lines = [line for line in text.splitlines() if line.strip() and line.strip() != "#pragma once"]
    if not lines or not lines[0].startswith(OPENS_WITH[suffix]):
        return False
    return suffix != ".sh" or (len(lines) > 1 and lines[1].startswith("# "))


class Size(unittest.TestCase):
    def assert_none(self, found):
        self.assertEqual(found, [], "\n" + "\n".join(found))

    def test_files_are_short(self):
        files = {n: sources.read(n).count("\n") for n in sources.tracked("*.cpp", "*.h", "*.cu", "*.py", "*.sh", "*.cmake")}
        long = {name for name, lines in files.items() if lines > FILE_LINES}
        self.assert_none([f"{n}: {files[n]} lines, {FILE_LINES} at most" for n in sorted(long - LONG_FILES.keys())])
        self.assert_none([f"{name} is short again: take it off the list" for name in LONG_FILES.keys() - long])

    def test_functions_are_short(self):
        long = {}
        for name in sources.cpp_files():
            for line, length in sources.functions(sources.read(name)):
                if length > FUNCTION_LINES:
                    long.setdefault(name, []).append((line, length))
        self.assert_none([
            f"{name}:{line}: a function of {length} lines, {FUNCTION_LINES} at most"
            for name in sorted(long.keys() - LONG_FUNCTIONS.keys())
            for line, length in long[name]
        ])  # fmt: skip
        self.assert_none([f"{n}: functions are short again: take it off the list" for n in LONG_FUNCTIONS.keys() - long.keys()])

    def test_every_exception_has_a_reason(self):
        for name, reason in {**LONG_FILES, **LONG_FUNCTIONS}.items():
            self.assertGreater(len(reason), 20, name)

    def test_every_file_opens_with_its_purpose(self):
        files = [name for name in sources.tracked() if pathlib.PurePath(name).suffix in OPENS_WITH]
        self.assert_none([
            f"{name}: opens without a comment that says what it is for"
            for name in files
            if not opens_with_a_purpose(pathlib.PurePath(name).suffix, sources.read(name))
        ])  # fmt: skip

    def test_sees_a_file_without_a_purpose(self):
        self.assertFalse(opens_with_a_purpose(".cpp", '#include "a.h"\n// late\n'))
        self.assertFalse(opens_with_a_purpose(".sh", "#!/bin/bash\nset -e\n"))
        self.assertTrue(opens_with_a_purpose(".h", "// Says it.\n#pragma once\n"))


if __name__ == "__main__":
    unittest.main()
