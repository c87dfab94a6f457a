// Bytes to ids and back, and the files from which transformers makes the same tokenizer.
#include "byte_tokenizer.h"

#include "easylm/error.h"
#include "huggingface_files.h"

namespace easylm::tokenizers {
namespace {

constexpr TokenId kNumBytes = 256;
constexpr TokenId kBos = 256;
constexpr TokenId kEos = 257;

}  // namespace

ByteTokenizer::ByteTokenizer(Host& /*host*/, const Config& config) {
  if (!config.special_tokens) return;
  special_.bos = kBos;
  special_.eos = kEos;
  special_.stop = {kEos};
}

std::int64_t ByteTokenizer::vocabulary_size() const { return special_.eos ? kEos + 1 : kNumBytes; }

void ByteTokenizer::encode(std::string_view text, std::vector<TokenId>& ids) const {
  ids.reserve(ids.size() + text.size());
  for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
}

std::string ByteTokenizer::token_bytes(TokenId id) const {
  if (id >= 0 && id < kNumBytes) return {static_cast<char>(id)};
  if (special_.bos && id == kBos) return std::string(kBosName);
  if (special_.eos && id == kEos) return std::string(kEosName);
  throw Error(ErrorCode::not_found, "tokenizer byte: there is no id " + std::to_string(id) +
                                        "; ids are 0 to " + std::to_string(vocabulary_size() - 1));
}

std::string ByteTokenizer::decode(std::span<const TokenId> ids) const {
  std::string text;
  text.reserve(ids.size());
  for (const TokenId id : ids) {
    const std::string bytes = token_bytes(id);
    if (id < kNumBytes) text += bytes;
  }
  return text;
}

std::vector<NamedFile> ByteTokenizer::files() const {
  const auto specials = special_.eos ? Specials::bos_and_eos : Specials::none;
  return {{"tokenizer.json", tokenizer_json(specials)},
          {"tokenizer_config.json", tokenizer_config_json(specials)},
          {"special_tokens_map.json", special_tokens_map_json(specials)}};
}

std::string ByteTokenizer::fingerprint() const {
  return special_.eos ? "byte/1 special_tokens=true" : "byte/1 special_tokens=false";
}

}  // namespace easylm::tokenizers
