// What the plugin tests share: a private folder, and damaged copies of plugins.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "plugin/catalogue.h"

namespace easylm::test {

std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, std::string_view bytes);

// The bytes of tests/fixtures/plugins/NAME.cpp's library.
std::string fixture(std::string_view name);

// A plugin's bytes with one line of its manifest changed: `key` gets `value`. The note's size stays the same.
std::string with_manifest_line(std::string plugin, std::string_view key, std::string_view value);

// An empty folder that goes away with this object, and a marker file outside it that shows if code has run.
class PrivateFolder {
 public:
  PrivateFolder();
  ~PrivateFolder();
  PrivateFolder(const PrivateFolder&) = delete;
  PrivateFolder& operator=(const PrivateFolder&) = delete;

  const std::filesystem::path& path() const { return folder_; }
  std::filesystem::path add(std::string_view file_name, std::string_view bytes) const;

  // How often the code of a fixture with marker.h ran since this object was made.
  int runs() const;

  // A catalogue of this folder alone, on a machine without a GPU.
  Catalogue scan() const;

 private:
  std::filesystem::path root_, folder_;
};

// The one entry of a catalogue, or a test failure.
CatalogueEntry only_entry(const Catalogue& catalogue);

// All reasons as one text.
std::string all_reasons(const std::vector<std::string>& reasons);

}  // namespace easylm::test
