"""Who may include whom. The rules are docs/architecture.md's; nobody but a test includes a plugin's header."""

import re
import unittest

import sources

TORCH = re.compile(r"^(torch|ATen|c10|caffe2)/")
SLOW_HEADERS = ("torch/torch.h", "torch/all.h", "torch/extension.h", "ATen/ATen.h")
# These take a compiler a quarter of a minute: one file includes each for everybody (docs/decisions/0006).
HEAVIEST = {
    "ATen/TensorOperators.h": "easylm/tensor/aten.h",
    "torch/csrc/autograd/custom_function.h": "easylm/tensor/autograd_function.h",
}
MAY_INCLUDE_HEAVIEST = "core/tensor/autograd_function.cpp"

# Which rooms a room may include, beside itself.
MAY_INCLUDE = {
    "core/include": (),
    "core/include/tensor": ("core/include",),
    "core/src": ("core/include",),
    "core/tensor": ("core/include", "core/include/tensor"),
    "sdk/include": ("core/include", "core/include/tensor"),
    "sdk/exam": ("core/include", "core/src", "sdk/include"),  # hosts, too
    "sdk/exam/tensor": ("core/include", "core/include/tensor", "core/src", "sdk/exam", "sdk/include"),
    "sdk/tools": ("core/include", "core/src", "sdk/include"),  # the tool that embeds descriptions is a host
    "apps": ("core/include", "core/src"),
}
PLUGIN_MAY_INCLUDE = ("core/include", "core/include/tensor", "sdk/include")
# No LibTorch in these: they start in milliseconds and run under ThreadSanitizer.
TORCH_FREE = ("core/include", "core/src", "sdk/include", "sdk/exam", "sdk/tools", "apps")


def allowed(room):
    return PLUGIN_MAY_INCLUDE if room.startswith(("plugins/", "sdk/examples/")) else MAY_INCLUDE[room]


def broken_rules(name, text, files):
    """One sentence for each include of NAME that a rule forbids."""
    room = sources.room(name)
    for line, form, included in sources.includes(name, text):
        where = f"{name}:{line}: "
        if name.endswith(".h") and included in SLOW_HEADERS:
            yield f"{where}<{included}> takes seconds to compile and is kept out of headers: include what is used"
        if included in HEAVIEST and name != MAY_INCLUDE_HEAVIEST:
            yield f"{where}<{included}> takes a quarter of a minute to compile: include {HEAVIEST[included]}"
        if room == "tests":
            continue
        if TORCH.match(included) and room in TORCH_FREE:
            yield f"{where}{room} is free of LibTorch and includes <{included}>"
        target = sources.resolve(name, included, files)
        if target is None:
            if form == "quoted":
                yield f'{where}"{included}" is no file of ours; others\' headers go in <>'
            continue
        target_room = sources.room(target)
        if target_room != room and target_room not in allowed(room):
            yield f"{where}{room} may not include {target_room} ({target})"


class Includes(unittest.TestCase):
    def test_every_include_is_allowed(self):
        files = set(sources.cpp_files())
        found = [rule for name in sorted(files) for rule in broken_rules(name, sources.read(name), files)]
        self.assertEqual(found, [], "\n" + "\n".join(found))

    def test_sees_each_kind_of_break(self):
        files = {
            "core/include/easylm/tensor/model.h", "core/include/easylm/host.h", "core/src/config/checker.h",
            "plugins/models/llama/llama.h", "plugins/optimizers/adamw/adamw.h", "core/tensor/simd.h",
        }  # fmt: skip
        breaks = [
            ("core/src/config/x.cpp", '#include "easylm/tensor/model.h"'),
            ("core/src/config/x.cpp", "#include <ATen/core/Tensor.h>"),
            ("core/src/config/x.cpp", '#include "models/llama/llama.h"'),
            ("core/include/easylm/x.h", '#include "easylm/tensor/model.h"'),
            ("core/include/easylm/tensor/x.h", "#include <torch/torch.h>"),
            ("core/tensor/x.cpp", '#include "config/checker.h"'),
            ("core/tensor/x.cpp", "#include <ATen/TensorOperators.h>"),
            ("tests/tensor/x.cpp", "#include <torch/csrc/autograd/custom_function.h>"),
            ("plugins/models/llama/x.cpp", '#include "optimizers/adamw/adamw.h"'),
            ("plugins/models/llama/x.cpp", '#include "../../optimizers/adamw/adamw.h"'),
            ("plugins/models/llama/x.cpp", '#include "config/checker.h"'),
            ("plugins/models/llama/x.cpp", '#include "../../../core/tensor/simd.h"'),
            ("apps/easylm/x.cpp", '#include "models/llama/llama.h"'),
        ]
        for name, text in breaks:
            with self.subTest(name=name, text=text):
                self.assertEqual(len(list(broken_rules(name, text, files))), 1)

    def test_allows_what_the_rules_allow(self):
        files = {"core/include/easylm/tensor/model.h", "plugins/models/llama/llama.h", "core/src/config/checker.h"}
        for name, text in [
            ("plugins/models/llama/x.cpp", '#include "easylm/tensor/model.h"\n#include "llama.h"'),
            ("apps/easylm/x.cpp", '#include "config/checker.h"'),
            ("core/tensor/x.cpp", "#include <ATen/ops/add.h>"),
            ("tests/models/x.cpp", '#include "llama/llama.h"'),
        ]:
            self.assertEqual(list(broken_rules(name, text, files)), [])


if __name__ == "__main__":
    unittest.main()
