// Fills in templates: @name@, @Name@ and what else is known of the kind.
#include "plugin/scaffold.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <string_view>
#include <system_error>

#include "config/did_you_mean.h"
#include "easylm/error.h"
#include "platform/files.h"

namespace easylm {
namespace {

constexpr std::size_t kMostBytes = 1 << 20;
constexpr std::string_view kCommon = "common";  // what all kinds share
constexpr std::size_t kLongestName = 64;

using Words = std::map<std::string, std::string>;  // by placeholder

std::string read(const std::filesystem::path& file) { return FileSystem().read_file(file, kMostBytes); }

std::string filled(std::string text, const Words& words) {
  for (const auto& [placeholder, word] : words) {
    const std::string mark = "@" + placeholder + "@";
    for (std::size_t at = text.find(mark); at != text.npos; at = text.find(mark, at + word.size())) {
      text.replace(at, mark.size(), word);
    }
  }
  return text;
}

std::string camel_case(std::string_view name) {
  std::string out;
  bool is_first = true;
  for (const char c : name) {
    if (c != '_') out += static_cast<char>(is_first ? std::toupper(static_cast<unsigned char>(c)) : c);
    is_first = c == '_';
  }
  return out;
}

// The header of the interface: the first of ours that the code includes and that isn't the SDK's.
std::string header_of(const std::string& code) {
  const std::string begin = "#include \"";
  for (std::size_t at = code.find(begin); at != code.npos; at = code.find(begin, at + 1)) {
    std::string header =
        code.substr(at + begin.size(), code.find('"', at + begin.size()) - at - begin.size());
    if (!header.starts_with("easylm/sdk/") && header != "easylm/tensor/aten.h") return header;
  }
  return {};
}

// The comment that the code opens with.
std::string purpose_of(const std::string& code) {
  std::string text;
  for (std::size_t at = 0; code.compare(at, 3, "// ") == 0; at = code.find('\n', at) + 1) {
    text += (text.empty() ? "" : " ") + code.substr(at + 3, code.find('\n', at) - at - 3);
  }
  return text;
}

// A pipeline's text in pieces, each beginning with the line of a table's header; the first is what stands
// before them.
std::vector<std::string> sections_of(const std::string& pipeline) {
  std::vector<std::string> sections(1);
  for (std::size_t at = 0; at < pipeline.size();) {
    const std::size_t end = std::min(pipeline.find('\n', at), pipeline.size() - 1) + 1;
    if (pipeline[at] == '[') sections.emplace_back();
    sections.back() += pipeline.substr(at, end - at);
    at = end;
  }
  return sections;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

// The common pipeline with one of its tables replaced.
std::string pipeline_with(const std::string& pipeline, const std::string& section) {
  std::string text;
  for (const std::string& part : sections_of(pipeline)) {
    const bool is_last = pipeline.ends_with(part);
    text += first_line(part) == first_line(section) ? section + (is_last ? "" : "\n") : part;
  }
  return text;
}

void check_name(const std::string& name) {
  const bool is_word =
      !name.empty() && name.size() <= kLongestName && std::islower(static_cast<unsigned char>(name[0])) &&
      std::all_of(name.begin(), name.end(),
                  [](unsigned char c) { return std::islower(c) || std::isdigit(c) || c == '_'; });
  if (!is_word) {
    throw Error(ErrorCode::invalid_config, "'" + name + "' can't be a component's name",
                "use small letters, digits and underscores, a letter first: my_optimizer");
  }
}

void check_kind(const ScaffoldRequest& request) {
  const std::vector<std::string> kinds = scaffold_kinds(request.templates);
  if (std::find(kinds.begin(), kinds.end(), request.kind) != kinds.end()) return;
  throw Error(ErrorCode::invalid_config, "there is no kind '" + request.kind + "'",
              suggestion(request.kind, kinds, "there are"));
}

void check_folder(const std::filesystem::path& folder) {
  std::error_code failure;
  if (!std::filesystem::exists(folder, failure)) return;
  if (std::filesystem::is_directory(folder, failure) && std::filesystem::is_empty(folder, failure)) return;
  throw Error(ErrorCode::io, folder.string() + " is there already", "name a new folder");
}

}  // namespace

std::vector<std::string> scaffold_kinds(const std::filesystem::path& templates) {
  std::error_code failure;
  if (!std::filesystem::is_directory(templates, failure)) {
    throw Error(ErrorCode::not_found, "there are no templates in " + templates.string(),
                "install EasyLM whole");
  }
  std::vector<std::string> kinds;
  for (const FolderEntry& entry : FileSystem().list(templates)) {
    if (entry.name != kCommon) kinds.push_back(entry.name);
  }
  return kinds;
}

std::vector<std::string> make_scaffold(const ScaffoldRequest& request) {
  check_kind(request);
  check_name(request.name);
  check_folder(request.folder);
  const std::filesystem::path common = request.templates / kCommon;
  const std::filesystem::path own = request.templates / request.kind;
  const std::string code = read(own / "plugin.cpp.in");
  const bool is_tensor = code.find("\"easylm/tensor/") != code.npos;
  const Words words{
      {"name", request.name},
      {"Name", camel_case(request.name)},
      {"kind", request.kind},
      {"tensor", is_tensor ? " TENSOR" : ""},
      {"what", purpose_of(code)},
      {"header", header_of(code)},
      {"prefix", request.prefix.empty() ? "" : " -DCMAKE_PREFIX_PATH=" + request.prefix.string()}};
  const std::vector<std::pair<std::string, std::string>> files{
      {"CMakeLists.txt", read(common / "CMakeLists.txt")},
      {"README.md", read(common / "README.md")},
      {"pipeline.toml", pipeline_with(read(common / "pipeline.toml"), read(own / "section.toml"))},
      {"sample.txt", read(common / "sample.txt")},
      {request.name + ".cpp", code}};
  std::filesystem::create_directories(request.folder);
  std::vector<std::string> made;
  made.reserve(files.size());
  for (const auto& [name, text] : files) {
    FileSystem().write_new_file(request.folder / name, filled(text, words));
    made.push_back(name);
  }
  return made;
}

}  // namespace easylm
