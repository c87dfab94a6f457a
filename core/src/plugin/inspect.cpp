// Opens a plugin's file once and reads manifest and description from that same open file.
#include "plugin/inspect.h"

#include <system_error>
#include <utility>

#include "easylm/error.h"
#include "plugin/description_json.h"
#include "plugin/elf_file.h"
#include "plugin/plugin_file.h"
#include "plugin/trust.h"

namespace easylm {
namespace {

constexpr std::uint64_t kMaxDescription = 4 << 20;

std::string reason_of(const Error& error) {
  return error.hint().empty() ? error.message() : error.message() + ": " + error.hint();
}

void read_contents(InspectedPlugin& plugin) {
  const PluginFile file(plugin.file);
  plugin.identity = file.identity();
  const ElfFile elf(file);
  const std::optional<std::string> note = elf.note("EasyLM");
  if (!note) {
    throw Error(ErrorCode::corrupt, "it has no EasyLM manifest, so it is not an EasyLM plugin",
                "build it with EASYLM_PLUGIN of the SDK");
  }
  plugin.manifest = PluginManifest::parse(*note);
  for (std::string& reason : incompatibilities(*plugin.manifest, PluginManifest::of_host())) {
    plugin.reasons.push_back(std::move(reason));
  }
  plugin.components.emplace();
  const auto text = elf.section(".easylm.describe", kMaxDescription);
  if (text) {
    plugin.components = descriptions_from_json(*text);
  } else {
    plugin.components.reset();
  }
}

}  // namespace

InspectedPlugin inspect_plugin(const std::filesystem::path& path, Trust trust) {
  InspectedPlugin plugin;
  plugin.file = path;
  std::error_code failure;
  const std::filesystem::path real = std::filesystem::canonical(path, failure);
  if (failure) {
    plugin.reasons.push_back("the file can't be found: " + failure.message());
    return plugin;
  }
  plugin.file = real;
  if (trust == Trust::checked) plugin.reasons = trust_problems(real);
  try {
    read_contents(plugin);
  } catch (const Error& error) {
    plugin.reasons.push_back(reason_of(error));
  }
  return plugin;
}

}  // namespace easylm
