// The byte tokenizer as the files that transformers.AutoTokenizer reads.
#pragma once

#include <string>
#include <string_view>

namespace easylm::tokenizers {

inline constexpr std::string_view kBosName = "<|bos|>";
inline constexpr std::string_view kEosName = "<|eos|>";

enum class Specials { none, bos_and_eos };

// A byte-level BPE model without merges whose vocabulary maps each byte to itself.
std::string tokenizer_json(Specials specials);

// Asks for the generic fast tokenizer. Names of special tokens that stand in a text are read as plain bytes,
// as ByteTokenizer::encode does.
std::string tokenizer_config_json(Specials specials);

std::string special_tokens_map_json(Specials specials);

}  // namespace easylm::tokenizers
