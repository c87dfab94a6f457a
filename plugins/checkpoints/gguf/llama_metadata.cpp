// Reads a table of HF's keys and writes llama.cpp's.
#include "llama_metadata.h"

#include <optional>
#include <string>
#include <utility>

#include "easylm/error.h"
#include "easylm/json.h"
#include "rotary_scaling.h"

namespace easylm::gguf {
namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorCode::unsupported, "GGUF, as llama.cpp reads it, can't hold a model " + what,
              "export it as safetensors");
}

std::optional<std::int64_t> integer(const Table& table, const char* key) {
  const Value* value = table.find(key);
  const auto* x = value == nullptr ? nullptr : value->as<std::int64_t>();
  return x == nullptr ? std::nullopt : std::optional(*x);
}

std::optional<double> real(const Table& table, const char* key) {
  const Value* value = table.find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* x = value->as<double>()) return *x;
  if (const auto x = integer(table, key)) return static_cast<double>(*x);
  return std::nullopt;
}

std::string text(const Table& table, const char* key, const char* otherwise) {
  const Value* value = table.find(key);
  const auto* x = value == nullptr ? nullptr : value->as<std::string>();
  return x == nullptr ? otherwise : *x;
}

bool truth(const Table& table, const char* key) {
  const Value* value = table.find(key);
  const auto* x = value == nullptr ? nullptr : value->as<bool>();
  return x != nullptr && *x;
}

template <typename T>
T needed(std::optional<T> x, const char* key) {
  if (!x) {
    throw Error(ErrorCode::invalid_config, std::string("the model's configuration has no ") + key,
                "add it to its config.json");
  }
  return *std::move(x);
}

// rope_scaling or rope_parameters, whichever the configuration has; transformers 5 writes the latter.
const Table* rotary_table(const Table& config) {
  for (const char* key : {"rope_parameters", "rope_scaling"}) {
    const Value* value = config.find(key);
    if (value != nullptr) return value->as<Table>();
  }
  return nullptr;
}

void add_rotary(const Table& config, MetadataBytes& metadata, LlamaSettings& settings) {
  const Table* table = rotary_table(config);
  const auto said_beside = table == nullptr ? std::nullopt : real(*table, "rope_theta");
  const double theta = said_beside ? *said_beside : real(config, "rope_theta").value_or(10000);
  metadata.add_u32("llama.rope.dimension_count", settings.head_width);
  metadata.add_f32("llama.rope.freq_base", theta);
  const std::string kind =
      table == nullptr ? "default" : text(*table, "rope_type", text(*table, "type", "default").c_str());
  if (kind == "default") return;
  const double factor = needed(real(*table, "factor"), "rope_scaling.factor");
  if (kind == "linear") {
    metadata.add_text("llama.rope.scaling.type", "linear");
    metadata.add_f32("llama.rope.scaling.factor", factor);
    return;
  }
  if (kind != "llama3") refuse("whose rotary scaling is " + json_quoted(kind));
  const Llama3Scaling scaling{factor, needed(real(*table, "low_freq_factor"), "rope_scaling.low_freq_factor"),
                              needed(real(*table, "high_freq_factor"), "rope_scaling.high_freq_factor"),
                              needed(integer(*table, "original_max_position_embeddings"),
                                     "rope_scaling.original_max_position_embeddings")};
  settings.rotary_factors = rotary_factors(scaling, theta, settings.head_width);
  metadata.add_u32("llama.rope.scaling.original_context_length", scaling.original_positions);
  metadata.add_f32(kRotaryFactorKey, scaling.factor);
  metadata.add_f32(kRotaryLowKey, scaling.low_freq_factor);
  metadata.add_f32(kRotaryHighKey, scaling.high_freq_factor);
}

}  // namespace

LlamaSettings add_config(const Table& config, MetadataBytes& metadata) {
  if (config.type != kLlama) refuse("of type " + json_quoted(config.type));
  if (const std::string act = text(config, "hidden_act", "silu"); act != "silu") {
    refuse("whose activation is " + json_quoted(act));
  }
  const auto count = [&](const char* key) { return needed(integer(config, key), key); };
  const std::int64_t hidden = count("hidden_size"), heads = count("num_attention_heads");
  if (heads < 1) refuse("without heads");
  LlamaSettings settings;
  settings.heads = {heads, integer(config, "num_key_value_heads").value_or(heads)};
  settings.head_width = integer(config, "head_dim").value_or(hidden / heads);
  settings.vocabulary = count("vocab_size");
  settings.ties_embeddings = truth(config, "tie_word_embeddings");
  metadata.add_u32("llama.vocab_size", settings.vocabulary);
  metadata.add_u32("llama.context_length", count("max_position_embeddings"));
  metadata.add_u32("llama.embedding_length", hidden);
  metadata.add_u32("llama.block_count", count("num_hidden_layers"));
  metadata.add_u32("llama.feed_forward_length", count("intermediate_size"));
  metadata.add_u32("llama.attention.head_count", settings.heads.query);
  metadata.add_u32("llama.attention.head_count_kv", settings.heads.key);
  metadata.add_u32("llama.attention.key_length", settings.head_width);
  metadata.add_u32("llama.attention.value_length", settings.head_width);
  metadata.add_f32("llama.attention.layer_norm_rms_epsilon",
                   needed(real(config, "rms_norm_eps"), "rms_norm_eps"));
  add_rotary(config, metadata, settings);
  return settings;
}

}  // namespace easylm::gguf
