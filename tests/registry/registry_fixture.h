// A registry of its own for each test, and short ways to fill it.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "easylm/error.h"
#include "easylm/tracker.h"
#include "registry/registry.h"
#include "support/temporary_folder.h"

namespace easylm::testing {

// The error that `action` throws; a failure of the test if it throws none.
template <typename Action>
Error error_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return {ErrorCode::internal, "nothing was thrown"};
}

class FilledRegistry : public ::testing::Test {
 protected:
  std::string begin(const std::string& config = "", const std::string& name = "shakespeare") {
    return registry_.begin_run({name, config, 1, "cpu", {{"easylm-llama", "0.1.0"}}});
  }

  // → its URI
  std::string add(const std::string& name, std::int64_t step, const NamedNumbers& metrics = {},
                  const std::string& parent = {}, const std::string& run = {}) {
    NewVersion version;
    version.name = name;
    version.run = run;
    version.stage = "train";
    version.format = "safetensors";
    version.step = step;
    version.tokens = step * 10;
    version.parent = parent;
    version.metrics = metrics;
    version.files = {{"config.json", 10 + step, 1, "a"}};
    return registry_.add_version(version, [](std::int64_t) { return true; }).uri();
  }

  void measure(const std::string& run, std::int64_t step, double loss, std::string_view stage = "train") {
    const std::vector<Metric> metrics = {{"loss", loss}};
    registry_.record(run, {.stage = stage, .step = step, .tokens = step * 10, .time = 0, .metrics = metrics});
  }

  // URIs, joined by spaces.
  std::string found(const std::string& query, std::int64_t most = 0) const {
    std::string text;
    for (const VersionRecord& version : registry_.query(query, most).versions) {
      text += (text.empty() ? "" : " ") + version.uri();
    }
    return text;
  }

  TemporaryFolder folder_;
  std::filesystem::path home_ = folder_.path() / "runs";
  Registry registry_{home_, RegistryAccess::write};
};

}  // namespace easylm::testing
