// The bytes of MessagePack's tokens.
#include "msgpack.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "easylm/error.h"

namespace easylm::stream {
namespace {

// The value of `size` bytes as a signed number.
std::int64_t sign_extended(std::uint64_t x, std::size_t size) {
  const unsigned shift = 64U - 8U * static_cast<unsigned>(size);
  return static_cast<std::int64_t>(x << shift) >> shift;
}

void append_number(std::string& out, std::uint64_t x, std::size_t size) {
  for (std::size_t i = size; i-- > 0;) out += static_cast<char>(x >> 8U * i & 0xffU);
}

// A first byte and a number behind it.
std::string with_number(unsigned first, std::uint64_t x, std::size_t size) {
  std::string out(1, static_cast<char>(first));
  append_number(out, x, size);
  return out;
}

}  // namespace

std::string_view name_of(TokenKind kind) {
  switch (kind) {
    case TokenKind::nil:
      return "nil";
    case TokenKind::boolean:
      return "a truth value";
    case TokenKind::integer:
      return "a whole number";
    case TokenKind::real:
      return "a real number";
    case TokenKind::string:
      return "a text";
    case TokenKind::binary:
      return "bytes";
    case TokenKind::array:
      return "an array";
    case TokenKind::map:
      return "a map";
    case TokenKind::extension:
      break;
  }
  return "an extension";
}

void MsgpackReader::refuse(const std::string& reason) const {
  throw Error(ErrorCode::corrupt,
              std::string(where_) + ": at byte " + std::to_string(position()) + " " + reason,
              "the file is damaged or cut short: get it again");
}

std::span<const std::byte> MsgpackReader::take(std::size_t bytes) {
  if (bytes > bytes_.size() - at_) {
    refuse(std::to_string(bytes) + " bytes should follow, and " + std::to_string(bytes_.size() - at_) +
           " are left");
  }
  const auto taken = bytes_.subspan(at_, bytes);
  at_ += bytes;
  return taken;
}

std::uint64_t MsgpackReader::number(std::size_t bytes) {
  std::uint64_t x = 0;
  for (const std::byte b : take(bytes)) x = x << 8U | std::to_integer<std::uint64_t>(b);
  return x;
}

Token MsgpackReader::sized(TokenKind kind, std::size_t bytes) {
  Token token;
  token.kind = kind;
  token.payload = take(bytes);
  return token;
}

Token MsgpackReader::extension(std::size_t bytes) {
  const auto type = static_cast<int>(sign_extended(number(1), 1));
  Token token = sized(TokenKind::extension, bytes);
  token.extension_type = type;
  return token;
}

Token MsgpackReader::with_count(TokenKind kind, std::uint64_t count) const {
  const std::size_t least = kind == TokenKind::map ? 2 * count : count;  // an item takes a byte or more
  if (least > bytes_.size() - at_) {
    refuse(std::string(name_of(kind)) + " claims " + std::to_string(count) + " items, and " +
           std::to_string(bytes_.size() - at_) + " bytes are left");
  }
  Token token;
  token.kind = kind;
  token.count = static_cast<std::uint32_t>(count);
  return token;
}

Token MsgpackReader::next() {
  const auto first = static_cast<unsigned>(number(1));
  const auto integer = [](std::int64_t x) {
    Token token;
    token.kind = TokenKind::integer;
    token.integer = x;
    return token;
  };
  if (first <= 0x7f || first >= 0xe0) return integer(sign_extended(first, 1));
  if (first <= 0x8f) return with_count(TokenKind::map, first & 0x0fU);
  if (first <= 0x9f) return with_count(TokenKind::array, first & 0x0fU);
  if (first <= 0xbf) return sized(TokenKind::string, first & 0x1fU);
  Token token;
  if (first == 0xc0) return token;
  if (first == 0xc2 || first == 0xc3) {
    token.kind = TokenKind::boolean;
    token.integer = first & 1U;
    return token;
  }
  if (first >= 0xc4 && first <= 0xc6)
    return sized(TokenKind::binary, number(std::size_t{1} << (first - 0xc4)));
  if (first >= 0xc7 && first <= 0xc9) return extension(number(std::size_t{1} << (first - 0xc7)));
  if (first == 0xca || first == 0xcb) {
    token.kind = TokenKind::real;
    token.real = first == 0xca ? std::bit_cast<float>(static_cast<std::uint32_t>(number(4)))
                               : std::bit_cast<double>(number(8));
    return token;
  }
  if (first >= 0xcc && first <= 0xcf) {
    const std::uint64_t x = number(std::size_t{1} << (first - 0xcc));
    if (x > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      refuse("there is a whole number that is larger than any here");
    }
    return integer(static_cast<std::int64_t>(x));
  }
  if (first >= 0xd0 && first <= 0xd3) {
    const std::size_t size = std::size_t{1} << (first - 0xd0);
    return integer(sign_extended(number(size), size));
  }
  if (first >= 0xd4 && first <= 0xd8) return extension(std::size_t{1} << (first - 0xd4));
  if (first >= 0xd9 && first <= 0xdb)
    return sized(TokenKind::string, number(std::size_t{1} << (first - 0xd9)));
  if (first == 0xdc || first == 0xdd) return with_count(TokenKind::array, number(first == 0xdc ? 2 : 4));
  if (first == 0xde || first == 0xdf) return with_count(TokenKind::map, number(first == 0xde ? 2 : 4));
  refuse("there is a byte that begins no MessagePack value");
}

Token MsgpackReader::next(TokenKind kind, std::string_view what) {
  const Token token = next();
  if (token.kind != kind) {
    refuse("there is " + std::string(name_of(token.kind)) + " where " + std::string(what) + " should be");
  }
  return token;
}

std::string packed_array(std::uint32_t count) {
  if (count < 16) return with_number(0x90U | count, 0, 0);
  return count < 0x10000 ? with_number(0xdc, count, 2) : with_number(0xdd, count, 4);
}

std::string packed_map(std::uint32_t count) {
  if (count < 16) return with_number(0x80U | count, 0, 0);
  return count < 0x10000 ? with_number(0xde, count, 2) : with_number(0xdf, count, 4);
}

std::string packed_binary(std::uint32_t bytes) {
  if (bytes < 0x100) return with_number(0xc4, bytes, 1);
  return bytes < 0x10000 ? with_number(0xc5, bytes, 2) : with_number(0xc6, bytes, 4);
}

std::string packed_extension(int type, std::uint32_t bytes) {
  std::string out;
  if (bytes <= 16 && std::has_single_bit(bytes)) {
    out = with_number(0xd4U + static_cast<unsigned>(std::countr_zero(bytes)), 0, 0);
  } else if (bytes < 0x100) {
    out = with_number(0xc7, bytes, 1);
  } else {
    out = bytes < 0x10000 ? with_number(0xc8, bytes, 2) : with_number(0xc9, bytes, 4);
  }
  return out + static_cast<char>(type);
}

std::string packed_string(std::string_view text) {
  const std::size_t size = text.size();
  std::string out;
  if (size < 32) {
    out = with_number(0xa0U | static_cast<unsigned>(size), 0, 0);
  } else if (size < 0x100) {
    out = with_number(0xd9, size, 1);
  } else {
    out = size < 0x10000 ? with_number(0xda, size, 2) : with_number(0xdb, size, 4);
  }
  return out.append(text);
}

std::string packed_integer(std::int64_t x) {
  const auto number = static_cast<std::uint64_t>(x);
  if (number < 0x80) return with_number(static_cast<unsigned>(number), 0, 0);
  if (number < 0x100) return with_number(0xcc, number, 1);
  if (number < 0x10000) return with_number(0xcd, number, 2);
  return number < 0x100000000 ? with_number(0xce, number, 4) : with_number(0xcf, number, 8);
}

std::string packed_true() { return "\xc3"; }

}  // namespace easylm::stream
