// The plugin's manifest: an ELF note of plain text that the host reads from the file before it runs any code
// of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "easylm/border.h"
#include "easylm/layout.h"

#ifndef EASYLM_PLUGIN_TORCH  // the build rule defines it for plugins that use LibTorch
#define EASYLM_PLUGIN_TORCH "none"
#endif
#ifndef EASYLM_PLUGIN_CUDA  // the build rule defines it for plugins that need a GPU
#define EASYLM_PLUGIN_CUDA "none"
#endif

namespace easylm::sdk {

// The bytes of an ELF note as the format wants them: owner "EasyLM", type 1, then the text.
template <std::size_t Size>
struct ManifestNote {
  std::uint32_t owner_size = 7;
  std::uint32_t text_size = Size;
  std::uint32_t type = 1;
  std::array<char, 8> owner = {'E', 'a', 's', 'y', 'L', 'M', 0, 0};
  std::array<char, (Size + 3) / 4 * 4> text = {};
};

template <std::size_t N>
consteval ManifestNote<N - 1> manifest_note(const char (&text)[N]) {
  ManifestNote<N - 1> note;
  int num_lines = 0;
  for (std::size_t i = 0; i + 1 < N; ++i) {
    note.text[i] = text[i];
    if (text[i] == '\n') ++num_lines;
    if (text[i] == '\0') throw "a plugin's name and version must not hold a NUL";
  }
  if (num_lines != 15) throw "a plugin's name and version must not hold a line break";
  write_layout({note.text.data(), N - 1});
  return note;
}

}  // namespace easylm::sdk

#if defined(__clang__)  // it would pad the note with a red zone; g++ leaves named sections alone
#define EASYLM_NOTE_ATTRIBUTES gnu::used, gnu::section(".note.easylm"), clang::no_sanitize("address")
#else
#define EASYLM_NOTE_ATTRIBUTES gnu::used, gnu::section(".note.easylm")
#endif

// A constant in a note section becomes a PT_NOTE segment, which survives strip, LTO and --gc-sections.
#define EASYLM_MANIFEST_NOTE(NAME, VERSION)                                          \
  [[EASYLM_NOTE_ATTRIBUTES]] alignas(4) static constexpr auto easylm_manifest_note = \
      ::easylm::sdk::manifest_note(                                                  \
          EASYLM_MANIFEST_TEXT(NAME, VERSION, EASYLM_PLUGIN_TORCH, EASYLM_PLUGIN_CUDA))
