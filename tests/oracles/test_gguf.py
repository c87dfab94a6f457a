"""GGUF both ways: what we read equals what `gguf` and transformers read, and llama.cpp runs what we write."""

import io
import json
import os
import pathlib
import subprocess
import urllib.request

import gguf
import numpy as np
import pytest
import sentencepiece
import torch
import transformers
import xllamacpp
from safetensors.torch import load_file
from smollm2 import SMOLLM2, dequantised_model, gguf_tokenizer
from test_hugging_face import NEW_TOKENS, PROMPT, train
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from transformers.convert_slow_tokenizer import bytes_to_unicode

EASYLM = os.environ["EASYLM_BIN"]
CONVERT = os.environ["EASYLM_CONVERT"]

TEXTS = ["Hello world", "", " ", "  two  spaces\n\n\nand\tlines \r\n", "It's 12345 o'clock, isn't it? WE'LL see",
         "for (int i=0; i<10; ++i) { x[i] += 0.5; }", "naïve café — “quotes”…", "日本語のテキスト と 한국어", "😀👩‍👩‍👧‍👦 ﷽",
         "a" * 50, "1 22 333 4444 ²³½ ٣٤٥", "<|im_start|>user\nhi<|im_end|>\n", "\u00a0\u2003x\u200b", "ÀÉÎõü Straße"]


def convert(source, kind, folder, *more):
    done = subprocess.run([CONVERT, source, kind, folder, *more], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def smollm2(tmp_path_factory):
    """Our reading of SmolLM2, as a Hugging Face directory."""
    return convert(SMOLLM2, "safetensors", tmp_path_factory.mktemp("smollm2"))


class LlamaServer:
    """llama.cpp with one model, asked over its own HTTP interface."""

    def __init__(self, path, context=512):
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(path)
        parameters.n_ctx = context
        parameters.n_parallel = 1
        parameters.cpuparams.n_threads = 2
        parameters.warmup = False
        parameters.port = 0
        self.server = xllamacpp.Server(parameters)

    def ask(self, place, **question):
        request = urllib.request.Request(self.server.listening_address + place, json.dumps(question).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def tokenize(self, text, special=False):
        return self.ask("/tokenize", content=text, add_special=special, parse_special=special)["tokens"]

    def greedy(self, ids, count, **more):
        return self.ask("/completion", prompt=ids, n_predict=count, temperature=0, return_tokens=True,
                        cache_prompt=False, **more)["tokens"]


def test_smollm2_is_dequantised_to_the_bit(smollm2):
    ours = load_file(smollm2 / "model.safetensors")
    state = {name: tensor for name, tensor in dequantised_model().state_dict().items() if name != "lm_head.weight"}
    assert sorted(ours) == sorted(state)
    for name, tensor in state.items():
        assert torch.equal(ours[name].view(torch.int32), tensor.view(torch.int32)), name
    embedding = next(t for t in gguf.GGUFReader(SMOLLM2).tensors if t.name == "token_embd.weight")
    expected = gguf.dequantize(embedding.data, embedding.tensor_type)
    assert np.array_equal(ours["model.embed_tokens.weight"].numpy(), expected)


def test_smollm2_has_the_configuration_that_transformers_reads(smollm2):
    ours = json.loads((smollm2 / "config.json").read_text())
    theirs = transformers.AutoConfig.from_pretrained(SMOLLM2.parent, gguf_file=SMOLLM2.name)
    for key in ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
                "num_key_value_heads", "head_dim", "max_position_embeddings", "bos_token_id", "hidden_act"):
        assert ours[key] == getattr(theirs, key), key
    assert ours["tie_word_embeddings"] is True
    assert ours["rms_norm_eps"] == 1e-5
    assert ours["rope_theta"] == 100000.0
    assert ours["model_type"] == "llama"


def test_smollm2_tokenizer_is_that_of_transformers_and_llama_cpp(smollm2):
    ours = Tokenizer.from_file(str(smollm2 / "tokenizer.json"))
    theirs = gguf_tokenizer()
    llama = LlamaServer(SMOLLM2)
    for text in TEXTS:
        ids = ours.encode(text).ids
        assert ids == llama.tokenize(text, special=True), text
        assert ours.decode(ids, skip_special_tokens=False) == text
        if not any(c.isdigit() or c.isnumeric() for c in text):  # transformers leaves digits together
            assert ids == theirs.encode(text), text
    assert theirs.chat_template == AutoTokenizer.from_pretrained(smollm2).chat_template


def test_a_directory_made_of_a_gguf_loads_as_it_is(smollm2):
    tokenizer = AutoTokenizer.from_pretrained(smollm2)
    assert (tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token) == ("<|im_start|>", "<|im_end|>", "<|im_end|>")
    generation = json.loads((smollm2 / "generation_config.json").read_text())
    assert generation["eos_token_id"] == [2, 0]  # <|im_end|>, <|endoftext|>
    model = AutoModelForCausalLM.from_pretrained(smollm2)
    chat = tokenizer.apply_chat_template([{"role": "user", "content": "What is the capital of France?"}],
                                         add_generation_prompt=True, return_tensors="pt", return_dict=True)
    out = model.generate(**chat, max_new_tokens=12, do_sample=False)
    assert "Paris" in tokenizer.decode(out[0][chat["input_ids"].shape[1]:])


def stored_types(path):
    return {t.name: t.tensor_type.name for t in gguf.GGUFReader(path).tensors}


@pytest.mark.parametrize("quantize", ["none", "f16", "bf16", "q8_0", "q4_0", "q4_1"])
def test_what_we_write_is_what_the_gguf_package_makes(smollm2, tmp_path, quantize):
    convert(smollm2, "gguf", tmp_path, f"quantize={quantize}")
    kind = "F32" if quantize == "none" else quantize.upper()
    source = load_file(smollm2 / "model.safetensors")
    for tensor in gguf.GGUFReader(tmp_path / "model.gguf").tensors:
        if tensor.name not in ("token_embd.weight", "blk.7.ffn_down.weight", "blk.7.attn_norm.weight"):
            continue
        names = {"token_embd.weight": "model.embed_tokens.weight",
                 "blk.7.ffn_down.weight": "model.layers.7.mlp.down_proj.weight",
                 "blk.7.attn_norm.weight": "model.layers.7.input_layernorm.weight"}
        expected_kind = "F32" if "norm" in tensor.name else kind
        if tensor.name == "token_embd.weight" and kind.startswith("Q4"):
            expected_kind = "Q8_0"
        assert tensor.tensor_type.name == expected_kind
        expected = gguf.quantize(source[names[tensor.name]].numpy(), tensor.tensor_type)
        assert np.array_equal(tensor.data.view(np.uint8).ravel(), expected.view(np.uint8).ravel()), tensor.name


def test_smollm2_comes_back_as_it_went(smollm2, tmp_path):
    convert(smollm2, "gguf", tmp_path / "gguf")
    back = convert(tmp_path / "gguf" / "model.gguf", "safetensors", tmp_path / "back")
    ours, again = load_file(smollm2 / "model.safetensors"), load_file(back / "model.safetensors")
    assert sorted(ours) == sorted(again)
    for name, tensor in ours.items():
        assert torch.equal(tensor.view(torch.int32), again[name].view(torch.int32)), name
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        assert json.loads((smollm2 / name).read_text()) == json.loads((back / name).read_text()), name


def test_llama_cpp_runs_what_we_write_of_smollm2(smollm2, tmp_path):
    convert(smollm2, "gguf", tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(smollm2)
    model = AutoModelForCausalLM.from_pretrained(smollm2, dtype=torch.float32)
    llama = LlamaServer(tmp_path / "model.gguf")
    for text in TEXTS:
        assert tokenizer.encode(text) == llama.tokenize(text, special=True), text
    for prompt in ("The capital of France is", "Once upon a time"):
        ids = tokenizer.encode(prompt)
        expected = model.generate(torch.tensor([ids]), max_new_tokens=24, do_sample=False)[0][len(ids):].tolist()
        assert llama.greedy(ids, 24) == expected, prompt


def byte_tokenizer(folder):
    """256 letters for 256 bytes, nothing merges; ids 256 and 257 begin and end a text."""
    vocab = {letter: byte for byte, letter in bytes_to_unicode().items()}
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|bos|>", "<|eos|>"])
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<|bos|>", eos_token="<|eos|>").save_pretrained(folder)


def random_llama(folder, **settings):
    torch.manual_seed(5)
    config = LlamaConfig(vocab_size=300, hidden_size=64, intermediate_size=96, num_hidden_layers=2,
                         num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256,
                         bos_token_id=256, eos_token_id=257, **settings)
    model = LlamaForCausalLM(config).float()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)
    byte_tokenizer(folder)
    return model


LLAMA3 = {"rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0,
          "high_freq_factor": 4.0, "original_max_position_embeddings": 64}


@pytest.mark.parametrize("settings", [{"tie_word_embeddings": True}, {"tie_word_embeddings": False},
                                      {"head_dim": 32}, {"attention_bias": True, "mlp_bias": True},
                                      {"rope_parameters": LLAMA3},
                                      {"rope_parameters": {"rope_type": "linear", "factor": 2.0,
                                                           "rope_theta": 500.0}}],
                         ids=["tied", "untied", "wide_heads", "biases", "llama3", "linear"])
def test_llama_cpp_computes_what_transformers_computes(tmp_path, settings):
    model = random_llama(tmp_path / "hf", **settings)
    convert(tmp_path / "hf", "gguf", tmp_path / "gguf")
    back = convert(tmp_path / "gguf" / "model.gguf", "safetensors", tmp_path / "back")
    again = AutoModelForCausalLM.from_pretrained(back, dtype=torch.float32)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name
    ids = torch.randint(0, 256, (1, 200), generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        assert torch.equal(model(ids).logits, again(ids).logits)
        expected = model.generate(ids, max_new_tokens=16, do_sample=False, eos_token_id=None,
                                  suppress_tokens=[257])[0][200:].tolist()
    llama = LlamaServer(tmp_path / "gguf" / "model.gguf")
    assert llama.greedy(ids[0].tolist(), 16, ignore_eos=True) == expected


def sentencepiece_file(path):
    """A LLaMA of random weights with a SentencePiece BPE that was trained on this repository's pages."""
    pages = sorted((pathlib.Path(os.environ["EASYLM_SOURCE_DIR"]) / "docs").glob("*.md"))
    lines = [line for page in pages for line in page.read_text().splitlines() if line.strip()]
    trained = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=trained, model_type="bpe", vocab_size=900, byte_fallback=True,
        normalization_rule_name="identity", remove_extra_whitespaces=False, minloglevel=2, num_threads=1)
    pieces = sentencepiece.SentencePieceProcessor(model_proto=trained.getvalue())
    types = [gguf.TokenType.UNKNOWN if pieces.is_unknown(i) else gguf.TokenType.CONTROL if pieces.is_control(i)
             else gguf.TokenType.BYTE if pieces.is_byte(i) else gguf.TokenType.NORMAL for i in range(900)]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(128)
    writer.add_embedding_length(64)
    writer.add_block_count(1)
    writer.add_feed_forward_length(64)
    writer.add_head_count(4)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("llama")
    writer.add_token_list([pieces.id_to_piece(i) for i in range(900)])
    writer.add_token_scores([pieces.get_score(i) for i in range(900)])
    writer.add_token_types(types)
    random = np.random.default_rng(0)
    matrices = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
    shapes = {"token_embd": (900, 64), "output_norm": (64,), "blk.0.attn_norm": (64,), "blk.0.ffn_norm": (64,),
              **{f"blk.0.{name}": (64, 64) for name in matrices}}
    for name, shape in shapes.items():
        writer.add_tensor(name + ".weight", random.standard_normal(shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return pieces, lines


def test_a_sentencepiece_tokenizer_goes_both_ways(tmp_path):
    pieces, lines = sentencepiece_file(tmp_path / "theirs.gguf")
    read = convert(tmp_path / "theirs.gguf", "safetensors", tmp_path / "read")
    convert(read, "gguf", tmp_path / "ours")
    back = convert(tmp_path / "ours" / "model.gguf", "safetensors", tmp_path / "back")
    assert (read / "tokenizer.json").read_text() == (back / "tokenizer.json").read_text()
    ours = Tokenizer.from_file(str(read / "tokenizer.json"))
    theirs = AutoTokenizer.from_pretrained(tmp_path, gguf_file="theirs.gguf")
    llama = LlamaServer(tmp_path / "ours" / "model.gguf")
    odd = ["the  two   spaces", "  lead", "trail  ", "new\nline\n\n", "Ünïcödé ☃ 日本", "</s> <s> <unk> <0x0A>", "a", "", "\t"]
    for text in lines[::20] + odd:
        ids = ours.encode(text).ids
        assert ids == llama.tokenize(text, special=True), text
        if "<" not in text:
            assert ids == [1, *pieces.encode(text)], text
            assert ours.decode(ids) == text
    for text in lines[::20]:
        if not text.startswith(" ") and "<" not in text:  # transformers puts no mark before a space or after a token
            assert ours.encode(text).ids[1:] == theirs.encode(text, add_special_tokens=False), text


def test_a_model_trained_here_says_the_same_in_llama_cpp(tmp_path):
    version = train(tmp_path)
    convert(version, "gguf", tmp_path / "gguf")
    tokenizer, model = AutoTokenizer.from_pretrained(version), AutoModelForCausalLM.from_pretrained(version).float()
    ids = tokenizer.encode(PROMPT)
    expected = model.generate(torch.tensor([ids]), max_new_tokens=NEW_TOKENS, do_sample=False)[0][len(ids):].tolist()
    llama = LlamaServer(tmp_path / "gguf" / "model.gguf")
    assert llama.tokenize(PROMPT, special=True) == ids
    assert llama.greedy(ids, NEW_TOKENS, ignore_eos=True) == expected
