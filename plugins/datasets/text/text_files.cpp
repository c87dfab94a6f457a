// Walks folders and reads files, saying exactly what could not be read.
#include "text_files.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <system_error>

#include "easylm/error.h"

namespace easylm::datasets {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void fail(ErrorCode code, const fs::path& path, const std::string& what, std::string hint) {
  throw Error(code, "dataset text: " + path.string() + " " + what, std::move(hint));
}

fs::file_status status_of(const fs::path& path) {
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

class Walker {
 public:
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

  TextFiles take() {
    std::sort(found_.files.begin(), found_.files.end(),
              [](const TextFile& a, const TextFile& b) { return a.name < b.name; });
    return std::move(found_);
  }

 private:
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
    const bool is_text = path.extension() == ".txt";
    std::error_code error;
    if (!is_text && !fs::is_directory(path, error)) {
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

  TextFiles found_;
  std::vector<fs::path> ancestors_;
};

struct Closer {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

TextFiles find_text_files(const fs::path& path) {
  const fs::file_status status = status_of(path);
  if (fs::is_regular_file(status)) return {{{path, path.filename().string()}}, 0};
  if (!fs::is_directory(status)) {
    fail(ErrorCode::invalid_config, path, "is neither a file nor a folder", "check the dataset's `path`");
  }
  Walker walker;
  walker.walk(path, "");
  return walker.take();
}

std::string read_text_file(const fs::path& path) {
  const std::unique_ptr<std::FILE, Closer> file(std::fopen(path.c_str(), "rbe"));
  if (!file)
    fail(ErrorCode::io, path, std::string("cannot be read: ") + std::strerror(errno),
         "check its permissions");
  std::error_code ignored;  // the size is only a guess for the buffer
  const std::uintmax_t size = fs::file_size(path, ignored);
  std::string text;
  if (!ignored) text.reserve(size);
  std::string chunk(std::size_t{1} << 20U, '\0');
  for (;;) {
    const std::size_t got = std::fread(chunk.data(), 1, chunk.size(), file.get());
    text.append(chunk, 0, got);
    if (got < chunk.size()) break;
  }
  if (std::ferror(file.get()) != 0) {
    fail(ErrorCode::io, path, std::string("cannot be read: ") + std::strerror(errno), "check the disk");
  }
  return text;
}

}  // namespace easylm::datasets
