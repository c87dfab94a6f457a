"""The packages that `make package` makes: they unpack to a program that works, and say all that they need."""

import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import installed

FETCHED = re.compile(r"lib(torch|c10|cudart|gomp|arrow|parquet)")  # by share/easylm/fetch_libraries.sh
OURS = re.compile(r"libeasylm_")
ALWAYS_THERE = {"libc6", "libgcc-s1"}


def packages_of(libraries):
    """The Debian packages that hold LIBRARIES, by name."""
    folders = ("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu")
    found = set()
    for library in libraries:
        for folder in folders:
            owner = subprocess.run(["dpkg", "-S", f"{folder}/{library}"], capture_output=True, text=True, check=False).stdout
            if owner:
                found.add(owner.split(":")[0])
                break
        else:
            raise AssertionError(f"no package holds {library}")
    return found


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name).resolve()
        installed.call("cpack", "--config", installed.BUILD / "CPackConfig.cmake", "-B", cls.folder,
                       "-D", f"CPACK_OUTPUT_FILE_PREFIX={cls.folder}")  # fmt: skip

    def only(self, pattern):
        files = list(self.folder.glob(pattern))
        self.assertEqual(len(files), 1, files)
        return files[0]

    def test_the_archive_unpacks_to_a_program_that_finds_its_plugins(self):
        (self.folder / "unpacked").mkdir()
        installed.call("tar", "-xzf", self.only("*.tar.gz"), "-C", self.folder / "unpacked")
        program = next((self.folder / "unpacked").rglob("bin/easylm"))
        listed = installed.call(program, "plugins", "list", env={"EASYLM_PLUGIN_PATH": "", "XDG_DATA_HOME": "/nonexistent"})
        self.assertIn("llama", listed.stdout)
        self.assertNotIn("refused", listed.stdout)

    @unittest.skipUnless(shutil.which("dpkg-deb"), "dpkg-deb reads Debian's packages")
    def test_the_debian_package_depends_on_every_library_that_it_needs(self):
        package = self.only("*.deb")
        depends = installed.call("dpkg-deb", "--field", package, "Depends").stdout
        named = {word.split()[0] for word in depends.split(",")}
        installed.call("dpkg-deb", "--extract", package, self.folder / "root")
        needed = set()
        for file in (self.folder / "root/usr").rglob("*"):
            if file.is_file() and not file.is_symlink() and file.read_bytes()[:4] == b"\x7fELF":
                needed |= set(re.findall(r"\(NEEDED\).*\[(.+)\]", installed.call("readelf", "-dW", file).stdout))
        system = {name for name in needed if not FETCHED.match(name) and not OURS.match(name)}
        self.assertGreater(len(system), 8)
        self.assertEqual(packages_of(system) - ALWAYS_THERE - named, set())


if __name__ == "__main__":
    unittest.main()
