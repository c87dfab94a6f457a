// Writes and reads easylm/manifest.json.
#include "checkpoint/manifest.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <system_error>

#include "checkpoint/measure.h"
#include "easylm/error.h"
#include "easylm/json.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostManifestBytes = std::size_t{16} << 20U;

std::string hex(std::uint32_t x) {
  char text[16];
  std::snprintf(text, sizeof text, "%08x", x);
  return text;
}

Value text_value(std::string text) { return {std::move(text), {}}; }

Value file_value(const FileFacts& file) {
  Table table;
  table.set("path", text_value(file.path));
  table.set("bytes", {file.bytes, {}});
  table.set("crc32c", text_value(hex(file.crc32c)));
  table.set("sha256", text_value(file.sha256));
  List tensors;
  for (const TensorFacts& tensor : file.tensors) {
    Table facts;
    facts.set("name", text_value(tensor.name));
    facts.set("crc32c", text_value(hex(tensor.crc32c)));
    tensors.push_back({std::move(facts), {}});
  }
  if (!tensors.empty()) table.set("tensors", {std::move(tensors), {}});
  return {std::move(table), {}};
}

Table to_table(const VersionManifest& manifest) {
  Table table;
  table.set("manifest", {kManifestRevision, {}});
  table.set("name", text_value(manifest.name));
  table.set("run", text_value(manifest.run));
  table.set("stage", text_value(manifest.stage));
  table.set("created_at", text_value(manifest.created_at));
  table.set("step", {manifest.step, {}});
  table.set("tokens", {manifest.tokens, {}});
  table.set("dataset", text_value(manifest.dataset));
  Table made_with;
  for (const MadeWith& piece : manifest.made_with) {
    Table facts;
    facts.set("id", text_value(piece.id));
    facts.set("revision", text_value(piece.revision));
    made_with.set(piece.kind, {std::move(facts), {}});
  }
  table.set("made_with", {std::move(made_with), {}});
  List list;
  for (const FileFacts& file : manifest.files) list.push_back(file_value(file));
  table.set("files", {std::move(list), {}});
  return table;
}

// Reads a table key by key; whatever isn't as it should be is an Error{corrupt} that names the file.
class Reader {
 public:
  Reader(const Table& table, const std::string& where) : table_(table), where_(where) {}

  template <typename T>
  const T& get(std::string_view key) const {
    const Value* value = table_.find(key);
    const T* held = value != nullptr ? value->as<T>() : nullptr;
    if (held == nullptr) fail("has no usable '" + std::string(key) + "'");
    return *held;
  }

  [[noreturn]] void fail(const std::string& reason) const {
    throw Error(ErrorCode::corrupt, where_ + " " + reason, "the version is damaged: use another one");
  }

 private:
  const Table& table_;
  const std::string& where_;
};

std::uint32_t read_checksum(const Reader& reader, const std::string& of) {
  const auto& digits = reader.get<std::string>("crc32c");
  std::uint32_t checksum = 0;
  const char* end = digits.data() + digits.size();
  const auto [stopped, problem] = std::from_chars(digits.data(), end, checksum, 16);
  if (problem != std::errc() || stopped != end) reader.fail("has no usable checksums for '" + of + "'");
  return checksum;
}

// Manifests of before tensors had checksums have none.
std::vector<TensorFacts> read_tensor_facts(const Table& file, const std::string& where) {
  std::vector<TensorFacts> tensors;
  const Value* value = file.find("tensors");
  const List* list = value != nullptr ? value->as<List>() : nullptr;
  if (list == nullptr) return tensors;
  for (const Value& entry : *list) {
    const Table empty;
    const Table* table = entry.as<Table>();
    const Reader reader(table != nullptr ? *table : empty, where);
    const auto& name = reader.get<std::string>("name");
    tensors.push_back({name, read_checksum(reader, name)});
  }
  return tensors;
}

FileFacts read_file_facts(const Value& value, const std::string& where) {
  const Table empty;
  const Table* held = value.as<Table>();
  const Table& table = held != nullptr ? *held : empty;
  const Reader reader(table, where);
  FileFacts facts{reader.get<std::string>("path"), reader.get<std::int64_t>("bytes"), 0,
                  reader.get<std::string>("sha256"), read_tensor_facts(table, where)};
  if (!stays_inside(facts.path)) reader.fail("names a file outside of its folder: '" + facts.path + "'");
  facts.crc32c = read_checksum(reader, facts.path);
  if (facts.bytes < 0 || facts.sha256.size() != 64) {
    reader.fail("has no usable checksums for '" + facts.path + "'");
  }
  return facts;
}

VersionManifest parse_manifest(std::string_view text, const std::string& where) {
  const Table table = parse_json_object(text, where);
  const Reader reader(table, where);
  const auto revision = reader.get<std::int64_t>("manifest");
  if (revision > kManifestRevision) {
    throw Error(ErrorCode::unsupported,
                where + " was written by a newer EasyLM: its revision is " + std::to_string(revision) +
                    ", this one reads up to " + std::to_string(kManifestRevision),
                "update EasyLM");
  }
  VersionManifest manifest;
  manifest.name = reader.get<std::string>("name");
  manifest.run = reader.get<std::string>("run");
  manifest.stage = reader.get<std::string>("stage");
  manifest.created_at = reader.get<std::string>("created_at");
  manifest.dataset = reader.get<std::string>("dataset");
  manifest.step = reader.get<std::int64_t>("step");
  manifest.tokens = reader.get<std::int64_t>("tokens");
  for (const Setting& setting : reader.get<Table>("made_with").settings) {
    const Table empty;
    const Table* facts = setting.value.as<Table>();
    const Reader piece(facts != nullptr ? *facts : empty, where);
    manifest.made_with.push_back(
        {setting.key, piece.get<std::string>("id"), piece.get<std::string>("revision")});
  }
  for (const Value& file : reader.get<List>("files")) manifest.files.push_back(read_file_facts(file, where));
  return manifest;
}

}  // namespace

void VersionManifest::require(const MadeWith& needed) const {
  for (const MadeWith& piece : made_with) {
    if (piece.kind != needed.kind || (piece.id == needed.id && piece.revision == needed.revision)) continue;
    throw Error(ErrorCode::unsupported,
                "this version of '" + name + "' was made with " + piece.kind + " '" + piece.id +
                    "' (revision " + piece.revision + "), not with '" + needed.id + "' (revision " +
                    needed.revision + ")",
                "use " + piece.kind + " '" + piece.id + "', or start from a version that fits");
  }
}

bool stays_inside(const std::string& path) {
  const fs::path parsed(path);
  return !path.empty() && parsed.is_relative() && parsed.has_filename() &&
         std::none_of(parsed.begin(), parsed.end(),
                      [](const fs::path& part) { return part == ".." || part == "."; });
}

FileFacts write_manifest(FileSystem& files, const fs::path& folder, const VersionManifest& manifest) {
  files.create_folders((folder / kManifestPath).parent_path());
  files.write_new_file(folder / kManifestPath, json_text(to_table(manifest)));
  return measure_file(files, folder / kManifestPath, std::string(kManifestPath));
}

VersionManifest read_manifest(FileSystem& files, const fs::path& folder) {
  const fs::path file = folder / kManifestPath;
  if (!files.exists(file)) {
    throw Error(ErrorCode::corrupt, folder.string() + " holds no " + std::string(kManifestPath),
                "it is not a version that EasyLM wrote, or it is damaged");
  }
  return parse_manifest(files.read_file(file, kMostManifestBytes), file.string());
}

VersionManifest open_manifest(FileSystem& files, const fs::path& folder) {
  VersionManifest manifest = read_manifest(files, folder);
  for (const FileFacts& facts : manifest.files) {
    std::error_code problem;
    const std::uintmax_t bytes = fs::file_size(folder / facts.path, problem);
    if (!problem && bytes == static_cast<std::uintmax_t>(facts.bytes)) continue;
    throw Error(ErrorCode::corrupt,
                (folder / facts.path).string() +
                    (problem ? " is missing" : " has " + std::to_string(bytes) + " bytes") +
                    ", and the manifest says " + std::to_string(facts.bytes) + " bytes",
                "the version is damaged: use another one");
  }
  return manifest;
}

}  // namespace easylm
