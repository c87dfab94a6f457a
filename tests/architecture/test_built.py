"""The built files keep the promise: the host does not link LibTorch, and a plugin exports one symbol."""

import os
import pathlib
import re
import subprocess
import unittest

BUILD = pathlib.Path(os.environ["EASYLM_BUILD_DIR"])
TORCH = re.compile(r"lib(torch|c10|caffe2|easylm_tensor)")


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def needed(file):
    return re.findall(r"\(NEEDED\).*\[(.+)\]", output_of("readelf", "-dW", file))


class Built(unittest.TestCase):
    def test_the_host_is_free_of_libtorch(self):
        for file in (BUILD / "lib/libeasylm_core.so", BUILD / "bin/easylm"):
            libraries = needed(file)
            self.assertTrue(libraries, file)
            self.assertEqual([name for name in libraries if TORCH.match(name)], [], file)

    def test_the_tensor_half_is_not(self):
        # Guards the test above: the pattern does find LibTorch where it is.
        libraries = needed(BUILD / "lib/libeasylm_tensor.so")
        self.assertTrue([name for name in libraries if TORCH.match(name)], libraries)

    def test_every_plugin_exports_one_symbol(self):
        plugins = sorted((BUILD / "lib/easylm/plugins").glob("easylm_*.so"))
        self.assertGreater(len(plugins), 5)
        for plugin in plugins:
            lines = output_of("nm", "-D", "--defined-only", plugin).splitlines()
            self.assertEqual([line.split()[-1] for line in lines], ["easylm_plugin_v1"], plugin.name)


if __name__ == "__main__":
    unittest.main()
