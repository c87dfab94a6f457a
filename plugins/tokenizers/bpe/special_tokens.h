// Which tokens begin, end and pad a text: from the files beside tokenizer.json.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "easylm/tokenizer.h"

namespace easylm::tokenizers::bpe {

// The id of a token by its text.
using FindToken = std::function<std::optional<TokenId>(std::string_view text)>;

// tokenizer_config.json says it; special_tokens_map.json where that doesn't; generation_config.json may add
// more that end a text. Throws Error{corrupt} for a token that isn't there.
SpecialTokens read_special_tokens(std::span<const NamedFile> files, const FindToken& find,
                                  std::int64_t num_ids);

const NamedFile* file_named(std::span<const NamedFile> files, std::string_view name);

}  // namespace easylm::tokenizers::bpe
