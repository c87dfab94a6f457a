"""What trains, against torch and transformers with numbers that were never committed: the vectors' scripts are run with
a fresh seed, and the C++ tests read what they wrote."""

import os
import pathlib
import subprocess
import sys
import time

import pytest

HERE = pathlib.Path(__file__).parent
PROGRAMS = pathlib.Path(os.environ["EASYLM_BIN"]).parent
CASES = {
    "adamw_torch": ("test_optimizers", "AdamW.EqualsTorch*"),
    "train_torch": ("test_stages", "TrainStep.Equals*"),
    "sampler_hf": ("test_stages", "Sampler.EqualsTransformers*"),
}


def write_vectors(script, folder, seed):
    out = folder / f"{script}.json"
    subprocess.run([sys.executable, HERE / f"{script}.py", out, "--seed", str(seed)], check=True)
    return out


@pytest.mark.parametrize("script", CASES)
def test_agrees_with_a_fresh_seed(script, tmp_path):
    seed = int(time.time())
    write_vectors(script, tmp_path, seed)
    program, tests = CASES[script]
    done = subprocess.run([PROGRAMS / program, f"--gtest_filter={tests}"], capture_output=True, text=True, check=False,
                          env={**os.environ, "EASYLM_VECTORS": str(tmp_path)})
    assert done.returncode == 0, f"seed {seed}:\n{done.stdout}{done.stderr}"
    assert "[  PASSED  ] 0 tests" not in done.stdout
