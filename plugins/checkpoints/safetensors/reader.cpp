// Opens safetensors files, one or several, and checks everything before a tensor is handed out.
#include "reader.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <set>
#include <system_error>
#include <utility>

#include "easylm/error.h"
#include "easylm/huggingface_folder.h"
#include "easylm/json.h"
#include "easylm/mapped_file.h"
#include "easylm/shard_index.h"
#include "header.h"

namespace easylm::safetensors {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kExtension = ".safetensors";
constexpr std::string_view kIndexEnding = ".safetensors.index.json";

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool is_index(const fs::path& path) { return path.filename().string().ends_with(kIndexEnding); }

fs::path index_beside(const fs::path& file) { return file.string() + ".index.json"; }

// The file to open for what the user named: weights, or an index. Empty if there is none.
fs::path find_file(const fs::path& path) {
  std::error_code ignored;
  fs::path file = fs::is_directory(path, ignored) ? path / "model.safetensors" : path;
  if (is_file(file)) return file;
  if (file.extension() == kExtension && is_file(index_beside(file))) return index_beside(file);
  return {};
}

class Reader final : public TensorReader {
 public:
  explicit Reader(fs::path folder) : folder_(std::move(folder)) {}

  // Opens one file and takes the tensors in it. `names` holds those that the index puts there; null: any.
  void add(const fs::path& file, const std::set<std::string>* names);
  void sort();

  std::span<const TensorInfo> tensors() const override { return tensors_; }
  void read(std::size_t index, std::int64_t offset, std::span<std::byte> into) const override;
  std::span<const std::byte> view(std::size_t index) const override;
  std::optional<Table> model_config() const override { return read_model_config(folder_); }
  std::vector<NamedFile> tokenizer_files() const override { return read_tokenizer_files(folder_); }
  std::vector<std::pair<std::string, std::string>> metadata() const override { return metadata_; }

 private:
  struct Place {
    std::size_t file = 0;
    std::span<const std::byte> bytes;
  };
  struct Piece {
    TensorInfo info;
    Place place;
  };

  fs::path folder_;
  std::vector<MappedFile> files_;
  std::vector<Piece> pieces_;  // until sort()
  std::vector<TensorInfo> tensors_;
  std::vector<Place> places_;  // one a tensor
  std::vector<std::pair<std::string, std::string>> metadata_;
};

void Reader::add(const fs::path& file, const std::set<std::string>* names) {
  const std::span<const std::byte> all = files_.emplace_back(file).bytes();
  Header header = parse_header(all, file.string());
  const std::span<const std::byte> data = all.subspan(static_cast<std::size_t>(header.data_begin));
  for (Entry& entry : header.entries) {
    if (names != nullptr && names->count(entry.info.name) == 0) {
      throw Error(
          ErrorCode::corrupt,
          file.string() + ": tensor " + json_quoted(entry.info.name) + " is here, but not in the index",
          "get the files again, they don't belong together");
    }
    const auto begin = static_cast<std::size_t>(entry.begin), end = static_cast<std::size_t>(entry.end);
    pieces_.push_back({std::move(entry.info), {files_.size() - 1, data.subspan(begin, end - begin)}});
  }
  if (names != nullptr && names->size() != header.entries.size()) {
    std::set<std::string> missing = *names;
    for (std::size_t i = pieces_.size() - header.entries.size(); i < pieces_.size(); ++i) {
      missing.erase(pieces_[i].info.name);
    }
    throw Error(
        ErrorCode::corrupt,
        file.string() + ": tensor " + json_quoted(*missing.begin()) + " is in the index, but not here",
        "get the files again, they don't belong together");
  }
  if (metadata_.empty()) metadata_ = std::move(header.metadata);
}

void Reader::sort() {
  std::sort(pieces_.begin(), pieces_.end(),
            [](const Piece& a, const Piece& b) { return a.info.name < b.info.name; });
  for (Piece& piece : pieces_) {
    tensors_.push_back(std::move(piece.info));
    places_.push_back(piece.place);
  }
  pieces_.clear();
}

void Reader::read(std::size_t index, std::int64_t offset, std::span<std::byte> into) const {
  const std::span<const std::byte> all = view(index);
  EASYLM_CHECK(offset >= 0 && static_cast<std::size_t>(offset) <= all.size() &&
                   into.size() <= all.size() - static_cast<std::size_t>(offset),
               "bytes beyond a tensor were asked for");
  const MappedFile& file = files_[places_[index].file];
  file.read(static_cast<std::size_t>(all.data() - file.bytes().data() + offset), into);
}

std::span<const std::byte> Reader::view(std::size_t index) const {
  EASYLM_CHECK(index < places_.size(), "a tensor was asked for that isn't there");
  return places_[index].bytes;
}

}  // namespace

int probe_path(const fs::path& path) {
  try {
    const fs::path file = find_file(path);
    if (file.empty()) return 0;
    if (is_index(file) || file.extension() == kExtension) return 100;
    std::array<char, kLengthBytes + 1> start{};
    std::ifstream in(file, std::ios::binary);
    if (!in.read(start.data(), start.size()) || start.back() != '{') return 0;
    std::uint64_t length = 0;
    std::memcpy(&length, start.data(), kLengthBytes);
    return length <= fs::file_size(file) - kLengthBytes ? 50 : 0;
  } catch (const std::exception&) {
    return 0;
  }
}

std::unique_ptr<TensorReader> open_path(const fs::path& path) {
  const fs::path file = find_file(path);
  if (file.empty()) {
    throw Error(ErrorCode::not_found, path.string() + " holds no safetensors weights",
                "name a .safetensors file, or a folder with model.safetensors or its index");
  }
  auto reader = std::make_unique<Reader>(file.parent_path());
  if (is_index(file)) {
    for (const Shard& shard : read_shards(file)) reader->add(shard.file, &shard.tensors);
  } else {
    reader->add(file, nullptr);
  }
  reader->sort();
  return reader;
}

}  // namespace easylm::safetensors
