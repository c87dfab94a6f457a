"""The documentation says what is true: links lead somewhere, and commands in it exist.

A fenced block marked `sh` holds commands that must exist; one marked `sh runnable` is run, in the root of the checkout,
with EASYLM_HOME in a temporary folder; those marked `sh runnable installed` by tests/sdk. The blocks of a page marked `sh runnable sample` are run one after the other
beside a home that sample_home.py made, with easylm on the PATH.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import urllib.parse

import sample_home

ROOT = pathlib.Path(os.environ["EASYLM_SOURCE_DIR"])
BIN = os.environ["EASYLM_BIN"]

FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<body>.*?)^```$", re.M | re.S)
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
VERB_PARTS = re.compile(r"[a-z-]+")


def with_easylm(home):
    """The environment of commands that the documentation has users run."""
    path = str(pathlib.Path(BIN).resolve().parent) + os.pathsep + os.environ["PATH"]
    return {**os.environ, "EASYLM_HOME": str(home), "PATH": path}


def pages():
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return [name for name in names if name and (ROOT / name).is_file()]


def blocks(text):
    """(info string, body) of each fenced block."""
    return [(match["info"].strip(), match["body"]) for match in FENCE.finditer(text)]


def commands(text):
    """The command lines in the blocks marked sh, continued lines joined, without comments."""
    for info, body in blocks(text):
        if info.split()[:1] == ["sh"]:
            for line in body.replace("\\\n", " ").splitlines():
                if line.strip() and not line.strip().startswith("#"):
                    yield line.strip()


def anchors(text):
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def problem_of_link(page, target):
    """What is wrong with a link of PAGE, or None."""
    if re.match(r"[a-z]+:", target):
        return None
    path, _, anchor = urllib.parse.unquote(target).partition("#")
    file = (ROOT / page).parent / path if path else ROOT / page
    if not file.exists():
        return f"{page}: the link {target} leads nowhere"
    if anchor and anchor not in anchors(file.read_text(encoding="utf-8")):
        return f"{page}: {path or page} has no heading #{anchor}"
    return None


def succeeds(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60).returncode == 0


def verb_exists(words):
    """Whether `easylm WORDS` begins with a verb: of one word, or of two."""
    verb = [word for word in words[:2] if VERB_PARTS.fullmatch(word)]
    return any(verb[:count] and succeeds(BIN, *verb[:count], "--help") for count in (2, 1))


def problem_of_command(line):
    """Why LINE can't be a command of this checkout, or None."""
    if subprocess.run(["bash", "-n", "-c", line], capture_output=True).returncode != 0:
        return f"`{line}` is no shell command"
    words = line.split()
    while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
        words.pop(0)
    program, arguments = words[0], words[1:]
    if pathlib.PurePath(program).name == "easylm":
        return None if verb_exists(arguments) else f"`{line}`: there is no such verb"
    if program == "make":
        targets = [word for word in arguments if "=" not in word]
        return None if succeeds("make", "-n", *targets) else f"`{line}`: there is no such target"
    if "/" in program:
        return None if os.access(ROOT / program, os.X_OK) else f"`{line}`: {program} is no program"
    return None if succeeds("bash", "-c", f"command -v {program}") else f"`{line}`: {program} is not installed"


class Docs(unittest.TestCase):
    def assert_none(self, found):
        self.assertEqual(found, [], "\n" + "\n".join(found))

    def test_links_lead_somewhere(self):
        found = []
        for page in pages():
            text = FENCE.sub("", (ROOT / page).read_text(encoding="utf-8"))
            found += [problem_of_link(page, target) for target in LINK.findall(text)]
        self.assert_none([problem for problem in found if problem])

    def test_commands_exist(self):
        lines = {(page, line) for page in pages() for line in commands((ROOT / page).read_text(encoding="utf-8"))}
        self.assertGreater(len(lines), 5)
        problems = [(page, problem_of_command(line)) for page, line in sorted(lines)]
        self.assert_none([f"{page}: {problem}" for page, problem in problems if problem])

    def test_runnable_blocks_run(self):
        ran = 0
        for page in pages():
            for info, body in blocks((ROOT / page).read_text(encoding="utf-8")):
                if info != "sh runnable":
                    continue
                with self.subTest(page=page), tempfile.TemporaryDirectory() as home:
                    command = ["bash", "-euo", "pipefail", "-c", body]
                    done = subprocess.run(command, cwd=ROOT, env=with_easylm(home), capture_output=True, text=True, timeout=240)
                    self.assertEqual(done.returncode, 0, f"{body}\n{done.stdout}{done.stderr}")
                    ran += 1
        self.assertGreater(ran, 0)

    def test_runnable_blocks_run_beside_a_sample(self):
        pages_with_samples = 0
        for page in pages():
            bodies = [body for info, body in blocks((ROOT / page).read_text(encoding="utf-8")) if info == "sh runnable sample"]
            if not bodies:
                continue
            pages_with_samples += 1
            with tempfile.TemporaryDirectory() as folder:
                sample_home.make(pathlib.Path(folder))
                environment = with_easylm(f"{folder}/runs")
                for body in bodies:
                    with self.subTest(page=page, body=body):
                        command = ["bash", "-euo", "pipefail", "-c", body]
                        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
                        self.assertEqual(done.returncode, 0, f"{body}\n{done.stdout}{done.stderr}")
                        self.assertNotIn("note:", done.stderr, body)
        self.assertGreater(pages_with_samples, 0)

    def test_the_reference_is_what_the_plugins_say(self):
        bundled_alone = {**os.environ, "EASYLM_PLUGIN_PATH": "", "XDG_DATA_HOME": "/nonexistent"}
        command = [BIN, "plugins", "describe", "--markdown"]
        said = subprocess.run(command, env=bundled_alone, check=True, capture_output=True, text=True).stdout
        written = (ROOT / "docs/reference.md").read_text(encoding="utf-8")
        if "`bpt_cuda`" not in said:  # built without nvcc
            written = re.sub(r"### attention `bpt_cuda`\n.*?(?=\n### )\n", "", written, flags=re.S)
        self.assertEqual(written, said, "docs/reference.md is out of date; hint: make docs")

    def test_the_pages_of_interfaces_are_what_the_headers_say(self):
        with tempfile.TemporaryDirectory() as folder:
            programs = pathlib.Path(BIN).resolve().parents[1] / "lib/easylm"
            subprocess.run([sys.executable, "-B", ROOT / "tools/interface_pages.py", programs, folder], check=True)
            for made in sorted(pathlib.Path(folder).iterdir()):
                written = (ROOT / "docs/interfaces" / made.name).read_text(encoding="utf-8")
                self.assertEqual(written, made.read_text(encoding="utf-8"), f"{made.name} is out of date; hint: make docs")

    def test_sees_what_is_wrong(self):
        self.assertIsNotNone(problem_of_command("easylm no-such-verb x"))
        self.assertIsNotNone(problem_of_command("make no-such-target"))
        self.assertIsNotNone(problem_of_command("tools/no_such_program.sh"))
        self.assertIsNotNone(problem_of_command("no-such-program"))
        self.assertIsNotNone(problem_of_command("echo 'unclosed"))
        self.assertIsNotNone(problem_of_link("README.md", "docs/nowhere.md"))
        self.assertIsNotNone(problem_of_link("README.md", "#no-such-heading"))
        self.assertIsNone(problem_of_command("easylm plugins list --json"))


if __name__ == "__main__":
    unittest.main()
