// The small files beside the weights in a Hugging Face directory.
#include "easylm/huggingface_folder.h"

#include <array>
#include <fstream>
#include <system_error>
#include <utility>

#include "easylm/checkpoint_format.h"
#include "easylm/error.h"
#include "easylm/json.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostConfigBytes = std::size_t{1} << 20U;
constexpr std::size_t kMostTokenizerBytes = std::size_t{256} << 20U;
constexpr std::array<const char*, 9> kTokenizerFiles = {
    "tokenizer.json",    "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json", "tokenizer.model",       "vocab.json",
    "merges.txt",        "chat_template.jinja",   "generation_config.json"};

void mark_origin(Value& value) {
  value.origin.source = "checkpoint";
  if (auto* list = std::get_if<List>(&value.data)) {
    for (Value& item : *list) mark_origin(item);
  } else if (auto* table = std::get_if<Table>(&value.data)) {
    table->origin.source = "checkpoint";
    for (Setting& setting : table->settings) mark_origin(setting.value);
  }
}

}  // namespace

std::optional<std::string> read_small_file(const fs::path& file, std::size_t limit) {
  std::error_code problem;
  if (!fs::is_regular_file(file, problem)) return std::nullopt;
  const std::uintmax_t size = fs::file_size(file, problem);
  if (problem || size > limit) {
    throw Error(ErrorCode::corrupt, file.string() + " has more than " + std::to_string(limit) + " bytes",
                "that is not what belongs there");
  }
  std::ifstream in(file, std::ios::binary);
  std::string bytes(size, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(size));
  if (!in) throw Error(ErrorCode::io, file.string() + " can't be read", "check its permissions");
  return bytes;
}

std::optional<Table> read_model_config(const fs::path& folder) {
  const fs::path file = folder / "config.json";
  const std::optional<std::string> text = read_small_file(file, kMostConfigBytes);
  if (!text) return std::nullopt;
  const Table whole = parse_json_object(*text, file.string());
  Table config;
  config.origin.source = "checkpoint";
  for (const Setting& setting : whole.settings) {
    const auto* model_type = setting.value.as<std::string>();
    if (setting.key == "model_type" && model_type != nullptr) {
      config.type = *model_type;
      continue;
    }
    config.settings.push_back(setting);
    mark_origin(config.settings.back().value);
  }
  return config;
}

std::vector<NamedFile> read_tokenizer_files(const fs::path& folder) {
  std::vector<NamedFile> files;
  for (const char* name : kTokenizerFiles) {
    std::optional<std::string> bytes = read_small_file(folder / name, kMostTokenizerBytes);
    if (bytes) files.push_back({name, *std::move(bytes)});
  }
  return files;
}

namespace {

// Those that a checkpoint holds; none if there is no checkpoint.
std::vector<NamedFile> files_in_checkpoint(Host& host, const fs::path& path) {
  FoundFormat found;
  try {
    found = find_format(host, path);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unsupported) throw;
    return {};
  }
  return found.format->open(path)->tokenizer_files();
}

}  // namespace

std::vector<NamedFile> find_tokenizer_files(Host& host, const fs::path& path) {
  std::error_code ignored;
  std::vector<NamedFile> files;
  const std::string ending = path.extension();
  if (fs::is_directory(path, ignored)) {
    files = read_tokenizer_files(path);
  } else if (ending == ".json" || ending == ".model") {
    std::optional<std::string> bytes = read_small_file(path, kMostTokenizerBytes);
    if (bytes) files.push_back({"tokenizer" + ending, *std::move(bytes)});
  }
  if (files.empty()) files = files_in_checkpoint(host, path);
  if (!files.empty()) return files;
  throw Error(ErrorCode::not_found, path.string() + " holds no tokenizer",
              "name a folder with tokenizer.json or tokenizer.model, or one of these files");
}

std::vector<NamedFile> config_files(const Table& model_config) {
  Table config = model_config;
  config.type.clear();
  if (!model_config.type.empty()) config.set("model_type", {model_config.type, {}});
  Table generation;
  for (const char* key : {"bos_token_id", "eos_token_id", "pad_token_id"}) {
    if (const Value* id = model_config.find(key)) generation.set(key, *id);
  }
  return {{"config.json", json_text(config)}, {"generation_config.json", json_text(generation)}};
}

}  // namespace easylm
