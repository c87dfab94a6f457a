// The fields of a protocol buffer, one after the other.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace easylm::tokenizers {

enum class WireType : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

struct WireField {
  std::uint32_t number = 0;
  WireType type = WireType::varint;
  std::uint64_t value = 0;  // of a number
  std::string_view bytes;   // of bytes
};

class WireReader {
 public:
  // `bytes` must outlive the reader; `where` begins its messages.
  WireReader(std::string_view bytes, std::string_view where) : bytes_(bytes), where_(where) {}

  // False at the end. Throws Error{corrupt} for what is cut off or no protocol buffer.
  bool next(WireField& field);

 private:
  std::uint64_t varint();
  std::uint64_t fixed(std::size_t size);
  [[noreturn]] void fail(const char* what) const;

  std::string_view bytes_;
  std::string_view where_;
  std::size_t at_ = 0;
};

}  // namespace easylm::tokenizers
