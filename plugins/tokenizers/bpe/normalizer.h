// The normalizers of a tokenizer.json.
#pragma once

#include <memory>
#include <string>

#include "easylm/value.h"
#include "pieces.h"

namespace easylm::tokenizers::bpe {

class Normalizer {
 public:
  Normalizer() = default;
  virtual ~Normalizer() = default;
  Normalizer(const Normalizer&) = delete;
  Normalizer& operator=(const Normalizer&) = delete;

  // Appends the normal form of `in` to `out`. [any-thread]
  virtual void apply(SpannedView in, SpannedText& out) const = 0;

  // Whether it can be told quickly that `text` is its own normal form. [any-thread]
  virtual bool leaves_alone(std::string_view text) const = 0;
};

// From its JSON. Throws Error{unsupported} or Error{corrupt} that begins with `where`.
std::unique_ptr<Normalizer> make_normalizer(const Table& json, const std::string& where);

enum class UnicodeForm { nfc, nfd, nfkc, nfkd };
std::unique_ptr<Normalizer> make_unicode_normalizer(UnicodeForm form);

}  // namespace easylm::tokenizers::bpe
