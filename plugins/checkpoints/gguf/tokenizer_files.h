// The tokenizer in a GGUF file's metadata, as the files that Hugging Face has.
#pragma once

#include <vector>

#include "easylm/tokenizer.h"
#include "metadata.h"

namespace easylm::gguf {

// tokenizer.json, tokenizer_config.json with the chat template, generation_config.json with every id that
// ends a text; none if the file holds no tokenizer. Throws Error{corrupt}, or Error{unsupported} that names a
// kind of tokenizer or a pre-tokenizer that we don't know.
std::vector<NamedFile> tokenizer_files(const Metadata& metadata);

}  // namespace easylm::gguf
