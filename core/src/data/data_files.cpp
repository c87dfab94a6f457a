// Walks folders, saying exactly what could not be looked at; hashes files.
#include "easylm/data_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "easylm/error.h"
#include "easylm/hash.h"

namespace easylm {
namespace fs = std::filesystem;
namespace {

class Walker {
 public:
  Walker(std::string_view extension, std::string_view who) : extension_(extension), who_(who) {}

  DataFiles find(const fs::path& path) {
    const fs::file_status status = status_of(path);
    if (fs::is_regular_file(status)) return {{{path, path.filename().string()}}, 0};
    if (!fs::is_directory(status)) {
      fail(ErrorCode::invalid_config, path, "is neither a file nor a folder", "check the dataset's `path`");
    }
    walk(path, "");
    std::sort(found_.files.begin(), found_.files.end(),
              [](const DataFile& a, const DataFile& b) { return a.name < b.name; });
    return std::move(found_);
  }

 private:
  [[noreturn]] void fail(ErrorCode code, const fs::path& path, const std::string& what,
                         std::string hint) const {
    throw Error(code, std::string(who_) + ": " + path.string() + " " + what, std::move(hint));
  }

  fs::file_status status_of(const fs::path& path) const {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (status.type() == fs::file_type::not_found) {
      const bool is_link = fs::is_symlink(fs::symlink_status(path, error));
      fail(ErrorCode::not_found, path, is_link ? "is a link to nothing" : "does not exist",
           is_link ? "mend or remove the link" : "check the dataset's `path`");
    }
    if (error) fail(ErrorCode::io, path, "cannot be looked at: " + error.message(), "check its permissions");
    return status;
  }

  void walk(const fs::path& folder, const std::string& prefix) {
    enter(folder);
    std::error_code error;
    fs::directory_iterator entry(folder, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      visit(entry->path(), prefix + entry->path().filename().string());
    }
    if (error) fail(ErrorCode::io, folder, "cannot be listed: " + error.message(), "check its permissions");
    ancestors_.pop_back();
  }

  // A link to a folder that we are in would be walked for ever.
  void enter(const fs::path& folder) {
    std::error_code error;
    fs::path real = fs::canonical(folder, error);
    if (error) fail(ErrorCode::io, folder, "cannot be resolved: " + error.message(), "check its permissions");
    if (std::find(ancestors_.begin(), ancestors_.end(), real) != ancestors_.end()) {
      fail(ErrorCode::invalid_config, folder, "leads back into " + real.string() + ", which contains it",
           "remove that link");
    }
    ancestors_.push_back(std::move(real));
  }

  void visit(const fs::path& path, const std::string& name) {
    const bool is_data = path.extension() == extension_;
    std::error_code error;
    if (!is_data && !fs::is_directory(path, error)) {
      ++found_.num_other;
      return;
    }
    const fs::file_status status = status_of(path);
    if (fs::is_directory(status)) {
      walk(path, name + "/");
    } else if (fs::is_regular_file(status)) {
      found_.files.push_back({path, name});
    } else {
      fail(ErrorCode::invalid_config, path, "is not a regular file", "remove it from the dataset's folder");
    }
  }

  std::string_view extension_, who_;
  DataFiles found_;
  std::vector<fs::path> ancestors_;
};

[[noreturn]] void fail_to_read(const fs::path& path) {
  throw Error(ErrorCode::io, path.string() + " cannot be read: " + std::generic_category().message(errno),
              "check its permissions, and the disk");
}

class OpenFile {
 public:
  explicit OpenFile(const fs::path& path) : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ < 0) fail_to_read(path);
  }
  ~OpenFile() { ::close(fd_); }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  // As much of `into` as there is from `offset` on.
  std::span<const std::byte> read(std::int64_t offset, std::span<std::byte> into) const {
    std::size_t used = 0;
    while (used < into.size()) {
      const ssize_t got = ::pread(fd_, into.data() + used, into.size() - used,
                                  static_cast<off_t>(offset) + static_cast<off_t>(used));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail_to_read(path_);
      if (got == 0) break;
      used += static_cast<std::size_t>(got);
    }
    return into.first(used);
  }

 private:
  const fs::path& path_;
  int fd_;
};

constexpr std::int64_t kBlock = std::int64_t{64} << 10;
constexpr std::int64_t kLargeFile = std::int64_t{16} << 20;
constexpr std::int64_t kSamples = 64;

void hash_file(const fs::path& path, Sha256& hash) {
  std::error_code error;
  const auto size = static_cast<std::int64_t>(fs::file_size(path, error));
  if (error) throw Error(ErrorCode::io, path.string() + " has no size: " + error.message());
  const std::string head = std::to_string(size) + "\n";
  hash.update(std::as_bytes(std::span(head)));
  const OpenFile file(path);
  std::vector<std::byte> block(static_cast<std::size_t>(kBlock));
  if (size <= kLargeFile) {
    for (std::int64_t at = 0; at < size; at += kBlock) hash.update(file.read(at, block));
    return;
  }
  for (std::int64_t i = 0; i < kSamples - 1; ++i) {
    hash.update(file.read((size - kBlock) / (kSamples - 1) * i, block));
  }
  hash.update(file.read(size - kBlock, block));
}

}  // namespace

DataFiles find_data_files(const fs::path& path, std::string_view extension, std::string_view who) {
  return Walker(extension, who).find(path);
}

std::string content_fingerprint(std::span<const DataFile> files) {
  Sha256 hash;
  for (const DataFile& file : files) hash_file(file.path, hash);
  return hash.finish().substr(0, 32);
}

}  // namespace easylm
