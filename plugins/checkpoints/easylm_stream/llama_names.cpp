// One table of names, read in both directions.
#include "llama_names.h"

#include <algorithm>
#include <array>

namespace easylm::stream {
namespace {

struct Row {
  std::string_view path, name;  // "#" stands for a layer's number
  Layout layout;
};

constexpr std::array<Row, 12> kRows = {
    {{"transformer/wte/embedding", "model.embed_tokens.weight", Layout::same},
     {"transformer/h/#/attention/wq/kernel", "model.layers.#.self_attn.q_proj.weight", Layout::rotary},
     {"transformer/h/#/attention/wk/kernel", "model.layers.#.self_attn.k_proj.weight", Layout::rotary},
     {"transformer/h/#/attention/wv/kernel", "model.layers.#.self_attn.v_proj.weight", Layout::transposed},
     {"transformer/h/#/attention/wo/kernel", "model.layers.#.self_attn.o_proj.weight", Layout::transposed},
     {"transformer/h/#/feed_forward/w1/kernel", "model.layers.#.mlp.gate_proj.weight", Layout::transposed},
     {"transformer/h/#/feed_forward/w2/kernel", "model.layers.#.mlp.down_proj.weight", Layout::transposed},
     {"transformer/h/#/feed_forward/w3/kernel", "model.layers.#.mlp.up_proj.weight", Layout::transposed},
     {"transformer/h/#/attention_norm/kernel", "model.layers.#.input_layernorm.weight", Layout::same},
     {"transformer/h/#/ffn_norm/kernel", "model.layers.#.post_attention_layernorm.weight", Layout::same},
     {"transformer/ln_f/kernel", "model.norm.weight", Layout::same},
     {"lm_head/kernel", "lm_head.weight", Layout::transposed}}};

// Whether `text` is a layer's number as it is written: no sign, no leading zero.
bool is_layer(std::string_view text) {
  return !text.empty() && text.size() <= 6 && (text == "0" || text.front() != '0') &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

// The number that stands for "#" in `text`, which otherwise is `pattern`; empty if it isn't. A pattern
// without
// "#" matches itself, with "0".
std::string_view match(std::string_view pattern, std::string_view text) {
  const std::size_t mark = pattern.find('#');
  if (mark == std::string_view::npos) return pattern == text ? "0" : "";
  const std::string_view after = pattern.substr(mark + 1);
  if (text.size() < pattern.size() || !text.starts_with(pattern.substr(0, mark)) || !text.ends_with(after)) {
    return {};
  }
  const std::string_view layer = text.substr(mark, text.size() - mark - after.size());
  return is_layer(layer) ? layer : std::string_view();
}

std::string filled(std::string_view pattern, std::string_view layer) {
  std::string text(pattern);
  const std::size_t mark = text.find('#');
  if (mark != std::string::npos) text.replace(mark, 1, layer);
  return text;
}

TreePath split(const std::string& path) {
  TreePath parts(1);
  for (const char c : path) {
    if (c == '/') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

}  // namespace

std::optional<WeightName> weight_of(const TreePath& path) {
  // A part with a slash in it would read as two.
  if (std::ranges::any_of(path, [](const auto& part) { return part.find('/') != std::string::npos; }))
    return {};
  const std::string text = path_text(path);
  for (const Row& row : kRows) {
    const std::string_view layer = match(row.path, text);
    if (!layer.empty()) return WeightName{filled(row.name, layer), row.layout};
  }
  return std::nullopt;
}

std::optional<TreePath> path_of(std::string_view name) {
  for (const Row& row : kRows) {
    const std::string_view layer = match(row.name, name);
    if (!layer.empty()) return split(filled(row.path, layer));
  }
  return std::nullopt;
}

Layout layout_of(std::string_view name) {
  for (const Row& row : kRows) {
    if (!match(row.name, name).empty()) return row.layout;
  }
  return Layout::same;
}

}  // namespace easylm::stream
