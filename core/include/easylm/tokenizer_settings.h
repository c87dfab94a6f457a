// What the small files beside a tokenizer say of its special tokens: tokenizer_config.json,
// special_tokens_map.json, added_tokens.json and generation_config.json.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "easylm/export.h"
#include "easylm/tokenizer.h"

namespace easylm {

// A token that is found in the text as it stands, before the text is cut into other tokens.
struct AddedToken {
  TokenId id = 0;
  std::string text;
  bool special = false;      // else it is plain text that has an id of its own
  bool strips_left = false;  // takes the white space before it, or after it, with it
  bool strips_right = false;
};

struct TokenizerSettings {
  std::optional<std::string> bos, eos, pad;  // their names
  std::vector<AddedToken> added;             // sorted by id; no id and no text twice
  std::vector<TokenId> stop;                 // generation_config.json's eos_token_id, one or more
  std::optional<bool> add_bos, add_eos;      // what goes around a text
  std::optional<bool> legacy;                // LLaMA's: whether a space is put before each part of a text
};

// Reads those of `files` that it knows. Throws Error{corrupt} that names file and key.
EASYLM_API TokenizerSettings read_tokenizer_settings(std::span<const NamedFile> files);

// The bytes of the file with this name; null if it isn't among them.
EASYLM_API const std::string* find_file(std::span<const NamedFile> files, std::string_view name);

}  // namespace easylm
