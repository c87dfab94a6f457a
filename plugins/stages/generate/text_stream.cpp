// Holds back what may still become a character or a stop string.
#include "text_stream.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace easylm::stages {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

bool is_continuation(unsigned char c) { return (c & 0xC0U) == 0x80; }

struct Sequence {
  std::size_t size;  // bytes to take
  bool valid;
  bool may_grow;  // not valid yet, but more bytes may make it so
};

// What the second byte must be so that the sequence is no overlong form, no surrogate and within Unicode.
bool second_byte_fits(unsigned char first, unsigned char second) {
  switch (first) {
    case 0xE0:
      return second >= 0xA0;
    case 0xED:
      return second <= 0x9F;
    case 0xF0:
      return second >= 0x90;
    case 0xF4:
      return second <= 0x8F;
    default:
      return true;
  }
}

// The sequence at the start of `bytes`, which is not empty.
Sequence first_sequence(std::string_view bytes) {
  const auto first = static_cast<unsigned char>(bytes[0]);
  if (first < 0x80) return {1, true, false};
  if (first < 0xC2 || first > 0xF4) return {1, false, false};
  const std::size_t wanted = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  for (std::size_t i = 1; i < wanted; ++i) {
    if (i == bytes.size()) return {i, false, true};
    const auto next = static_cast<unsigned char>(bytes[i]);
    if (!is_continuation(next) || (i == 1 && !second_byte_fits(first, next))) return {i, false, false};
  }
  return {wanted, true, false};
}

// How many of the last bytes are the beginning of a character that may still be completed.
std::size_t incomplete_tail(std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    const Sequence sequence = first_sequence(bytes.substr(at));
    if (sequence.may_grow) return bytes.size() - at;
    at += sequence.size;
  }
  return 0;
}

// How many of the last bytes are the beginning of `stop`.
std::size_t partial_match(std::string_view bytes, std::string_view stop) {
  std::size_t size = std::min(bytes.size(), stop.size() - 1);
  while (size > 0 && !bytes.ends_with(stop.substr(0, size))) --size;
  return size;
}

}  // namespace

std::string_view settled(std::string_view text) {
  while (text.ends_with(kReplacement)) text.remove_suffix(kReplacement.size());
  return text;
}

std::string valid_utf8(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    const Sequence sequence = first_sequence(bytes);
    text += sequence.valid ? bytes.substr(0, sequence.size) : kReplacement;
    bytes.remove_prefix(sequence.size);
  }
  return text;
}

TextStream::TextStream(std::vector<std::string> stop_strings) : stop_strings_(std::move(stop_strings)) {
  std::erase(stop_strings_, "");
}

std::string TextStream::push(std::string_view bytes) {
  if (stopped_) return {};
  pending_ += bytes;
  std::size_t end = std::string::npos;
  for (const std::string& stop : stop_strings_) end = std::min(end, pending_.find(stop));
  if (end != std::string::npos) {
    stopped_ = true;
    pending_.resize(end);
    return finish();
  }
  std::size_t held = incomplete_tail(pending_);
  for (const std::string& stop : stop_strings_) held = std::max(held, partial_match(pending_, stop));
  return release(pending_.size() - held);
}

std::string TextStream::finish() { return release(pending_.size()); }

std::string TextStream::release(std::size_t size) {
  std::string text = valid_utf8(std::string_view(pending_).substr(0, size));
  pending_.erase(0, size);
  return text;
}

}  // namespace easylm::stages
