// The small files beside the weights in a Hugging Face directory.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/tokenizer.h"
#include "easylm/value.h"

namespace easylm::safetensors {

// A small file's bytes; none if it isn't there. Throws Error{corrupt} if it has more than `limit` bytes.
std::optional<std::string> read_small_file(const std::filesystem::path& file, std::size_t limit);

// config.json as a table whose `type` is the model_type; none if there is no such file.
std::optional<Table> read_model_config(const std::filesystem::path& folder);

// The files that a tokenizer and a generator need, those that are there.
std::vector<NamedFile> read_tokenizer_files(const std::filesystem::path& folder);

// config.json and generation_config.json of a model.
std::vector<NamedFile> config_files(const Table& model_config);

}  // namespace easylm::safetensors
