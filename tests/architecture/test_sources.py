"""The readers that the architecture tests rely on: they must see what is there, and only that."""

import unittest

import sources

SAMPLE = '''// A comment with a brace { and a "quote.
#include "a.h"
#define OPEN {
namespace x {
struct Point {
  int x{};
  Point(int a)
      : x{a}, y_(2) {
    use("}", '{', 1'000, R"(}})");
  }
  int get() const { return x; }
};
constexpr int kTable[] = {
    1,
    2,
};
template <typename T>
T twice(T value) {
  auto f = [&] {
    return value;
  };
  return f() + f();
}
}  // namespace x
'''


class Sources(unittest.TestCase):
    def test_finds_functions_and_nothing_else(self):
        self.assertEqual(list(sources.functions(SAMPLE)), [(7, 4), (11, 1), (17, 7)])

    def test_counts_a_long_function(self):
        text = "int f() {\n" + "  g();\n" * 70 + "}\n"
        self.assertEqual(list(sources.functions(text)), [(1, 72)])

    def test_blanks_literals_and_keeps_lines(self):
        blanked = sources.blanked(SAMPLE)
        self.assertEqual(blanked.count("\n"), SAMPLE.count("\n"))
        self.assertNotIn("quote", blanked)
        self.assertEqual(blanked.count("{"), blanked.count("}"))

    def test_sees_both_forms_of_include(self):
        found = list(sources.includes("x.cpp", '#include "a.h"\n  # include <b/c.h>\n// #include "d.h"\n'))
        self.assertEqual(found, [(1, "quoted", "a.h"), (2, "angled", "b/c.h")])

    def test_names_rooms(self):
        self.assertEqual(sources.room("core/include/easylm/tensor/model.h"), "core/include/tensor")
        self.assertEqual(sources.room("core/include/easylm/host.h"), "core/include")
        self.assertEqual(sources.room("plugins/optimizers/adamw/adamw.cpp"), "plugins/optimizers/adamw")
        self.assertEqual(sources.room("apps/easylm/main.cpp"), "apps")

    def test_there_are_files_to_check(self):
        self.assertGreater(len(sources.cpp_files()), 50)


if __name__ == "__main__":
    unittest.main()
