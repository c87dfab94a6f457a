"""Every plugin that we ship passes the exam that we ask others to pass."""

import json
import os
import pathlib
import subprocess
import unittest

BIN = pathlib.Path(os.environ["EASYLM_BIN"])
PLUGINS = BIN.parents[1] / "lib/easylm/plugins"
HERE = pathlib.Path(__file__).resolve().parent

# The settings of a component are those that it has in pipeline.toml, or, by its plugin's name, in one that this
# changes.
SETS = {
    "schedule_constant": ['optimizer.schedule={type="constant",value=1e-3}'],
    "schedule_inverse_sqrt": ['optimizer.schedule={type="inverse_sqrt",peak=1e-3,warmup_steps=10}'],
    "schedule_wsd": ['optimizer.schedule={type="wsd",peak=1e-3,warmup_steps=10,decay_steps=10}'],
    "optimizer_palm": ['optimizer={type="palm"}'],
}


class Bundled(unittest.TestCase):
    def test_all_pass(self):
        plugins = sorted(PLUGINS.glob("easylm_*.so"))
        self.assertGreater(len(plugins), 20)
        for plugin in plugins:
            name = plugin.stem.removeprefix("easylm_")
            sets = [word for text in SETS.get(name, []) for word in ("--set", text)]
            with self.subTest(plugin=name):
                done = subprocess.run(
                    [BIN, "plugins", "test", plugin, "--pipeline", "pipeline.toml", "--json", *sets],
                    cwd=HERE, capture_output=True, text=True, timeout=600, check=False)  # fmt: skip
                report = json.loads(done.stdout)
                failed = [f"{r['component']}:{r['test']}: {r['text']}" for r in report["results"] if r["verdict"] == "failed"]
                self.assertEqual(failed, [], done.stderr)
                self.assertEqual(done.returncode, 0)


if __name__ == "__main__":
    unittest.main()
