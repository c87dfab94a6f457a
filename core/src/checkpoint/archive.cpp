// libarchive knows the formats; what it may do with our disk is decided here.
#include "checkpoint/archive.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <utility>

#include "checkpoint/manifest.h"
#include "easylm/error.h"
#include "easylm/hash.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPiece = std::size_t{1} << 18U;  // bytes handed over by one call
constexpr std::size_t kMostEntries = 100000;
constexpr std::size_t kMostSumsBytes = std::size_t{16} << 20U;

struct FreeArchive {
  void operator()(archive* a) const { archive_free(a); }
};
struct FreeEntry {
  void operator()(archive_entry* e) const { archive_entry_free(e); }
};
using Archive = std::unique_ptr<archive, FreeArchive>;

[[noreturn]] void refuse(const fs::path& file, const std::string& reason) {
  throw Error(ErrorCode::corrupt, file.string() + ": " + reason,
              "get the archive again, from somebody you trust");
}

void check_written(archive* out, const fs::path& file, la_ssize_t result) {
  if (result >= ARCHIVE_OK) return;
  const char* reason = archive_error_string(out);
  throw Error(ErrorCode::io, file.string() + ": writing failed: " + (reason == nullptr ? "unknown" : reason),
              archive_errno(out) == ENOSPC ? "free some space"
                                           : "check the disk, and that the folder can be written");
}

void begin_entry(archive* out, const fs::path& file, const std::string& path, std::int64_t bytes) {
  const std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), path.c_str());
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0644);
  archive_entry_set_size(entry.get(), bytes);
  archive_entry_set_mtime(entry.get(), 0, 0);
  archive_entry_set_uid(entry.get(), 0);
  archive_entry_set_gid(entry.get(), 0);
  check_written(out, file, archive_write_header(out, entry.get()));
}

void add_file(archive* out, const fs::path& file, const fs::path& folder, const FileFacts& facts) {
  begin_entry(out, file, facts.path, facts.bytes);
  Sha256 sha256;
  std::int64_t bytes = 0;
  FileSystem files;
  files.read_pieces(folder / facts.path, [&](std::span<const std::byte> piece) {
    sha256.update(piece);
    bytes += static_cast<std::int64_t>(piece.size());
    check_written(out, file, archive_write_data(out, piece.data(), piece.size()));
  });
  if (bytes == facts.bytes && sha256.finish() == facts.sha256) return;
  throw Error(ErrorCode::corrupt, (folder / facts.path).string() + " is not what was saved",
              "easylm registry verify says more; export another version");
}

// An archive that is read entry by entry.
class Input {
 public:
  explicit Input(fs::path file) : file_(std::move(file)), archive_(archive_read_new()) {
    archive_read_support_format_tar(archive_.get());
    if (archive_read_open_filename(archive_.get(), file_.c_str(), kPiece) != ARCHIVE_OK) fail();
  }

  // False at the end. Warnings of libarchive are errors here.
  bool next() {
    const int result = archive_read_next_header(archive_.get(), &entry_);
    if (result == ARCHIVE_EOF) return false;
    if (result != ARCHIVE_OK) fail();
    const char* path = archive_entry_pathname(entry_);
    if (path == nullptr) refuse(file_, "an entry has no usable name");
    path_ = path;
    if (++count_ > kMostEntries)
      refuse(file_, "it has more than " + std::to_string(kMostEntries) + " entries");
    return true;
  }

  const std::string& path() const { return path_; }
  const fs::path& file() const { return file_; }
  bool is_folder() const { return archive_entry_filetype(entry_) == AE_IFDIR; }
  bool is_plain_file() const {
    return archive_entry_filetype(entry_) == AE_IFREG && archive_entry_hardlink(entry_) == nullptr;
  }
  std::int64_t bytes() const { return archive_entry_size(entry_); }

  void read(const std::function<void(std::span<const std::byte>)>& take) {
    std::vector<std::byte> piece(kPiece);
    for (;;) {
      const la_ssize_t n = archive_read_data(archive_.get(), piece.data(), piece.size());
      if (n < 0) fail();
      if (n == 0) return;
      take({piece.data(), static_cast<std::size_t>(n)});
    }
  }

 private:
  [[noreturn]] void fail() {
    const char* reason = archive_error_string(archive_.get());
    refuse(file_, std::string("it is no whole tar file: ") + (reason == nullptr ? "unknown" : reason));
  }

  fs::path file_;
  Archive archive_;
  archive_entry* entry_ = nullptr;
  std::string path_;
  std::size_t count_ = 0;
};

void check_entry(const Input& in, std::int64_t limit) {
  const std::string quoted = "the entry '" + in.path() + "'";
  if (!stays_inside(in.path())) refuse(in.file(), quoted + " would leave the folder");
  if (!in.is_plain_file()) refuse(in.file(), quoted + " is a link or a device; a version holds only files");
  if (in.bytes() < 0 || in.bytes() > limit)
    refuse(in.file(), quoted + " claims more bytes than the archive has");
}

// Writes the entry's bytes, and returns their SHA-256.
std::string unpack_entry(Input& in, const fs::path& to) {
  std::ofstream out(to, std::ios::binary);
  Sha256 sha256;
  in.read([&](std::span<const std::byte> piece) {
    sha256.update(piece);
    out.write(reinterpret_cast<const char*>(piece.data()), static_cast<std::streamsize>(piece.size()));
  });
  out.close();
  if (!out) throw Error(ErrorCode::io, to.string() + " can't be written", "check the disk's free space");
  return sha256.finish();
}

// "<64 digits>  path" a line.
std::map<std::string, std::string> parse_sums(const std::string& text, const fs::path& file) {
  std::map<std::string, std::string> sums;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (line.size() < 67 || line.substr(64, 2) != "  ") refuse(file, "its SHA256SUMS is damaged");
    sums[line.substr(66)] = line.substr(0, 64);
  }
  return sums;
}

}  // namespace

bool is_archive(const fs::path& path) { return path.extension() == ".tar"; }

std::string sums_text(const std::vector<FileFacts>& facts) {
  std::string text;
  for (const FileFacts& file : facts) text += file.sha256 + "  " + file.path + "\n";
  return text;
}

void write_archive(const fs::path& file, const fs::path& folder, const std::vector<FileFacts>& facts) {
  const Archive owned(archive_write_new());
  archive* out = owned.get();
  archive_write_set_format_pax_restricted(out);
  check_written(out, file, archive_write_open_filename(out, file.c_str()));
  const std::string sums = sums_text(facts);
  begin_entry(out, file, std::string(kSumsPath), static_cast<std::int64_t>(sums.size()));
  check_written(out, file, archive_write_data(out, sums.data(), sums.size()));
  for (const FileFacts& each : facts) add_file(out, file, folder, each);
  check_written(out, file, archive_write_close(out));
}

void check_archive(const fs::path& file, const std::vector<FileFacts>& facts) {
  Input in(file);
  std::size_t found = 0;
  while (in.next()) {
    Sha256 sha256;
    in.read([&](std::span<const std::byte> piece) { sha256.update(piece); });
    const auto expected = std::ranges::find(facts, in.path(), &FileFacts::path);
    if (expected == facts.end()) continue;
    if (sha256.finish() != expected->sha256) refuse(file, in.path() + " is not what was written");
    ++found;
  }
  if (found != facts.size()) refuse(file, "not every file that was written is in it");
}

void unpack_archive(const fs::path& file, const fs::path& folder, FileSystem& files) {
  std::error_code problem;
  const auto limit = static_cast<std::int64_t>(fs::file_size(file, problem));
  if (problem) throw Error(ErrorCode::not_found, file.string() + ": " + problem.message(), "check the path");
  std::map<std::string, std::string> unpacked;
  Input in(file);
  while (in.next()) {
    if (in.is_folder()) continue;  // made for what lies in them
    check_entry(in, limit);
    const fs::path to = folder / in.path();
    if (files.exists(to)) refuse(file, "the entry '" + in.path() + "' comes twice");
    files.create_folders(to.parent_path());
    unpacked[in.path()] = unpack_entry(in, to);
  }
  const fs::path sums = folder / kSumsPath;
  if (!files.exists(sums)) return;
  for (const auto& [path, sha256] : parse_sums(files.read_file(sums, kMostSumsBytes), file)) {
    const auto found = unpacked.find(path);
    if (found == unpacked.end()) refuse(file, path + " is missing");
    if (found->second != sha256) refuse(file, path + " is not what SHA256SUMS says");
  }
  files.remove_tree(sums);
}

}  // namespace easylm
