// What makes a plugin incompatible, and how that is said.
#include "plugin/manifest.h"

#include <gtest/gtest.h>

#include "easylm/error.h"
#include "support.h"

namespace easylm::test {
namespace {

PluginManifest plugin_like_host() {
  PluginManifest manifest = PluginManifest::of_host();
  manifest.name = "some-plugin";
  return manifest;
}

std::string only_reason(const PluginManifest& plugin,
                        const PluginManifest& host = PluginManifest::of_host()) {
  const auto reasons = incompatibilities(plugin, host);
  EXPECT_EQ(reasons.size(), 1U) << all_reasons(reasons);
  return reasons.empty() ? "" : reasons.front();
}

TEST(Manifest, AcceptsAPluginOfTheSameBuild) {
  EXPECT_TRUE(incompatibilities(plugin_like_host(), PluginManifest::of_host()).empty());
  EXPECT_EQ(PluginManifest::of_host().layout.size(), 16U);
  EXPECT_NE(PluginManifest::of_host().layout, "0000000000000000");
}

TEST(Manifest, NamesBothSidesAndTheRemedyForAnotherLibTorch) {
  PluginManifest host = PluginManifest::of_host();
  host.torch = "2.11.0";
  PluginManifest plugin = plugin_like_host();
  plugin.torch = "2.5.1";
  EXPECT_EQ(only_reason(plugin, host),
            "built for LibTorch 2.5.1, this host is built for LibTorch 2.11.0: rebuild the plugin against "
            "LibTorch 2.11.0");
  host.torch = "none";
  EXPECT_EQ(only_reason(plugin, host),
            "built for LibTorch 2.5.1, this host is built for use without LibTorch: build EasyLM with its "
            "tensor half");
}

TEST(Manifest, AcceptsAPluginWithoutLibTorchOnAnyHost) {
  PluginManifest host = PluginManifest::of_host();
  host.torch = "2.11.0";
  PluginManifest plugin = plugin_like_host();
  plugin.torch = "none";
  EXPECT_TRUE(incompatibilities(plugin, host).empty());
}

TEST(Manifest, WantsTheSameMajorAndNoNewerMinorApi) {
  PluginManifest host = PluginManifest::of_host();
  host.api_major = 3;
  host.api_minor = 5;
  PluginManifest plugin = plugin_like_host();
  plugin.api_major = 3;
  plugin.api_minor = 4;
  EXPECT_TRUE(incompatibilities(plugin, host).empty());
  plugin.api_minor = 6;
  EXPECT_NE(only_reason(plugin, host)
                .find("built for plugin API 3.6, this host is built for plugin API 3.5: upgrade"),
            std::string::npos);
  plugin.api_major = 2;
  EXPECT_NE(only_reason(plugin, host)
                .find("built for plugin API 2.6, this host is built for plugin API 3.5: rebuild"),
            std::string::npos);
}

TEST(Manifest, ComparesLayoutsOfALaterMinorOnlyWithPluginsThatKnowIt) {
  PluginManifest host = PluginManifest::of_host();
  host.api_minor = 5;
  host.later_layouts = {{2, "2222222222222222"}, {5, "5555555555555555"}};
  PluginManifest plugin = host;
  EXPECT_TRUE(incompatibilities(plugin, host).empty());
  plugin.later_layouts[5] = "0123456789abcdef";
  EXPECT_EQ(only_reason(plugin, host),
            "built for other headers of EasyLM (layout 0123456789abcdef), this host is built for layout "
            "5555555555555555: rebuild the plugin against this version of EasyLM");
  plugin.api_minor = 4;
  EXPECT_TRUE(incompatibilities(plugin, host).empty());
  plugin.later_layouts.clear();
  EXPECT_NE(only_reason(plugin, host).find("(layout unknown)"), std::string::npos);
  plugin.api_minor = 1;
  EXPECT_TRUE(incompatibilities(plugin, host).empty());
}

TEST(Manifest, StatesALayoutForEachMinorThatBroughtStructs) {
  const PluginManifest& host = PluginManifest::of_host();
  for (const int minor : {1, 2}) {
    ASSERT_TRUE(host.later_layouts.contains(minor));
    EXPECT_EQ(host.later_layouts.at(minor).size(), 16U);
    EXPECT_NE(host.later_layouts.at(minor), "0000000000000000");
    EXPECT_NE(host.later_layouts.at(minor), host.layout);
  }
}

TEST(Manifest, AcceptsAnOlderStandardLibraryButNoNewer) {
  PluginManifest plugin = plugin_like_host();
  plugin.libstdcxx -= 1;
  EXPECT_TRUE(incompatibilities(plugin, PluginManifest::of_host()).empty());
  plugin.libstdcxx += 2;
  EXPECT_NE(only_reason(plugin).find("built for libstdc++ "), std::string::npos);
}

TEST(Manifest, RefusesEachDifferenceOfTheBinaryInterface) {
  for (std::string PluginManifest::*field :
       {&PluginManifest::cxxabi, &PluginManifest::cxx11abi, &PluginManifest::debug,
        &PluginManifest::sanitizer, &PluginManifest::layout}) {
    PluginManifest plugin = plugin_like_host();
    plugin.*field = "other";
    EXPECT_NE(only_reason(plugin).find(", this host is "), std::string::npos);
  }
  PluginManifest plugin = plugin_like_host();
  plugin.compiler = "icc-1";
  EXPECT_NE(only_reason(plugin).find("built for icc-1"), std::string::npos);
}

TEST(Manifest, AcceptsAnotherVersionOfTheCompilerThatHasTheSameAbi) {
  PluginManifest plugin = plugin_like_host();
  plugin.compiler.replace(plugin.compiler.find('-'), std::string::npos, "-99");
  EXPECT_TRUE(incompatibilities(plugin, PluginManifest::of_host()).empty());
}

TEST(Manifest, ReportsEveryDifferenceAtOnce) {
  PluginManifest plugin = plugin_like_host();
  plugin.api_major += 1;
  plugin.torch = "0.1";
  plugin.sanitizer = "memory";
  plugin.layout = "ffffffffffffffff";
  EXPECT_EQ(incompatibilities(plugin, PluginManifest::of_host()).size(), 4U);
}

TEST(Manifest, RefusesBrokenText) {
  const std::string good =
      "manifest=1\nname=a\nversion=1\napi=1.0\ncompiler=gcc-12\ncxxabi=1\ncxx11abi=1\nlibstdcxx=12\n"
      "debug=0\nsanitizer=none\ntorch=none\ncuda=none\nlayout=00\n";
  EXPECT_EQ(PluginManifest::parse(good).name, "a");
  EXPECT_EQ(PluginManifest::parse(good + "later=1\n").name, "a");  // a key of a later version
  const auto broken = [&](std::string_view from, std::string_view to) {
    std::string text = good;
    return text.replace(text.find(from), from.size(), to);
  };
  for (const std::string& text :
       {std::string(), std::string("\0\0\0", 3), broken("name=a\n", ""), broken("name=a", "name="),
        broken("api=1.0", "api=1"), broken("api=1.0", "api=1.x"), broken("api=1.0", "api=-1.0"),
        broken("libstdcxx=12", "libstdcxx=99999999999"), broken("debug=0", "debug"),
        broken("name=a", "name=a\nname=b"), broken("name=a", "name=\033[2J"), broken("debug=0", "=0"),
        broken("name=a", "name=a\nlayout.x=0")}) {
    EXPECT_THROW(PluginManifest::parse(text), Error) << text;
  }
  EXPECT_THROW(PluginManifest::parse(broken("manifest=1", "manifest=2")), Error);
}

}  // namespace
}  // namespace easylm::test
