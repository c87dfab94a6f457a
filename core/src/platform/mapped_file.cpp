// A file's bytes, mapped.
#include "easylm/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "easylm/error.h"

namespace easylm {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& reason, ErrorCode code) {
  throw Error(code, path.string() + ": " + reason, "check the path, and that the file may be read");
}

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd_ < 0) {
    fail(path, "open failed: " + std::generic_category().message(errno),
         errno == ENOENT ? ErrorCode::not_found : ErrorCode::io);
  }
  struct stat facts {};
  const bool is_file = ::fstat(fd_, &facts) == 0 && S_ISREG(facts.st_mode);
  const auto size = static_cast<std::size_t>(facts.st_size);
  void* address = nullptr;
  if (is_file && size > 0) address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd_, 0);
  const int error = errno;
  if (!is_file || address == MAP_FAILED) ::close(fd_);
  if (!is_file) fail(path, "it is not a file", ErrorCode::io);
  if (address == MAP_FAILED)
    fail(path, "mmap failed: " + std::generic_category().message(error), ErrorCode::io);
  bytes_ = {static_cast<const std::byte*>(address), size};
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      bytes_(std::exchange(other.bytes_, {})) {}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  if (fd_ >= 0) ::close(fd_);
}

void MappedFile::read(std::size_t offset, std::span<std::byte> into) const {
  EASYLM_CHECK(offset <= bytes_.size() && into.size() <= bytes_.size() - offset,
               "bytes beyond a file were asked for");
  while (!into.empty()) {
    const ssize_t n = ::pread(fd_, into.data(), into.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      fail(path_,
           n < 0 ? "read failed: " + std::generic_category().message(errno) : "it was cut while it was read",
           ErrorCode::io);
    }
    offset += static_cast<std::size_t>(n);
    into = into.subspan(static_cast<std::size_t>(n));
  }
}

}  // namespace easylm
