// Damages plugins on purpose and counts whether their code ran.
#include "support.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace easylm::test {

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("can't read " + path.string());
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

void write_file(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary);
  out << bytes;
  out.close();
  if (!out) throw std::runtime_error("can't write " + path.string());
}

std::string fixture(std::string_view name) {
  return read_file(std::filesystem::path(EASYLM_FIXTURE_DIR) / ("fixture_" + std::string(name) + ".so"));
}

std::string with_manifest_line(std::string plugin, std::string_view key, std::string_view value) {
  const std::size_t begin = plugin.find("manifest=1\n");
  const std::size_t end = plugin.find("\nlayout=", begin) + 8 + 16 + 1;
  std::string text = plugin.substr(begin, end - begin);
  const std::size_t line = text.find("\n" + std::string(key) + "=") + 1;
  text.replace(line, text.find('\n', line) - line, std::string(key) + "=" + std::string(value));
  // The plugin's version makes room, empty lines fill up.
  const std::size_t version = text.find("version=") + 8;
  while (text.size() > end - begin && text[version + 1] != '\n') text.erase(version, 1);
  if (text.size() > end - begin) throw std::runtime_error("no room in the manifest");
  text.append(end - begin - text.size(), '\n');
  return plugin.replace(begin, text.size(), text);
}

PrivateFolder::PrivateFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "easylm_plugin_XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("can't make a folder");
  root_ = std::filesystem::canonical(pattern);
  folder_ = root_ / "plugins";
  std::filesystem::create_directory(folder_);
  std::filesystem::permissions(folder_, std::filesystem::perms::owner_all);
  setenv("EASYLM_TEST_MARKER", (root_ / "marker").c_str(), 1);
}

PrivateFolder::~PrivateFolder() {
  unsetenv("EASYLM_TEST_MARKER");
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

std::filesystem::path PrivateFolder::add(std::string_view file_name, std::string_view bytes) const {
  std::filesystem::path path = folder_ / file_name;
  write_file(path, bytes);
  std::filesystem::permissions(path,
                               std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  return path;
}

int PrivateFolder::runs() const {
  if (!std::filesystem::exists(root_ / "marker")) return 0;
  const std::string text = read_file(root_ / "marker");
  return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}

Catalogue PrivateFolder::scan() const {
  return Catalogue({{folder_}, {}}, [] { return std::optional<std::string>("this machine has no GPU"); });
}

CatalogueEntry only_entry(const Catalogue& catalogue) {
  EXPECT_EQ(catalogue.entries().size(), 1U);
  return catalogue.entries().empty() ? CatalogueEntry{} : catalogue.entries().front();
}

std::string all_reasons(const std::vector<std::string>& reasons) {
  std::string text;
  for (const std::string& reason : reasons) text += reason + "\n";
  return text;
}

}  // namespace easylm::test
