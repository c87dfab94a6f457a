"""Small tokenizers of every style that LLaMA-like models use, trained here by Hugging Face's tokenizers library."""

import json

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
          r"\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")
TEKKEN = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|"
          r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}|"
          r" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
# No scanner of ours is made for this one.
UNKNOWN = r"\p{Han}+|[A-Za-z]+[0-9]?|\d{1,2}|\s+$|[^\s\w]+|\w|\s"

TRAINING = [
    "The quick brown fox jumps over the lazy dog. It's a dog's life, isn't it? We've seen they'll come; I'm here.",
    "def main(argc, argv):\n    if argc > 1:\n        return argv[0] + 'x' * 10  # 2024-01-31 3.14159\n\n\n",
    "Ünïcödé façade naïve crème brûlée Straße ÀÉÎ àéî Tiếng Việt ﬁne ½ x² ＡＢＣ",
    "Быстрая коричневая лиса прыгает. Το γρήγορο καφέ. مرحبا بالعالم. नमस्ते दुनिया. สวัสดี",
    "日本語のテキストと中文文本。한국어 텍스트 😀😀 👩‍👩‍👧",
    "    indented\t\ttabs   and   spaces \u00a0\u3000 wide",
] * 8


def train(tokenizer, size, **options):
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False, **options)
    tokenizer.train_from_iterator(TRAINING, trainer)
    return tokenizer


def byte_level(pre_tokenizer, size=600, normalizer=None, **model):
    tokenizer = Tokenizer(models.BPE(**model))
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    train(tokenizer, size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def split(pattern):
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])


def gpt2():
    tokenizer = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False), unk_token="<|endoftext|>")
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    tokenizer.add_special_tokens(["<|endoftext|>"])
    tokenizer.add_tokens([AddedToken("  ", normalized=True), AddedToken("   ", normalized=True), "[tool]"])
    return tokenizer


def gpt2_prefix():
    tokenizer = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=True))
    tokenizer.post_processor = processors.ByteLevel(add_prefix_space=True, trim_offsets=True)
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True), "<s>", "</s>"])
    return tokenizer


def smollm():
    tokenizer = byte_level(pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                                    pre_tokenizers.ByteLevel(add_prefix_space=False)]))
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    return tokenizer


def llama3():
    tokenizer = byte_level(split(LLAMA3), ignore_merges=True)
    tokenizer.add_special_tokens(["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"])
    begin = tokenizer.token_to_id("<|begin_of_text|>")
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", begin)]),
    ])
    return tokenizer


def qwen2():
    tokenizer = byte_level(split(QWEN2), normalizer=normalizers.NFC())
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    tokenizer.add_tokens([AddedToken("<tool_call>", normalized=False), AddedToken("é!", normalized=True)])
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def tekken():
    return byte_level(split(TEKKEN), ignore_merges=True)


def tekken_removing():
    """The other way to say the same: what the pattern doesn't match goes."""
    return byte_level(pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(TEKKEN), "removed", invert=True),
                                               pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]))


def own_pattern():
    return byte_level(split(UNKNOWN))


def missing_letters(**model):
    """Bytes that training never saw have no letter."""
    tokenizer = Tokenizer(models.BPE(**model))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    train(tokenizer, 300, special_tokens=list(filter(None, [model.get("unk_token")])), limit_alphabet=100)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def sentencepiece(size=700, **model):
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True, **model))
    specials = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    return tokenizer, specials


def llama2():
    """As the converter writes it: all is one piece."""
    tokenizer, specials = sentencepiece()
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")  # for the training alone
    train(tokenizer, 700, special_tokens=specials, limit_alphabet=120)
    text = json.loads(tokenizer.to_str())
    text["pre_tokenizer"] = None
    text["added_tokens"] = text["added_tokens"][:3]
    text["decoder"] = {"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}
    text["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                 {"SpecialToken": {"id": "<s>", "type_id": 1}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}}
    return Tokenizer.from_str(json.dumps(text))


def metaspace(scheme, splits):
    tokenizer, specials = sentencepiece()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)
    train(tokenizer, 700, special_tokens=specials, limit_alphabet=120)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=splits)
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme=scheme)])
    text = json.loads(tokenizer.to_str())
    text["added_tokens"] = text["added_tokens"][:3]
    return Tokenizer.from_str(json.dumps(text))


def unknowns():
    """No bytes to fall back to: <unk>, one for each run."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.Strip(), normalizers.Lowercase(), normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=False),
        pre_tokenizers.Split(Regex("[aeiou]"), "merged_with_previous"), pre_tokenizers.Split("z", "merged_with_next")])
    train(tokenizer, 250, special_tokens=["<unk>", "[CLS]"], limit_alphabet=80)
    tokenizer.add_tokens([AddedToken("dog", single_word=True), AddedToken("Fox", rstrip=True, normalized=True)])
    return tokenizer


def bare():
    """Nothing but a model; characters that it lacks are dropped."""
    return train(Tokenizer(models.BPE()), 200, limit_alphabet=50)


def cutters():
    tokenizer = Tokenizer(models.BPE(unk_token="?"))
    tokenizer.normalizer = normalizers.NFD()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("contiguous"),
        pre_tokenizers.Split(Regex("[0-9]+"), "removed", invert=False), pre_tokenizers.Split("o", "isolated")])
    train(tokenizer, 220, special_tokens=["?"], limit_alphabet=60)
    return tokenizer


FAMILIES = {
    "gpt2": gpt2, "gpt2_prefix": gpt2_prefix, "smollm": smollm, "llama3": llama3, "qwen2": qwen2, "tekken": tekken,
    "missing_letters": missing_letters,
    "missing_letters_unk": lambda: missing_letters(unk_token="<unk>", fuse_unk=True),
    "tekken_removing": tekken_removing, "own_pattern": own_pattern, "llama2": llama2, "metaspace_always": lambda: metaspace("always", True),
    "metaspace_first": lambda: metaspace("first", False), "unknowns": unknowns, "bare": bare, "cutters": cutters,
}  # fmt: skip
