"""An EasyLM as a stranger has it: installed into a folder that was moved since, with nothing of the source tree in sight."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["EASYLM_SOURCE_DIR"])
BUILD = pathlib.Path(os.environ["EASYLM_BUILD_DIR"])


def call(*command, cwd=None, env=None, code=0, timeout=900):
    """The finished process; its exit code must be CODE."""
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, text=True,
                          timeout=timeout, check=False)  # fmt: skip
    assert done.returncode == code, f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}"
    return done


class InstalledTest(unittest.TestCase):
    """`folder` is a temporary one with the installation in easylm/; `environment` is that of someone who uses it."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name).resolve()
        call("cmake", "--install", BUILD, "--prefix", cls.folder / "before")
        shutil.move(cls.folder / "before", cls.folder / "easylm")
        cls.bin = cls.folder / "easylm/bin/easylm"
        cls.environment = {
            "PATH": f"{cls.bin.parent}{os.pathsep}{os.environ['PATH']}",
            "CMAKE_PREFIX_PATH": str(cls.folder / "easylm"),
            "CMAKE_GENERATOR": "Ninja",
            "CXX": os.environ["EASYLM_CXX"],
            "XDG_DATA_HOME": str(cls.folder / "data"),  # not the plugins of whoever runs the test
            "EASYLM_PLUGIN_PATH": "",
        }
        if shutil.which("ccache"):  # the name of the temporary folder plays no part, as in cmake/Toolchain.cmake
            cls.environment |= {"CMAKE_CXX_COMPILER_LAUNCHER": "ccache", "CCACHE_BASEDIR": str(cls.folder),
                                "CCACHE_NOHASHDIR": "1"}  # fmt: skip

    def run_in(self, folder, *command, code=0):
        return call(*command, cwd=folder, env=self.environment, code=code)
