// Opens, reads, hashes and copies plugins' files by descriptor.
#include "plugin/plugin_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "easylm/error.h"
#include "easylm/hash.h"

namespace easylm {
namespace {

constexpr std::size_t kPieceBytes = 1 << 18;

FileIdentity identity_from(const struct stat& status) {
  return {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size),
          status.st_mtim.tv_sec * 1'000'000'000LL + status.st_mtim.tv_nsec};
}

[[noreturn]] void fail(std::string_view what) {
  throw Error(ErrorCode::io, std::string(what) + ": " + std::strerror(errno));
}

// O_NONBLOCK: a named pipe must not make us wait.
int opened(const std::filesystem::path& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) fail("the file can't be opened");
  return descriptor;
}

void for_each_piece(const PluginFile& file, const std::function<void(std::span<const std::byte>)>& take) {
  std::vector<std::byte> piece(kPieceBytes);
  for (std::uint64_t at = 0; at < file.size(); at += piece.size()) {
    piece.resize(std::min<std::uint64_t>(piece.size(), file.size() - at));
    if (!file.read(at, piece)) {
      throw Error(ErrorCode::io, "the file can't be read at byte " + std::to_string(at));
    }
    take(piece);
  }
}

void write_all(int descriptor, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = write(descriptor, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) fail("the file can't be copied into memory");
    bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
}

}  // namespace

std::optional<FileIdentity> identity_of(const std::filesystem::path& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return {};
  return identity_from(status);
}

PluginFile::PluginFile(const std::filesystem::path& path) : PluginFile(opened(path)) {}

PluginFile::PluginFile(int descriptor) : descriptor_(descriptor) {
  struct stat status {};
  if (fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(descriptor_);
    throw Error(ErrorCode::io, "it is not a regular file");
  }
  identity_ = identity_from(status);
}

PluginFile::~PluginFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

PluginFile::PluginFile(PluginFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), identity_(other.identity_) {}

bool PluginFile::read(std::uint64_t offset, std::span<std::byte> out) const {
  if (offset > size() || out.size() > size() - offset) return false;
  while (!out.empty()) {
    const ssize_t got = pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    out = out.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return true;
}

std::string PluginFile::sha256() const {
  Sha256 hash;
  for_each_piece(*this, [&](std::span<const std::byte> piece) { hash.update(piece); });
  return hash.finish();
}

PluginFile PluginFile::sealed_copy(const std::string& name) const {
  const int descriptor = memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (descriptor < 0) fail("this system gives no memory for a copy of it (memfd_create)");
  PluginFile empty(descriptor);  // closes it if anything fails
  for_each_piece(*this, [&](std::span<const std::byte> piece) { write_all(descriptor, piece); });
  if (fcntl(descriptor, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0) {
    fail("its copy in memory can't be sealed");
  }
  empty.keep_open();
  return PluginFile(descriptor);
}

// By the process's number: debuggers and symbolizers open the path too, and their /proc/self is another one.
std::filesystem::path PluginFile::open_path() const {
  return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(descriptor_);
}

}  // namespace easylm
