// A tokenizer's Hugging Face files as GGUF's metadata.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "easylm/tokenizer.h"
#include "easylm/value.h"
#include "metadata_bytes.h"

namespace easylm::gguf {

// Whether a file of this name goes into the metadata, or says nothing that the metadata doesn't.
bool is_tokenizer_file(std::string_view name);

// Appends the tokenizer in `files`, as many tokens as the model has rows (what is missing is filled with
// unused tokens), the chat template, and every id that ends a text in `files` and `config`. Without
// tokenizer.json the metadata says that there is none. Throws Error{unsupported} for what llama.cpp would do
// otherwise, Error{corrupt} for damaged files.
void add_tokenizer(std::span<const NamedFile> files, const Table& config, std::int64_t vocabulary_size,
                   MetadataBytes& metadata);

}  // namespace easylm::gguf
