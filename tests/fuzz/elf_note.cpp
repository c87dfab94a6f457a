// Feeds anything to the reader of plugin files: it may refuse, and must not crash, hang or read outside.
#include <cstddef>
#include <cstdint>
#include <span>

#include "easylm/error.h"
#include "plugin/description_json.h"
#include "plugin/elf_file.h"
#include "plugin/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const easylm::MemorySource source(std::as_bytes(std::span(data, size)));
  try {
    const easylm::ElfFile file(source);
    if (const auto section = file.section(".easylm.describe", 4 << 20)) {
      easylm::descriptions_to_json(easylm::descriptions_from_json(*section));
    }
    static_cast<void>(file.run_path());
    if (const auto note = file.note("EasyLM")) {
      easylm::incompatibilities(easylm::PluginManifest::parse(*note), easylm::PluginManifest::of_host());
    }
  } catch (const easylm::Error&) {
  }
  return 0;
}
