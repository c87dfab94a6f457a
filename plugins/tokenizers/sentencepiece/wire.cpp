// Reads the wire format of protocol buffers. Groups, long obsolete, are refused.
#include "wire.h"

#include "easylm/error.h"

namespace easylm::tokenizers {

bool WireReader::next(WireField& field) {
  if (at_ == bytes_.size()) return false;
  const std::uint64_t tag = varint();
  field = {};
  field.number = static_cast<std::uint32_t>(tag >> 3U);
  if (tag > 0xFFFFFFFFU || field.number == 0) fail("has a field without a number");
  field.type = static_cast<WireType>(tag & 7U);
  switch (field.type) {
    case WireType::varint:
      field.value = varint();
      return true;
    case WireType::fixed64:
      field.value = fixed(8);
      return true;
    case WireType::fixed32:
      field.value = fixed(4);
      return true;
    case WireType::bytes: {
      const std::uint64_t size = varint();
      if (size > bytes_.size() - at_) fail("is cut off");
      field.bytes = bytes_.substr(at_, size);
      at_ += size;
      return true;
    }
  }
  fail("has a field of a type that does not exist");
}

std::uint64_t WireReader::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (at_ == bytes_.size()) fail("is cut off");
    const auto byte = static_cast<unsigned char>(bytes_[at_++]);
    value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
    if (byte < 0x80) return value;
  }
  fail("has a number of more than 64 bits");
}

std::uint64_t WireReader::fixed(std::size_t size) {
  if (size > bytes_.size() - at_) fail("is cut off");
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes_[at_ + i])) << (8 * i);
  }
  at_ += size;
  return value;
}

void WireReader::fail(const char* what) const {
  throw Error(
      ErrorCode::corrupt,
      std::string(where_) + " is no SentencePiece model: at byte " + std::to_string(at_) + " it " + what,
      "copy the file again from where it came");
}

}  // namespace easylm::tokenizers
