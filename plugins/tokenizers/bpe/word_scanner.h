// Cutting text into words that cover it without a gap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace easylm::tokenizers::bpe {

class WordScanner {
 public:
  WordScanner() = default;
  virtual ~WordScanner() = default;
  WordScanner(const WordScanner&) = delete;
  WordScanner& operator=(const WordScanner&) = delete;

  // Writes the ends of the words from `at` on, where a word begins, until there is no room for one more or
  // the text ends. Returns their number. REQUIRES: room for 2. [any-thread]
  virtual std::size_t scan(std::string_view text, std::size_t at, std::span<std::uint32_t> ends) const = 0;
};

// A scanner written by hand for a pattern of a well-known family, which finds what the pattern, matched again
// and again, finds; null if it is none of these.
std::unique_ptr<WordScanner> make_known_scanner(std::string_view pattern);

// Each numeric character alone (HF's Digits with individual_digits).
std::unique_ptr<WordScanner> make_digit_scanner();

// What ByteLevel splits by.
extern const std::string_view kGpt2Pattern;

}  // namespace easylm::tokenizers::bpe
