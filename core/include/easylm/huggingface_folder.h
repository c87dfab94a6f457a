// The small files beside the weights in a Hugging Face directory.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/export.h"
#include "easylm/host.h"
#include "easylm/tokenizer.h"
#include "easylm/value.h"

namespace easylm {

// A small file's bytes; none if it isn't there. Throws Error{corrupt} if it has more than `limit` bytes.
EASYLM_API std::optional<std::string> read_small_file(const std::filesystem::path& file, std::size_t limit);

// config.json as a table whose `type` is the model_type; none if there is no such file.
EASYLM_API std::optional<Table> read_model_config(const std::filesystem::path& folder);

// The files that a tokenizer and a generator need, those that are there.
EASYLM_API std::vector<NamedFile> read_tokenizer_files(const std::filesystem::path& folder);

// The same for whatever a user names as the home of a tokenizer: a folder; a file that one of those names
// belongs to (tokenizer.json, tokenizer.model, under any stem); or a checkpoint file that holds a tokenizer,
// read by the installed format that knows it. Throws Error{not_found} if none is there.
EASYLM_API std::vector<NamedFile> find_tokenizer_files(Host& host, const std::filesystem::path& path);

// config.json and generation_config.json of a model.
EASYLM_API std::vector<NamedFile> config_files(const Table& model_config);

}  // namespace easylm
