"""config.json in the words of transformers 4 and of transformers 5 is the same model, here and there."""

import json
import os
import pathlib
import subprocess

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

EASYLM = os.environ["EASYLM_BIN"]
SIZES = {"vocab_size": 258, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
         "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64, "initializer_range": 0.3,
         "bos_token_id": 256, "eos_token_id": 257}
ROPE = {
    "default": {"rope_type": "default", "rope_theta": 20000.0},
    "linear": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.0},
    "llama3": {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0,
               "high_freq_factor": 4.0, "original_max_position_embeddings": 16},
}


def easylm(*arguments):
    done = subprocess.run([EASYLM, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def logprobs(folder):
    text = easylm("generate", folder, "--tokenizer", "byte", "--prompt", "the quick brown fox", "--temperature", "0",
                  "--max-new-tokens", "8", "--json")
    return json.loads(text)["logprobs"]


def in_v4_words(config):
    """What transformers 4 writes for the same model."""
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    config["rope_scaling"] = None if rope["rope_type"] == "default" else rope
    config["torch_dtype"] = config.pop("dtype")
    return config | {"transformers_version": "4.57.6"}


@pytest.mark.parametrize("rope", ROPE)
def test_either_style_comes_in_and_goes_out(tmp_path, rope):
    torch.manual_seed(1)
    model = LlamaForCausalLM(LlamaConfig(**SIZES, rope_parameters=ROPE[rope])).eval()
    model.save_pretrained(tmp_path / "v5")
    template = "{{ messages[0].content }}"
    (tmp_path / "v5/chat_template.jinja").write_text(template)
    expected = logprobs(tmp_path / "v5")

    config = json.loads((tmp_path / "v5/config.json").read_text())
    assert "rope_parameters" in config and "dtype" in config
    (tmp_path / "v4").mkdir()
    (tmp_path / "v4/config.json").write_text(json.dumps(in_v4_words(config)))
    (tmp_path / "v4/model.safetensors").write_bytes((tmp_path / "v5/model.safetensors").read_bytes())
    (tmp_path / "v4/chat_template.jinja").write_text(template)
    assert logprobs(tmp_path / "v4") == expected

    ids = torch.tensor([list(b"the quick brown fox")])
    with torch.no_grad():
        logits = model(ids).logits
    for source in ("v4", "v5"):
        for style in ("v4", "v5", "as_is"):
            out = tmp_path / f"{source}-{style}"
            easylm("convert", tmp_path / source, out, "--to", "safetensors", "--set", f"style={style}")
            words = json.loads((out / "config.json").read_text())
            is_v5 = (source if style == "as_is" else style) == "v5"
            assert ("rope_parameters" in words, "dtype" in words) == (is_v5, is_v5)
            assert ("rope_theta" in words, "torch_dtype" in words) == (not is_v5, not is_v5)
            assert (out / "chat_template.jinja").read_text() == template
            assert AutoConfig.from_pretrained(out).rope_parameters == ROPE[rope]
            loaded = AutoModelForCausalLM.from_pretrained(out).eval()
            with torch.no_grad():
                assert torch.equal(loaded(ids).logits, logits)
            assert logprobs(out) == expected


def test_a_directory_of_transformers_4_is_the_same_model_in_the_words_of_5(tmp_path):
    fixture = pathlib.Path(os.environ["EASYLM_SOURCE_DIR"], "tests/fixtures/vectors/checkpoints/v4/config.json")
    (tmp_path / "v4").mkdir()
    (tmp_path / "v4/config.json").write_bytes(fixture.read_bytes())
    torch.manual_seed(7)
    model = LlamaForCausalLM(AutoConfig.from_pretrained(tmp_path / "v4")).eval()
    save_file(model.state_dict(), tmp_path / "v4/model.safetensors", {"format": "pt"})
    easylm("convert", tmp_path / "v4", tmp_path / "v5", "--to", "safetensors", "--set", "style=v5")
    words = json.loads((tmp_path / "v5/config.json").read_text())
    assert words["rope_parameters"] == {**json.loads(fixture.read_text())["rope_scaling"], "rope_theta": 500000.0}
    assert words["dtype"] == "float32" and "rope_scaling" not in words and "torch_dtype" not in words
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "v5").eval()
    ids = torch.tensor([list(b"the quick brown fox")])
    with torch.no_grad():
        assert torch.equal(loaded(ids).logits, model(ids).logits)
    assert logprobs(tmp_path / "v4") == logprobs(tmp_path / "v5")
