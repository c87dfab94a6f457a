// MessagePack, one token at a time: reading from bytes that nobody vouches for, and writing the shortest
// form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace easylm::stream {

enum class TokenKind { nil, boolean, integer, real, string, binary, array, map, extension };

// The word for a kind in messages: "an array".
std::string_view name_of(TokenKind kind);

struct Token {
  TokenKind kind = TokenKind::nil;
  std::int64_t integer = 0;  // an integer, or 0 and 1
  double real = 0;
  std::uint32_t count = 0;  // of an array's items or a map's pairs, which follow as tokens
  int extension_type = 0;
  std::span<const std::byte> payload;  // of a string, binary or extension: where it lies

  std::string_view text() const { return {reinterpret_cast<const char*>(payload.data()), payload.size()}; }
};

// Walks over bytes. Every length is checked against what is left before it is believed.
class MsgpackReader {
 public:
  // `base` is where the bytes begin in their file, `where` names that file in messages and must live on.
  MsgpackReader(std::span<const std::byte> bytes, std::size_t base, std::string_view where)
      : bytes_(bytes), base_(base), where_(where) {}

  bool at_end() const { return at_ == bytes_.size(); }
  std::size_t position() const { return base_ + at_; }  // in the file

  // Throws Error{corrupt}: the bytes end within the token, the first byte is none that there is, or a whole
  // number doesn't fit 64 bits with a sign.
  Token next();

  // The same, of which only one kind will do. `what` is what should be there: "a key".
  Token next(TokenKind kind, std::string_view what);

  // Throws Error{corrupt} that names file, place and reason.
  [[noreturn]] void refuse(const std::string& reason) const;

 private:
  std::uint64_t number(std::size_t bytes);
  std::span<const std::byte> take(std::size_t bytes);
  Token sized(TokenKind kind, std::size_t bytes);
  Token extension(std::size_t bytes);
  Token with_count(TokenKind kind, std::uint64_t count) const;

  std::span<const std::byte> bytes_;
  std::size_t base_ = 0, at_ = 0;
  std::string_view where_;
};

// The first bytes of each kind; payloads follow them. Sizes fit 32 bits.
std::string packed_array(std::uint32_t count);
std::string packed_map(std::uint32_t count);
std::string packed_binary(std::uint32_t bytes);
std::string packed_extension(int type, std::uint32_t bytes);
std::string packed_string(std::string_view text);  // with its payload
std::string packed_integer(std::int64_t x);        // REQUIRES: not negative
std::string packed_true();

}  // namespace easylm::stream
