// Reads what was written, once for files and once for tensors, and hashes it, all of that at the same time:
// one after the other it would take longer than a good disk.
#include "checkpoint/measure.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <future>
#include <span>
#include <utility>

#include "easylm/error.h"
#include "easylm/hash.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;

// Hashes one piece while the next is read.
class Sha256Beside {
 public:
  void update(std::span<const std::byte> piece) {
    std::vector<std::byte> next(piece.begin(), piece.end());
    wait();
    piece_ = std::move(next);
    hashing_ = std::async(std::launch::async, [this] { sha256_.update(piece_); });
  }

  std::string finish() {
    wait();
    return sha256_.finish();
  }

 private:
  void wait() {
    if (hashing_.valid()) hashing_.get();
  }

  Sha256 sha256_;
  std::vector<std::byte> piece_;
  std::future<void> hashing_;  // the last member: it uses the others, and its end waits
};

// Adds the paths of all files in `folder`, each after `prefix`.
void list_files(FileSystem& files, const fs::path& folder, const std::string& prefix,
                std::vector<std::string>& paths) {
  for (const FolderEntry& entry : files.list(folder)) {
    const std::string path = prefix + entry.name;
    if (entry.kind == EntryKind::folder) {
      list_files(files, folder / entry.name, path + "/", paths);
    } else if (entry.kind == EntryKind::file) {
      paths.push_back(path);
    } else {
      throw Error(
          ErrorCode::unsupported,
          (folder / entry.name).string() + " is neither a file nor a folder; a version holds no links",
          "write a file instead");
    }
  }
}

std::vector<std::string> sorted_files(FileSystem& files, const fs::path& folder) {
  std::vector<std::string> paths;
  list_files(files, folder, "", paths);
  std::ranges::sort(paths);
  return paths;
}

std::vector<FileFacts> measure_files(FileSystem& files, const fs::path& folder,
                                     const std::vector<std::string>& paths) {
  std::vector<FileFacts> facts;
  facts.reserve(paths.size());
  for (const std::string& path : paths) facts.push_back(measure_file(files, folder / path, path));
  return facts;
}

// Read, not viewed: a map would hold all of a version in memory beside the training that it saves.
std::uint32_t tensor_crc32c(const TensorReader& reader, std::size_t index) {
  constexpr std::int64_t kPiece = std::int64_t{1} << 20U;
  std::vector<std::byte> piece;
  std::uint32_t crc = 0;
  const std::int64_t size = reader.tensors()[index].num_bytes();
  for (std::int64_t offset = 0; offset < size; offset += kPiece) {
    piece.resize(static_cast<std::size_t>(std::min(kPiece, size - offset)));
    reader.read(index, offset, piece);
    crc = crc32c(piece, crc);
  }
  return crc;
}

}  // namespace

FileFacts measure_file(FileSystem& files, const fs::path& file, const std::string& path) {
  FileFacts facts{path, 0, 0, {}, {}};
  Sha256Beside sha256;
  files.read_pieces(file, [&](std::span<const std::byte> piece) {
    facts.bytes += static_cast<std::int64_t>(piece.size());
    sha256.update(piece);
    facts.crc32c = crc32c(piece, facts.crc32c);
  });
  facts.sha256 = sha256.finish();
  return facts;
}

std::vector<FileFacts> measure_folder(FileSystem& files, const fs::path& folder) {
  return measure_files(files, folder, sorted_files(files, folder));
}

std::vector<FileFacts> measure_version(FileSystem& files, const CheckpointFormat& format,
                                       const fs::path& folder) {
  const std::vector<std::string> paths = sorted_files(files, folder);
  std::future<std::vector<std::vector<TensorFacts>>> tensors = std::async(std::launch::async, [&] {
    std::vector<std::vector<TensorFacts>> found(paths.size());
    for (std::size_t i = 0; i < paths.size(); ++i) {
      if (format.probe(folder / paths[i]) > 0) found[i] = tensor_facts(*format.open(folder / paths[i]));
    }
    return found;
  });
  std::vector<FileFacts> facts = measure_files(files, folder, paths);
  std::vector<std::vector<TensorFacts>> found = tensors.get();
  for (std::size_t i = 0; i < facts.size(); ++i) facts[i].tensors = std::move(found[i]);
  return facts;
}

std::vector<TensorFacts> tensor_facts(const TensorReader& reader) {
  std::vector<TensorFacts> facts;
  const std::span<const TensorInfo> tensors = reader.tensors();
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    facts.push_back({tensors[i].name, tensor_crc32c(reader, i)});
  }
  return facts;
}

}  // namespace easylm
