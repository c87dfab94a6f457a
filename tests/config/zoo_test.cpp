// Bad configurations, each with the diagnostics that it must give: zoo/NAME.toml and zoo/NAME.expected.
//
// Lines that begin with `#--set ` or `#env ` in a zoo file are given to the reader as such. In the expected
// text, ZOO/ stands for the zoo's folder. EASYLM_WRITE_EXPECTED=1 writes what is seen, for reading over.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "config/pipeline_config.h"
#include "fake_descriptions.h"
#include "support/paths.h"

namespace easylm {
namespace {

const std::filesystem::path& zoo() {
  static const std::filesystem::path kZoo = testing::source_folder() / "tests/config/zoo";
  return kZoo;
}

std::vector<std::string> animals() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(zoo())) {
    if (entry.path().extension() == ".toml") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string read(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

LoadOptions options_in(const std::string& text) {
  LoadOptions options;
  options.directory = zoo();
  std::istringstream lines(text);
  constexpr std::string_view kSet = "#--set ", kEnvironment = "#env ";
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(kSet)) options.sets.push_back(line.substr(kSet.size()));
    if (!line.starts_with(kEnvironment)) continue;
    const std::size_t equals = line.find('=');
    options.environment.emplace_back(line.substr(kEnvironment.size(), equals - kEnvironment.size()),
                                     line.substr(equals + 1));
  }
  return options;
}

std::string without_folder(std::string text) {
  const std::string folder = zoo().string();
  for (std::size_t at = text.find(folder); at != std::string::npos; at = text.find(folder, at)) {
    text.replace(at, folder.size(), "ZOO");
  }
  return text;
}

class Zoo : public ::testing::TestWithParam<std::string> {};

TEST_P(Zoo, GivesTheExpectedDiagnostics) {
  const auto file = zoo() / (GetParam() + ".toml");
  const auto expected_file = zoo() / (GetParam() + ".expected");
  const auto descriptions = testing::FakeDescriptions::realistic();
  Diagnostics diagnostics;
  const auto config = load_pipeline(file, options_in(read(file)), descriptions, diagnostics);
  const std::string seen = without_folder(diagnostics.text());
  if (::getenv("EASYLM_WRITE_EXPECTED") != nullptr) std::ofstream(expected_file) << seen;
  EXPECT_FALSE(config.has_value());
  EXPECT_FALSE(seen.empty());
  EXPECT_EQ(seen, read(expected_file));
}

INSTANTIATE_TEST_SUITE_P(Config, Zoo, ::testing::ValuesIn(animals()),
                         [](const auto& animal) { return animal.param; });

TEST(ConfigZoo, HasAtLeastFortyAnimalsAndAllAreExpected) {
  EXPECT_GE(animals().size(), 40U);
  std::size_t expected = 0;
  for (const auto& entry : std::filesystem::directory_iterator(zoo())) {
    expected += entry.path().extension() == ".expected" ? 1 : 0;
  }
  EXPECT_EQ(expected, animals().size());
}

}  // namespace
}  // namespace easylm
