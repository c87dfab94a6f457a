// A trained tokenizer as the files that Hugging Face's libraries read.
#pragma once

#include <string>
#include <vector>

#include "bpe_trainer.h"
#include "easylm/tokenizer.h"
#include "styles.h"

namespace easylm::stages {

// tokenizer.json, tokenizer_config.json and special_tokens_map.json. `special` are the tokens that are found
// in texts as they stand; all are among `trained.tokens`.
std::vector<NamedFile> tokenizer_files(const TokenizerStyle& style, const TrainedBpe& trained,
                                       const std::vector<std::string>& special);

}  // namespace easylm::stages
