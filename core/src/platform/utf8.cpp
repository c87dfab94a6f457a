// Decodes UTF-8 by the table of the Unicode standard.
#include "easylm/utf8.h"

namespace easylm {
namespace {

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

}  // namespace

CodePoint first_code_point(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  if (lead < 0x80) return {lead, 1, true};
  std::size_t size = 0;
  std::uint32_t value = 0;
  std::uint32_t smallest = 0;  // that needs so many bytes
  if (lead >= 0xC2 && lead < 0xE0) {
    size = 2, value = lead & 0x1FU, smallest = 0x80;
  } else if (lead >= 0xE0 && lead < 0xF0) {
    size = 3, value = lead & 0x0FU, smallest = 0x800;
  } else if (lead >= 0xF0 && lead < 0xF5) {
    size = 4, value = lead & 0x07U, smallest = 0x10000;
  }
  if (size == 0 || text.size() < size) return {};
  for (std::size_t i = 1; i < size; ++i) {
    if (!continues(text[i])) return {};
    value = (value << 6U) | (static_cast<unsigned char>(text[i]) & 0x3FU);
  }
  if (value < smallest || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return {};
  return {value, size, true};
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const CodePoint next = first_code_point(text);
    if (!next.valid) return false;
    text.remove_prefix(next.size);
  }
  return true;
}

void append_utf8(std::string& text, std::uint32_t code_point) {
  const auto add = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  if (code_point < 0x80) {
    add(code_point);
  } else if (code_point < 0x800) {
    add(0xC0U | (code_point >> 6U));
    add(0x80U | (code_point & 0x3FU));
  } else if (code_point < 0x10000) {
    add(0xE0U | (code_point >> 12U));
    add(0x80U | ((code_point >> 6U) & 0x3FU));
    add(0x80U | (code_point & 0x3FU));
  } else {
    add(0xF0U | (code_point >> 18U));
    add(0x80U | ((code_point >> 12U) & 0x3FU));
    add(0x80U | ((code_point >> 6U) & 0x3FU));
    add(0x80U | (code_point & 0x3FU));
  }
}

}  // namespace easylm
