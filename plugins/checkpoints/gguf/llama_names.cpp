// Both ways through one table.
#include "llama_names.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace easylm::gguf {
namespace {

struct Part {
  std::string_view huggingface, gguf;
  HeadRows rows = HeadRows::same;
};

constexpr std::array<Part, 3> kWhole = {{{"model.embed_tokens.weight", "token_embd.weight"},
                                         {"model.norm.weight", "output_norm.weight"},
                                         {"lm_head.weight", "output.weight"}}};

// Of a block; weights, and biases where a model has them.
constexpr std::array<Part, 9> kOfBlock = {{{"self_attn.q_proj", "attn_q", HeadRows::query},
                                           {"self_attn.k_proj", "attn_k", HeadRows::key},
                                           {"self_attn.v_proj", "attn_v"},
                                           {"self_attn.o_proj", "attn_output"},
                                           {"mlp.gate_proj", "ffn_gate"},
                                           {"mlp.up_proj", "ffn_up"},
                                           {"mlp.down_proj", "ffn_down"},
                                           {"input_layernorm", "attn_norm"},
                                           {"post_attention_layernorm", "ffn_norm"}}};

constexpr std::string_view kBlockHuggingFace = "model.layers.", kBlockGguf = "blk.";

struct BlockName {
  std::string_view number, part, ending;  // "12", "attn_q", ".weight"
};

std::optional<BlockName> split(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  const std::size_t dot = name.find('.'), last = name.rfind('.');
  if (dot == std::string_view::npos || dot == last || dot == 0) return std::nullopt;
  const BlockName parts{name.substr(0, dot), name.substr(dot + 1, last - dot - 1), name.substr(last)};
  const bool is_number = std::ranges::all_of(parts.number, [](char c) { return c >= '0' && c <= '9'; });
  if (!is_number || (parts.number.size() > 1 && parts.number.front() == '0')) return std::nullopt;
  if (parts.ending != ".weight" && parts.ending != ".bias") return std::nullopt;
  return parts;
}

struct Side {
  std::string_view Part::*name;
  std::string_view block;
};
constexpr Side kHuggingFace{&Part::huggingface, kBlockHuggingFace}, kGguf{&Part::gguf, kBlockGguf};

NamePair translated(std::string_view name, const Side& from, const Side& to) {
  if (const auto* whole = std::ranges::find(kWhole, name, from.name); whole != kWhole.end()) {
    return {std::string(whole->*to.name)};
  }
  const auto parts = split(name, from.block);
  if (!parts) return {};
  const auto* part = std::ranges::find(kOfBlock, parts->part, from.name);
  if (part == kOfBlock.end()) return {};
  std::string result(to.block);
  result.append(parts->number).append(".").append(part->*to.name).append(parts->ending);
  return {std::move(result), part->rows};
}

}  // namespace

NamePair huggingface_name(std::string_view gguf) { return translated(gguf, kGguf, kHuggingFace); }
NamePair gguf_name(std::string_view huggingface) { return translated(huggingface, kHuggingFace, kGguf); }

}  // namespace easylm::gguf
