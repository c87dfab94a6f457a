// Reads and writes the index of a set of shards.
#include "easylm/shard_index.h"

#include <cstddef>
#include <system_error>
#include <utility>

#include "easylm/error.h"
#include "easylm/huggingface_folder.h"
#include "easylm/json.h"
#include "easylm/json_events.h"

namespace easylm {
namespace {

// Takes "weight_map" and passes over everything else.
class IndexEvents final : public JsonEvents {
 public:
  IndexEvents(WeightMap& files, std::string_view where) : files_(files), where_(where) {}

  bool seen() const { return seen_; }

  void begin_object() override {
    if (in_map() && depth_ >= 2) refuse("holds an object");
    ++depth_;
    if (depth_ > 1) return;
    is_object_ = true;
  }
  void end_object() override { --depth_; }
  void begin_array() override {
    if (in_map()) refuse("holds a list");
    ++depth_;
  }
  void end_array() override { --depth_; }

  void key(std::string_view text) override {
    if (depth_ == 1) {
      section_ = text;
      if (section_ == "weight_map" && std::exchange(seen_, true)) refuse("appears twice");
    } else if (in_map()) {
      tensor_ = text;
    }
  }

  void string(std::string_view text) override {
    if (!in_map()) return;
    if (depth_ != 2) refuse("holds something other than file names");
    if (text.empty() || text == "." || text == ".." || text.find('/') != std::string::npos ||
        text.find('\0') != std::string::npos) {
      refuse("names " + json_quoted(text) + " for tensor " + json_quoted(tensor_) +
             ", which is no file of its folder");
    }
    if (!files_.emplace(tensor_, text).second) {
      refuse("names tensor " + json_quoted(tensor_) + " twice");
    }
  }

  void integer(std::int64_t /*x*/) override { other("a number"); }
  void real(double /*x*/) override { other("a number"); }
  void boolean(bool x) override { other(x ? "true" : "false"); }
  void null() override { other("null"); }

 private:
  void other(const std::string& what) const {
    if (in_map()) refuse("holds " + what);
  }
  bool in_map() const { return is_object_ && section_ == "weight_map"; }

  [[noreturn]] void refuse(const std::string& reason) const {
    throw Error(ErrorCode::corrupt, std::string(where_) + ": its weight_map " + reason,
                "the file is damaged: get it again");
  }

  WeightMap& files_;
  std::string_view where_;
  int depth_ = 0;
  bool is_object_ = false, seen_ = false;
  std::string section_, tensor_;
};

}  // namespace

WeightMap parse_index(std::string_view text, std::string_view where) {
  WeightMap files;
  IndexEvents events(files, where);
  read_json(text, where, events);
  if (!events.seen() || files.empty()) {
    throw Error(ErrorCode::corrupt, std::string(where) + " has no weight_map", "get the file again");
  }
  return files;
}

std::vector<Shard> read_shards(const std::filesystem::path& path) {
  constexpr std::size_t kMostBytes = std::size_t{100} << 20U;
  std::map<std::string, std::set<std::string>> tensors_of;
  for (const auto& [tensor, file] :
       parse_index(read_small_file(path, kMostBytes).value_or(""), path.string())) {
    tensors_of[file].insert(tensor);
  }
  std::vector<Shard> shards;
  for (auto& [name, tensors] : tensors_of) {
    std::filesystem::path file = path.parent_path() / name;
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(file, ignored)) {
      throw Error(ErrorCode::not_found,
                  file.string() + " isn't there, and " + path.filename().string() + " needs it",
                  "get the missing file");
    }
    shards.push_back({std::move(file), std::move(tensors)});
  }
  return shards;
}

std::string index_text(const WeightMap& files, std::int64_t total_bytes) {
  Table sizes, map, index;
  sizes.set("total_size", {total_bytes, {}});
  for (const auto& [tensor, file] : files) map.settings.push_back({tensor, {file, {}}});
  index.set("metadata", {std::move(sizes), {}});
  index.set("weight_map", {std::move(map), {}});
  return json_text(index);
}

}  // namespace easylm
