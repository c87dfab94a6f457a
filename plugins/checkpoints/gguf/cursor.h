// A place in a file's bytes from which numbers and texts are taken, never beyond the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "easylm/error.h"

namespace easylm::gguf {

// Throws Error{corrupt} that names the file.
[[noreturn]] inline void refuse_file(std::string_view where, const std::string& reason) {
  throw Error(ErrorCode::corrupt, std::string(where) + ": " + reason, "the file is damaged: get it again");
}

class Cursor {
 public:
  Cursor(std::span<const std::byte> bytes, std::string_view where) : bytes_(bytes), where_(where) {}

  std::size_t at() const { return at_; }
  std::size_t left() const { return bytes_.size() - at_; }
  std::string_view where() const { return where_; }

  // The next `size` bytes; `what` names them in the message if the file ends before.
  std::span<const std::byte> take(std::uint64_t size, std::string_view what) {
    if (size > left()) {
      refuse_file(where_, std::string(what) + " takes " + std::to_string(size) + " bytes at byte " +
                              std::to_string(at_) + ", and the file has " + std::to_string(left()) + " more");
    }
    const auto taken = bytes_.subspan(at_, static_cast<std::size_t>(size));
    at_ += taken.size();
    return taken;
  }

  template <typename Number>
  Number number(std::string_view what) {
    Number x{};
    std::memcpy(&x, take(sizeof x, what).data(), sizeof x);
    return x;
  }

  std::string_view text(std::string_view what) {
    const auto size = number<std::uint64_t>(what);
    const auto taken = take(size, what);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }

 private:
  std::span<const std::byte> bytes_;
  std::string_view where_;
  std::size_t at_ = 0;
};

}  // namespace easylm::gguf
