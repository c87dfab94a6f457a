// Every plugin exports the one entry symbol, and nothing of itself or of the headers it uses.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "support/paths.h"

namespace easylm::test {
namespace {

std::string defined_symbols(const std::filesystem::path& file) {
  const std::string command = EASYLM_NM " -D --defined-only --format=just-symbols '" + file.string() + "'";
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(command.c_str(), "r"), &pclose);
  std::string text;
  std::array<char, 256> part{};
  while (pipe && std::fgets(part.data(), part.size(), pipe.get()) != nullptr) text += part.data();
  return text;
}

TEST(Exports, AreTheEntrySymbolAlone) {
  std::vector<std::filesystem::path> plugins{std::filesystem::path(EASYLM_FIXTURE_DIR) / "fixture_good.so"};
  const auto bundled = testing::build_folder() / "lib/easylm/plugins";
  if (std::filesystem::is_directory(bundled)) {
    for (const auto& entry : std::filesystem::directory_iterator(bundled)) plugins.push_back(entry.path());
  }
  for (const auto& plugin : plugins) EXPECT_EQ(defined_symbols(plugin), "easylm_plugin_v1\n") << plugin;
}

}  // namespace
}  // namespace easylm::test
