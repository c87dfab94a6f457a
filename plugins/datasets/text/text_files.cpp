// Reads a text file, saying exactly what could not be read.
#include "text_files.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <system_error>

#include "easylm/error.h"

namespace easylm::datasets {
namespace {

struct Closer {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

[[noreturn]] void fail(const std::filesystem::path& path, std::string hint) {
  throw Error(ErrorCode::io,
              "dataset text: " + path.string() + " cannot be read: " + std::generic_category().message(errno),
              std::move(hint));
}

}  // namespace

std::string read_text_file(const std::filesystem::path& path) {
  const std::unique_ptr<std::FILE, Closer> file(std::fopen(path.c_str(), "rbe"));
  if (!file) fail(path, "check its permissions");
  std::error_code ignored;  // the size is only a guess for the buffer
  const std::uintmax_t size = std::filesystem::file_size(path, ignored);
  std::string text;
  if (!ignored) text.reserve(size);
  std::string chunk(std::size_t{1} << 20U, '\0');
  for (;;) {
    const std::size_t got = std::fread(chunk.data(), 1, chunk.size(), file.get());
    text.append(chunk, 0, got);
    if (got < chunk.size()) break;
  }
  if (std::ferror(file.get()) != 0) fail(path, "check the disk");
  return text;
}

}  // namespace easylm::datasets
