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

MappedFile::MappedFile(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    fail(path, "open failed: " + std::generic_category().message(errno),
         errno == ENOENT ? ErrorCode::not_found : ErrorCode::io);
  }
  struct stat facts {};
  const bool is_file = ::fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode);
  const auto size = static_cast<std::size_t>(facts.st_size);
  void* address = nullptr;
  if (is_file && size > 0) address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  const int error = errno;
  ::close(fd);
  if (!is_file) fail(path, "it is not a file", ErrorCode::io);
  if (address == MAP_FAILED)
    fail(path, "mmap failed: " + std::generic_category().message(error), ErrorCode::io);
  bytes_ = {static_cast<const std::byte*>(address), size};
}

MappedFile::MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace easylm
