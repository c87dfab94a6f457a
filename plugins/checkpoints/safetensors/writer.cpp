// Writes safetensors files. The header goes in last, so that a file that was never finished can't be read.
#include "writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <map>
#include <string>
#include <system_error>
#include <tuple>
#include <unordered_set>
#include <utility>
#include <vector>

#include "easylm/error.h"
#include "easylm/json.h"
#include "folder.h"
#include "header.h"
#include "shard_index.h"

namespace easylm::safetensors {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const char* call) {
  const int error = errno;
  throw Error(ErrorCode::io,
              path.string() + ": " + call + " failed: " + std::generic_category().message(error),
              error == ENOSPC ? "free some space" : "check the disk, and that the folder can be written");
}

// A new file, written at any place.
class OutputFile {
 public:
  explicit OutputFile(fs::path path) : path_(std::move(path)) {
    fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd_ < 0) fail(path_, "open");
  }
  ~OutputFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OutputFile(OutputFile&& other) noexcept
      : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}
  OutputFile& operator=(OutputFile&&) = delete;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // Claims the space at once where the file system can, so that a full disk shows before any work is done.
  void reserve(std::int64_t bytes) {
    if (bytes == 0) return;
    int result = 0;
    do {
      result = ::fallocate(fd_, 0, 0, bytes);
    } while (result != 0 && errno == EINTR);
    if (result == 0) return;
    if (errno != EOPNOTSUPP && errno != ENOSYS) fail(path_, "fallocate");
    if (::ftruncate(fd_, bytes) != 0) fail(path_, "ftruncate");
  }

  void write_at(std::int64_t offset, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::pwrite(fd_, bytes.data(), bytes.size(), offset);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) fail(path_, "pwrite");
      bytes.remove_prefix(static_cast<std::size_t>(n));
      offset += n;
    }
  }

  void close() {
    if (::close(std::exchange(fd_, -1)) != 0 && errno != EINTR) fail(path_, "close");
  }

 private:
  fs::path path_;
  int fd_ = -1;
};

// Which bytes of a tensor have been written.
class Coverage {
 public:
  // False if some of them were written before.
  bool add(std::int64_t begin, std::int64_t end) {
    if (begin == end) return true;
    auto after = ranges_.lower_bound(begin);
    if (after != ranges_.end() && after->first < end) return false;
    if (after != ranges_.begin()) {
      const auto before = std::prev(after);
      if (before->second > begin) return false;
      if (before->second == begin) {
        begin = before->first;
        ranges_.erase(before);
      }
    }
    if (after != ranges_.end() && after->first == end) {
      end = after->second;
      ranges_.erase(after);
    }
    ranges_[begin] = end;
    return true;
  }

  std::int64_t bytes() const {
    std::int64_t sum = 0;
    for (const auto& [begin, end] : ranges_) sum += end - begin;
    return sum;
  }

 private:
  std::map<std::int64_t, std::int64_t> ranges_;
};

void check_plan(const WritePlan& plan) {
  std::unordered_set<std::string> names;
  for (const TensorInfo& tensor : plan.tensors) {
    EASYLM_CHECK(!tensor.name.empty() && tensor.name != "__metadata__",
                 "a tensor can't be named '" + tensor.name + "'");
    EASYLM_CHECK(names.insert(tensor.name).second, "two tensors are named '" + tensor.name + "'");
  }
  for (const NamedFile& file : plan.files) {
    EASYLM_CHECK(!file.name.empty() && file.name != "." && file.name != ".." &&
                     file.name.find('/') == std::string::npos,
                 "'" + file.name + "' can't be the name of a file");
  }
}

// The plan's tensors in its order, cut into shards.
std::vector<std::vector<std::size_t>> cut_into_shards(const WritePlan& plan, std::int64_t max_shard_bytes) {
  std::vector<std::vector<std::size_t>> shards(1);
  std::int64_t filled = 0;
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    const std::int64_t bytes = plan.tensors[i].num_bytes();
    if (!shards.back().empty() && bytes > max_shard_bytes - filled) {
      shards.emplace_back();
      filled = 0;
    }
    shards.back().push_back(i);
    filled += bytes;
  }
  return shards;
}

std::string shard_name(const std::string& stem, std::size_t shard, std::size_t count) {
  if (count == 1) return stem + ".safetensors";
  char suffix[64];
  std::snprintf(suffix, sizeof suffix, "-%05zu-of-%05zu.safetensors", shard + 1, count);
  return stem + suffix;
}

class Writer final : public TensorWriter {
 public:
  Writer(const fs::path& folder, const WritePlan& plan, std::int64_t max_shard_bytes);

  void write(std::size_t index, std::int64_t offset, std::span<const std::byte> data) override;
  void finish() override;

 private:
  struct Shard {
    OutputFile file;
    std::string header;
  };
  struct Place {
    std::string name;
    std::size_t shard = 0;
    std::int64_t begin = 0;  // in the file
    std::int64_t bytes = 0;
    Coverage written;
  };

  void add_shard(const fs::path& file, const WritePlan& plan, std::vector<std::size_t> tensors);
  static void write_small_files(const fs::path& folder, const WritePlan& plan);

  std::vector<Shard> shards_;
  std::vector<Place> places_;  // one a tensor of the plan
};

Writer::Writer(const fs::path& folder, const WritePlan& plan, std::int64_t max_shard_bytes)
    : places_(plan.tensors.size()) {
  check_plan(plan);
  const auto shards = cut_into_shards(plan, max_shard_bytes);
  WeightMap files;
  std::int64_t total_bytes = 0;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const std::string name = shard_name(plan.stem, i, shards.size());
    for (const std::size_t tensor : shards[i]) {
      files[plan.tensors[tensor].name] = name;
      total_bytes += plan.tensors[tensor].num_bytes();
    }
    add_shard(folder / name, plan, shards[i]);
  }
  if (shards.size() > 1) {
    OutputFile index(folder / (plan.stem + ".safetensors.index.json"));
    index.write_at(0, index_text(files, total_bytes));
    index.close();
  }
  write_small_files(folder, plan);
}

// Large elements first, as the reference implementation does: then every tensor is aligned to its elements.
void Writer::add_shard(const fs::path& file, const WritePlan& plan, std::vector<std::size_t> tensors) {
  std::sort(tensors.begin(), tensors.end(), [&](std::size_t a, std::size_t b) {
    const TensorInfo &x = plan.tensors[a], &y = plan.tensors[b];
    return std::tuple(-size_of(x.dtype), std::string_view(x.name)) <
           std::tuple(-size_of(y.dtype), std::string_view(y.name));
  });
  std::vector<Entry> entries;
  std::int64_t at = 0;
  for (const std::size_t tensor : tensors) {
    const std::int64_t bytes = plan.tensors[tensor].num_bytes();
    entries.push_back({plan.tensors[tensor], at, at + bytes});
    places_[tensor] = {plan.tensors[tensor].name, shards_.size(), at, bytes, {}};
    at += bytes;
  }
  Shard& shard = shards_.emplace_back(Shard{OutputFile(file), header_bytes(entries)});
  const auto header_size = static_cast<std::int64_t>(shard.header.size());
  for (const std::size_t tensor : tensors) places_[tensor].begin += header_size;
  shard.file.reserve(header_size + at);
}

void Writer::write_small_files(const fs::path& folder, const WritePlan& plan) {
  std::vector<NamedFile> files = plan.files;
  if (plan.stem == "model" && plan.model_config) {
    for (NamedFile& file : config_files(*plan.model_config)) {
      const bool is_given = std::any_of(plan.files.begin(), plan.files.end(),
                                        [&](const NamedFile& given) { return given.name == file.name; });
      if (!is_given) files.push_back(std::move(file));
    }
  }
  for (const NamedFile& file : files) {
    OutputFile out(folder / file.name);
    out.write_at(0, file.bytes);
    out.close();
  }
}

void Writer::write(std::size_t index, std::int64_t offset, std::span<const std::byte> data) {
  EASYLM_CHECK(index < places_.size(), "a tensor was written that the plan doesn't have");
  Place& place = places_[index];
  const auto size = static_cast<std::int64_t>(data.size());
  EASYLM_CHECK(offset >= 0 && size <= place.bytes && offset <= place.bytes - size,
               "tensor '" + place.name + "' has " + std::to_string(place.bytes) + " bytes; bytes " +
                   std::to_string(offset) + " and up can't be written");
  EASYLM_CHECK(place.written.add(offset, offset + size), "bytes of '" + place.name + "' were written twice");
  shards_[place.shard].file.write_at(place.begin + offset,
                                     {reinterpret_cast<const char*>(data.data()), data.size()});
}

void Writer::finish() {
  for (const Place& place : places_) {
    const std::int64_t missing = place.bytes - place.written.bytes();
    EASYLM_CHECK(missing == 0,
                 std::to_string(missing) + " bytes of tensor '" + place.name + "' were never written");
  }
  for (Shard& shard : shards_) {
    shard.file.write_at(0, shard.header);
    shard.file.close();
  }
}

}  // namespace

std::unique_ptr<TensorWriter> create_files(const fs::path& folder, const WritePlan& plan,
                                           std::int64_t max_shard_bytes) {
  return std::make_unique<Writer>(folder, plan, max_shard_bytes);
}

}  // namespace easylm::safetensors
