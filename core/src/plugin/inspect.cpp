// Opens a plugin's file once and reads manifest and description from that same open file.
#include "plugin/inspect.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "easylm/error.h"
#include "plugin/description_json.h"
#include "plugin/elf_file.h"
#include "plugin/trust.h"

namespace easylm {
namespace {

constexpr std::uint64_t kMaxDescription = 4 << 20;

FileIdentity identity(const struct stat& status) {
  return {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size),
          status.st_mtim.tv_sec * 1'000'000'000LL + status.st_mtim.tv_nsec};
}

class OpenFile : public ByteSource {
 public:
  // O_NONBLOCK: a named pipe must not make us wait.
  explicit OpenFile(const std::filesystem::path& path)
      : descriptor_(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)) {
    if (descriptor_ < 0) {
      throw Error(ErrorCode::io, std::string("the file can't be opened: ") + std::strerror(errno));
    }
    struct stat status {};
    if (fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
      close(descriptor_);
      throw Error(ErrorCode::io, "it is not a regular file");
    }
    identity_ = easylm::identity(status);
  }
  ~OpenFile() override { close(descriptor_); }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  const FileIdentity& identity() const { return identity_; }
  std::uint64_t size() const override { return identity_.size; }

  bool read(std::uint64_t offset, std::span<std::byte> out) const override {
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

 private:
  int descriptor_;
  FileIdentity identity_;
};

std::string reason_of(const Error& error) {
  return error.hint().empty() ? error.message() : error.message() + ": " + error.hint();
}

void read_contents(InspectedPlugin& plugin) {
  const OpenFile file(plugin.file);
  plugin.identity = file.identity();
  const ElfFile elf(file);
  const std::optional<std::string> note = elf.note("EasyLM");
  if (!note) {
    throw Error(ErrorCode::corrupt, "it has no EasyLM manifest, so it is not an EasyLM plugin",
                "build it with EASYLM_PLUGIN of the SDK");
  }
  plugin.manifest = PluginManifest::parse(*note);
  for (std::string& reason : incompatibilities(*plugin.manifest, PluginManifest::of_host())) {
    plugin.reasons.push_back(std::move(reason));
  }
  plugin.components.emplace();
  const auto text = elf.section(".easylm.describe", kMaxDescription);
  if (text) {
    plugin.components = descriptions_from_json(*text);
  } else {
    plugin.components.reset();
  }
}

}  // namespace

InspectedPlugin inspect_plugin(const std::filesystem::path& path, Trust trust) {
  InspectedPlugin plugin;
  plugin.file = path;
  std::error_code failure;
  const std::filesystem::path real = std::filesystem::canonical(path, failure);
  if (failure) {
    plugin.reasons.push_back("the file can't be found: " + failure.message());
    return plugin;
  }
  plugin.file = real;
  if (trust == Trust::checked) plugin.reasons = trust_problems(real);
  try {
    read_contents(plugin);
  } catch (const Error& error) {
    plugin.reasons.push_back(reason_of(error));
  }
  return plugin;
}

std::optional<FileIdentity> identity_of(const std::filesystem::path& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return {};
  return identity(status);
}

}  // namespace easylm
