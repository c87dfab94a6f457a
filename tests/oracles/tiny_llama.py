"""A tiny LLaMA in the three layouts of its weights, and its forward pass in numpy, written from their descriptions alone:
the Python EasyLM's (kernels of inputs by outputs, rotary pairs side by side), Meta's (the same pairs, outputs by inputs, cut
into shards) and Hugging Face's (rotary pairs half a head apart)."""

import numpy

CONFIG = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 16, "hidden_size": 16,
          "intermediate_size": 20, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
          "max_position_embeddings": 32, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": False,
          "hidden_act": "silu", "bos_token_id": 1, "eos_token_id": 2}
WIDTH = CONFIG["hidden_size"] // CONFIG["num_attention_heads"]
KEY_VALUE = WIDTH * CONFIG["num_key_value_heads"]


def easylm_weights(seed=0):
    """The tree below "params" as flat {path: float32 array}, in the order in which a flax model makes it."""
    random = numpy.random.default_rng(seed)
    hidden, inner, vocabulary = CONFIG["hidden_size"], CONFIG["intermediate_size"], CONFIG["vocab_size"]
    kernel = lambda rows, columns: random.normal(0, 0.4, (rows, columns)).astype(numpy.float32)
    norm = lambda: (1 + random.normal(0, 0.2, hidden)).astype(numpy.float32)
    tree = {("transformer", "wte", "embedding"): kernel(vocabulary, hidden)}
    for layer in range(CONFIG["num_hidden_layers"]):
        at = ("transformer", "h", str(layer))
        for name, shape in {"wq": (hidden, hidden), "wk": (hidden, KEY_VALUE), "wv": (hidden, KEY_VALUE),
                            "wo": (hidden, hidden)}.items():
            tree[(*at, "attention", name, "kernel")] = kernel(*shape)
        for name, shape in {"w1": (hidden, inner), "w2": (inner, hidden), "w3": (hidden, inner)}.items():
            tree[(*at, "feed_forward", name, "kernel")] = kernel(*shape)
        tree[(*at, "attention_norm", "kernel")] = norm()
        tree[(*at, "ffn_norm", "kernel")] = norm()
    tree[("transformer", "ln_f", "kernel")] = norm()
    tree[("lm_head", "kernel")] = kernel(hidden, vocabulary)
    return tree


def nested(flat):
    tree = {}
    for path, value in flat.items():
        at = tree
        for part in path[:-1]:
            at = at.setdefault(part, {})
        at[path[-1]] = value
    return tree


def halves(rows):
    """Rows of interleaved heads, so that the two of a pair are half a head apart."""
    heads = rows.reshape(-1, WIDTH // 2, 2, rows.shape[1])
    return numpy.ascontiguousarray(heads.swapaxes(1, 2).reshape(rows.shape))


def hugging_face_weights(tree):
    """{Hugging Face's name: array}."""
    names = {"wq": "self_attn.q_proj", "wk": "self_attn.k_proj", "wv": "self_attn.v_proj", "wo": "self_attn.o_proj",
             "w1": "mlp.gate_proj", "w2": "mlp.down_proj", "w3": "mlp.up_proj",
             "attention_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}
    result = {}
    for path, value in tree.items():
        if path[1] == "h":
            name = f"model.layers.{path[2]}.{names[path[-2]]}.weight"
        else:
            name = {"wte": "model.embed_tokens.weight", "ln_f": "model.norm.weight"}.get(path[1], "lm_head.weight")
        if path[-1] == "kernel" and value.ndim == 2:
            value = numpy.ascontiguousarray(value.T)
        result[name] = halves(value) if path[-2] in ("wq", "wk") else value
    return result


def meta_weights(tree, shards, embedding_by_rows):
    """[{Meta's name: array}], one for each of `shards` files."""
    by_columns = {"wo", "w2"}
    files = [{} for _ in range(shards)]
    for path, value in tree.items():
        name = {"wte": "tok_embeddings.weight", "ln_f": "norm.weight"}.get(path[1], "output.weight")
        if path[1] == "h":
            name = ".".join(["layers", *path[2:-1], "weight"])
        value = value.T if path[-1] == "kernel" and value.ndim == 2 else value
        along = 1 if path[-2] in by_columns or (path[1] == "wte" and not embedding_by_rows) else 0
        parts = [value] * shards if value.ndim == 1 else numpy.split(value, shards, axis=along)
        for file, part in zip(files, parts):
            file[name] = numpy.ascontiguousarray(part)
    return files


def logits(tree, ids):
    """The forward pass over EasyLM's layout in float64: pairs (2i, 2i + 1) of a head are turned together."""
    tree = {path: value.astype(numpy.float64) for path, value in tree.items()}
    norm = lambda x, weight: x / numpy.sqrt((x * x).mean(-1, keepdims=True) + CONFIG["rms_norm_eps"]) * weight
    positions = numpy.arange(len(ids))
    angles = numpy.outer(positions, CONFIG["rope_theta"] ** (-numpy.arange(0, WIDTH, 2) / WIDTH))
    turns = numpy.exp(1j * angles)[:, None, :]

    def rotated(x):
        pairs = x[..., 0::2] + 1j * x[..., 1::2]
        pairs = pairs * turns
        return numpy.stack([pairs.real, pairs.imag], -1).reshape(x.shape)

    x = tree[("transformer", "wte", "embedding")][ids]
    mask = numpy.where(positions[:, None] >= positions[None, :], 0.0, -numpy.inf)
    for layer in range(CONFIG["num_hidden_layers"]):
        of = lambda *path: tree[("transformer", "h", str(layer), *path, "kernel")]
        h = norm(x, of("attention_norm"))
        split = lambda name: (h @ of("attention", name)).reshape(len(ids), -1, WIDTH)
        query, key, value = rotated(split("wq")), rotated(split("wk")), split("wv")
        groups = CONFIG["num_attention_heads"] // CONFIG["num_key_value_heads"]
        key, value = key.repeat(groups, 1), value.repeat(groups, 1)
        scores = numpy.einsum("qhd,khd->hqk", query, key) / numpy.sqrt(WIDTH) + mask
        weights = numpy.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        x = x + numpy.einsum("hqk,khd->qhd", weights, value).reshape(len(ids), -1) @ of("attention", "wo")
        h = norm(x, of("ffn_norm"))
        gate = h @ of("feed_forward", "w1")
        x = x + (gate / (1 + numpy.exp(-gate)) * (h @ of("feed_forward", "w3"))) @ of("feed_forward", "w2")
    return norm(x, tree[("transformer", "ln_f", "kernel")]) @ tree[("lm_head", "kernel")]
