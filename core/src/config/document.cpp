// Reads configuration files from disk and resolves `extends`.
#include "config/document.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace easylm {
namespace {

constexpr std::size_t kMaxFiles = 64;  // read in all, so that bases of bases can't grow without end

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

std::string system_message(int code) { return std::system_category().message(code); }

// The whole file, or what is wrong with it. A pipe or a device, which could block for ever, is refused.
std::optional<std::string> read_text(const std::filesystem::path& file, std::string& problem) {
  const Descriptor descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info {};
  if (descriptor.get() < 0 || ::fstat(descriptor.get(), &info) != 0) {
    problem = errno == ENOENT ? "there is no such file" : "it can't be read: " + system_message(errno);
    return std::nullopt;
  }
  if (!S_ISREG(info.st_mode)) {
    problem = S_ISDIR(info.st_mode) ? "it is a directory, not a file" : "it is not a regular file";
    return std::nullopt;
  }
  std::string text;
  std::size_t filled = 0;
  do {
    text.resize(filled + (64 << 10));
    const ssize_t count = ::read(descriptor.get(), text.data() + filled, text.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      problem = "it can't be read: " + system_message(errno);
      return std::nullopt;
    }
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  } while (filled <= kMaxDocumentBytes);  // parse_document refuses what is larger
  text.resize(filled);
  return text;
}

// Follows `extends` depth first; the chain of files being read shows cycles.
class Loader {
 public:
  explicit Loader(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  // `said_at` is the `extends` that names the file, or the file itself.
  std::optional<Table> load(const std::filesystem::path& file, const Origin& said_at) {
    std::error_code ignored;
    const auto identity = std::filesystem::weakly_canonical(file, ignored);
    if (std::find(chain_.begin(), chain_.end(), identity) != chain_.end()) return cycle(file, said_at);
    if (files_.size() >= kMaxFiles) {
      diagnostics_.error(said_at, "too_many_files",
                         "more than " + std::to_string(kMaxFiles) + " files extend one another");
      return std::nullopt;
    }
    std::string problem;
    const auto text = read_text(file, problem);
    if (!text) {
      diagnostics_.error(said_at, "unreadable", "can't read '" + file.string() + "': " + problem);
      return std::nullopt;
    }
    files_.push_back(file);
    auto own = parse_document(*text, file.string(), diagnostics_);
    if (!own) return std::nullopt;
    chain_.push_back(identity);
    names_.push_back(file.string());
    auto result = extend(std::move(*own), file);
    chain_.pop_back();
    names_.pop_back();
    return result;
  }

  std::vector<std::filesystem::path> files() && { return std::move(files_); }

 private:
  std::nullopt_t cycle(const std::filesystem::path& file, const Origin& said_at) {
    std::string chain;
    for (const std::string& name : names_) chain += name + " -> ";
    diagnostics_.error(said_at, "cycle",
                       "the files extend one another in a circle: " + chain + file.string());
    return std::nullopt;
  }

  std::optional<Table> extend(Table own, const std::filesystem::path& file) {
    const Value* extends = own.find("extends");
    if (extends == nullptr) return own;
    const List* list = extends->as<List>();
    const List bases = list != nullptr ? *list : List{*extends};
    Table result;
    bool ok = true;
    for (const Value& base : bases) {
      const std::string* name = base.as<std::string>();
      if (name == nullptr || name->empty()) {
        diagnostics_.error(base.origin, "wrong_type", "extends must be a path or a list of paths",
                           "for example extends = \"base.toml\"");
        ok = false;
        continue;
      }
      const auto path = (file.parent_path() / *name).lexically_normal();
      const auto table = load(path, base.origin);
      ok = ok && table.has_value();
      if (table) merge_tables(result, *table);
    }
    if (!ok) return std::nullopt;
    std::erase_if(own.settings, [](const Setting& setting) { return setting.key == "extends"; });
    merge_tables(result, own);
    return result;
  }

  Diagnostics& diagnostics_;
  std::vector<std::filesystem::path> files_;
  std::vector<std::filesystem::path> chain_;
  std::vector<std::string> names_;
};

}  // namespace

void merge_tables(Table& under, const Table& over) {
  under.origin = over.origin;
  for (const Setting& setting : over.settings) {
    const auto same = std::find_if(under.settings.begin(), under.settings.end(),
                                   [&](const Setting& other) { return other.key == setting.key; });
    if (same == under.settings.end()) {
      under.settings.push_back(setting);
      continue;
    }
    Table* const below = std::get_if<Table>(&same->value.data);
    const Table* const above = setting.value.as<Table>();
    if (below != nullptr && above != nullptr) {
      merge_tables(*below, *above);
      same->value.origin = setting.value.origin;
    } else {
      same->value = setting.value;
    }
  }
}

void set_origin(Value& value, const Origin& origin) {
  value.origin = origin;
  if (List* list = std::get_if<List>(&value.data)) {
    for (Value& item : *list) set_origin(item, origin);
  } else if (Table* table = std::get_if<Table>(&value.data)) {
    table->origin = origin;
    for (Setting& setting : table->settings) set_origin(setting.value, origin);
  }
}

std::optional<LoadedDocument> load_document(const std::filesystem::path& file, Diagnostics& diagnostics) {
  Loader loader(diagnostics);
  auto root = loader.load(file, {"file", file.string(), 0, 0});
  if (!root) return std::nullopt;
  return LoadedDocument{std::move(*root), std::move(loader).files()};
}

}  // namespace easylm
