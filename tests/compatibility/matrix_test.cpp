// Plugins as others might have built them: with sanitizers, debug containers, another compiler, LibTorch or
// API. Each is really built, and used or refused in the host's own words.
#include <gtest/gtest.h>

#include "easylm/border.h"
#include "easylm/error.h"
#include "easylm/schedule.h"
#include "plugin/component_maker.h"
#include "plugin/support.h"
#include "support/fake_host.h"

namespace easylm::test {
namespace {

const PluginManifest& host_manifest() { return PluginManifest::of_host(); }

bool was_built(std::string_view variant) {
  return std::filesystem::exists(std::filesystem::path(EASYLM_FIXTURE_DIR) /
                                 ("fixture_" + std::string(variant) + ".so"));
}

// Whether the host has no sanitizer, so that a variant differs from it in one thing only.
bool host_is_plain() { return host_manifest().sanitizer == "none"; }

class PluginBuilt : public ::testing::Test {
 protected:
  // Why the host refuses a variant, without having run any of it: as many reasons as expected, if the host
  // has no sanitizer to add its own.
  std::string refusal(std::string_view variant, std::size_t num_reasons = 1) {
    folder.add("other.so", fixture(variant));
    const Catalogue catalogue = folder.scan();
    EXPECT_FALSE(catalogue.entries().empty());
    for (const CatalogueEntry& entry : catalogue.entries()) {
      EXPECT_EQ(entry.status, PluginStatus::refused);
      if (host_is_plain()) {
        EXPECT_EQ(entry.reasons.size(), num_reasons) << all_reasons(entry.reasons);
      }
    }
    EXPECT_EQ(folder.runs(), 0) << "code of a refused plugin ran";
    return catalogue.entries().empty() ? "" : all_reasons(catalogue.entries().front().reasons);
  }

  // Makes the schedules of a plugin that must work, and lets each way to fail go through the host's fence.
  void expect_works(std::string_view bytes) {
    folder.add("other.so", bytes);
    const Catalogue catalogue = folder.scan();
    const ComponentMaker maker(catalogue, folder.path());
    Table flat;
    flat.type = "flat";
    flat.set("value", {2.0, {}});
    const auto schedule = std::dynamic_pointer_cast<Schedule>(maker.make(host, "schedule", flat));
    ASSERT_NE(schedule, nullptr);
    EXPECT_EQ(schedule->at(5), 2.0);
    for (const auto& [how, code] : {std::pair{"error", ErrorCode::io},
                                    {"exception", ErrorCode::plugin},
                                    {"number", ErrorCode::plugin}}) {
      Table failing;
      failing.type = "failing";
      failing.set("how", {std::string(how), {}});
      try {
        maker.make(host, "schedule", failing);
        ADD_FAILURE() << "no error";
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), code) << how;
      }
    }
  }

  PrivateFolder folder;
  testing::FakeHost host;
};

TEST_F(PluginBuilt, PlainlyWorksInAPlainHost) {
  if (!host_is_plain()) GTEST_SKIP() << "this host has a sanitizer";
  expect_works(fixture("plain"));
}

TEST_F(PluginBuilt, PlainlyIsRefusedByAHostWithASanitizer) {
  if (host_is_plain()) GTEST_SKIP() << "this host has no sanitizer";
  EXPECT_EQ(refusal("plain"), "built for no sanitizer, this host is built for the " +
                                  host_manifest().sanitizer +
                                  " sanitizer: build both with the same sanitizer\n");
}

TEST_F(PluginBuilt, WithAddressSanitizerIsRefusedByAPlainHost) {
  if (!host_is_plain()) GTEST_SKIP() << "this host has a sanitizer";
  EXPECT_EQ(refusal("address"),
            "built for the address sanitizer, this host is built for no sanitizer: build both with the same "
            "sanitizer\n");
}

TEST_F(PluginBuilt, WithAddressSanitizerWorksInAHostThatHasIt) {
  if (host_manifest().sanitizer != "address") GTEST_SKIP() << "this host has no AddressSanitizer";
  expect_works(fixture("address"));
}

TEST_F(PluginBuilt, WithDebugContainersIsRefused) {
  if (!was_built("debug")) GTEST_SKIP() << "not built here";
  // Its containers are laid out otherwise, too.
  const std::string reasons = refusal("debug", 2);
  EXPECT_EQ(reasons.find(
                "built for libstdc++'s debug containers (_GLIBCXX_DEBUG), this host is built for the release "
                "containers: rebuild the plugin without -D_GLIBCXX_DEBUG"),
            0U)
      << reasons;
  EXPECT_NE(reasons.find("built for other headers of EasyLM (layout "), std::string::npos) << reasons;
}

TEST_F(PluginBuilt, WithTheStringsOfBeforeCxx11IsRefused) {
  if (!was_built("old_strings")) GTEST_SKIP() << "not built here";
  const std::string reasons = refusal("old_strings", 2);
  EXPECT_EQ(
      reasons.find(
          "built for _GLIBCXX_USE_CXX11_ABI=0, this host is built for _GLIBCXX_USE_CXX11_ABI=1: rebuild the "
          "plugin with -D_GLIBCXX_USE_CXX11_ABI=1"),
      0U)
      << reasons;
  EXPECT_NE(reasons.find("built for other headers of EasyLM (layout "), std::string::npos) << reasons;
}

TEST_F(PluginBuilt, WithAnotherCompilerIsRefused) {
  if (!was_built("clang")) GTEST_SKIP() << "not built here";
  const std::string reasons = refusal("clang");
  EXPECT_EQ(reasons.find("built for clang-"), 0U) << reasons;
  EXPECT_NE(reasons.find(", this host is built for " + host_manifest().compiler + " (C++ ABI " +
                         host_manifest().cxxabi + "): rebuild the plugin with the host's compiler"),
            std::string::npos)
      << reasons;
}

// The refusal above is caution: here is what is known to work, layouts and exceptions among it.
TEST_F(PluginBuilt, WithAnotherCompilerWouldWork) {
  if (!was_built("clang")) GTEST_SKIP() << "not built here";
  const std::string relabelled = with_manifest_line(fixture("clang"), "cxxabi", host_manifest().cxxabi);
  expect_works(with_manifest_line(relabelled, "compiler", host_manifest().compiler));
}

TEST_F(PluginBuilt, ForAnotherLibTorchIsRefused) {
  const std::string reasons = refusal("other_torch");
  EXPECT_NE(reasons.find("built for LibTorch 1.13.0, this host is built for "), std::string::npos) << reasons;
}

TEST_F(PluginBuilt, ForANewerMinorIsRefusedAndBothVersionsAreNamed) {
  const std::string reasons = refusal("newer");
  EXPECT_NE(reasons.find("built for plugin API 1.9, this host is built for plugin API " EASYLM_STRING(
                EASYLM_API_MAJOR) "." EASYLM_STRING(EASYLM_API_MINOR) ": upgrade EasyLM"),
            std::string::npos)
      << reasons;
}

}  // namespace
}  // namespace easylm::test
