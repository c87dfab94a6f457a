"""A small home that the commands in docs/registry.md are run against."""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "end_to_end"))
import easylm_cli  # noqa: E402


def make(folder):
    """In FOLDER/runs: shakespeare:1 to :6 of two runs, the second going on from :3; narrow:1; alias and tag."""
    for name, text in (("train.txt", easylm_cli.SENTENCE * 60), ("validation.txt", easylm_cli.SENTENCE * 6),
                       ("tiny.toml", easylm_cli.TINY)):
        (folder / name).write_text(text)
    environment = {**os.environ, "EASYLM_HOME": str(folder / "runs")}

    def easylm(*arguments):
        subprocess.run([easylm_cli.BIN, *arguments], cwd=folder, env=environment, check=True, capture_output=True,
                       timeout=120)

    def train(name, steps, *settings):
        values = (f"run.name={name}", f"stage.train.steps={steps}", "checkpoint.keep_last=0", *settings)
        easylm("run", "tiny.toml", *(word for value in values for word in ("--set", value)))

    train("shakespeare", 30)
    easylm("registry", "alias", "shakespeare", "prod", "2")
    train("shakespeare", 60)
    train("narrow", 10, "model.hidden_size=16", "optimizer.schedule.value=1e-3")
    easylm("registry", "tag", "shakespeare:6", "owner=ana")
