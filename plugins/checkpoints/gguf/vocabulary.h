// The tokens that a GGUF file holds, and those with a part to play.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/value.h"
#include "metadata.h"

namespace easylm::gguf {

inline constexpr std::string_view kModelKey = "tokenizer.ggml.model";
inline constexpr std::string_view kPreKey = "tokenizer.ggml.pre";
inline constexpr std::string_view kTokensKey = "tokenizer.ggml.tokens";
inline constexpr std::string_view kScoresKey = "tokenizer.ggml.scores";
inline constexpr std::string_view kTypesKey = "tokenizer.ggml.token_type";
inline constexpr std::string_view kMergesKey = "tokenizer.ggml.merges";
inline constexpr std::string_view kAddBosKey = "tokenizer.ggml.add_bos_token";
inline constexpr std::string_view kAddEosKey = "tokenizer.ggml.add_eos_token";
inline constexpr std::string_view kAddSpaceKey = "tokenizer.ggml.add_space_prefix";
inline constexpr std::string_view kBosKey = "tokenizer.ggml.bos_token_id";
inline constexpr std::string_view kEosKey = "tokenizer.ggml.eos_token_id";
inline constexpr std::string_view kEotKey = "tokenizer.ggml.eot_token_id";
inline constexpr std::string_view kEomKey = "tokenizer.ggml.eom_token_id";
inline constexpr std::string_view kUnknownKey = "tokenizer.ggml.unknown_token_id";
inline constexpr std::string_view kPadKey = "tokenizer.ggml.padding_token_id";
inline constexpr std::string_view kTemplateKey = "tokenizer.chat_template";
inline constexpr std::string_view kTemplateNamesKey = "tokenizer.chat_templates";

inline constexpr std::string_view kByteLevelModel = "gpt2";
inline constexpr std::string_view kSentencePieceModel = "llama";
inline constexpr std::string_view kNoModel = "no_vocab";

enum class TokenType : std::int32_t { normal = 1, unknown, control, user_defined, unused, byte };

// What stands for a row of the embedding that no token has.
std::string filler(std::size_t id);

struct Vocabulary {
  std::string_view model;  // kByteLevelModel, kSentencePieceModel or one that we don't know
  std::vector<std::string_view> tokens;
  std::vector<TokenType> types;  // as many

  bool is_filler(std::size_t id) const { return types[id] == TokenType::unused && tokens[id] == filler(id); }
};

// None if the file holds no tokenizer. Throws Error{corrupt} for lists of different lengths, a token that
// appears twice or is no UTF-8.
std::optional<Vocabulary> read_vocabulary(const Metadata& metadata);

struct SpecialIds {
  std::optional<std::int64_t> bos, eos, pad, unknown;
  std::vector<std::int64_t>
      stop;  // every id that ends a text: eos first, then eot, eom and those known by their text
};

// Throws Error{corrupt} for an id that no token has.
SpecialIds special_ids(const Metadata& metadata, const Vocabulary& vocabulary);

// Whether a token's text alone says that it ends a text: "<|eot_id|>". llama.cpp goes by it too.
bool is_known_stop(std::string_view text);

// bos_token_id, eos_token_id (a list if there are several) and pad_token_id.
void set_special_ids(Table& table, const SpecialIds& ids);

}  // namespace easylm::gguf
