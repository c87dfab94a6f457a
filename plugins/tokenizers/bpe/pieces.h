// A text on its way to the model: cut into pieces, rewritten, and each byte still knowing where it came from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/error.h"
#include "easylm/tokenizer.h"

namespace easylm::tokenizers::bpe {

// Bytes [begin, end) of the text that was given.
struct Span {
  std::uint32_t begin = 0, end = 0;
};

struct Piece {
  std::uint32_t begin, end;
  TokenId token = -1;  // of an added token; -1 if the piece is still text
};

// Part of a text with the spans of its bytes; `spans` is null where they aren't kept.
struct SpannedView {
  std::string_view text;
  const Span* spans = nullptr;

  SpannedView part(std::size_t begin, std::size_t end) const {
    return {text.substr(begin, end - begin), spans == nullptr ? nullptr : spans + begin};
  }
};

// A text with the spans of its bytes, written from front to back.
class SpannedText {
 public:
  explicit SpannedText(bool keeps_spans) : keeps_spans_(keeps_spans) {}

  bool keeps_spans() const { return keeps_spans_; }
  SpannedView view() const { return {text_, keeps_spans_ ? spans_.data() : nullptr}; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(text_.size()); }

  void copy(SpannedView part) {
    text_ += part.text;
    if (keeps_spans_) spans_.insert(spans_.end(), part.spans, part.spans + part.text.size());
  }
  // `text` in the place of what has this span.
  void put(std::string_view text, Span span) {
    text_ += text;
    if (keeps_spans_) spans_.insert(spans_.end(), text.size(), span);
  }
  void clear() {
    text_.clear();
    spans_.clear();
  }

 private:
  bool keeps_spans_;
  std::string text_;
  std::vector<Span> spans_;
};

// A text and its pieces, in order.
struct Pieces {
  SpannedText text;
  std::vector<Piece> pieces;
  std::uint32_t source_begin = 0;  // of the text before any rewriting, for where there are no spans
};

// The most that one replacement may put in the place of what it finds.
inline constexpr std::size_t kLongestContent = 1024;

// Throws Error{corrupt} if steps of a file, each of them harmless, together blow up a text.
inline void check_growth(std::size_t before, std::size_t now) {
  constexpr std::size_t kMost = 64;
  constexpr std::size_t kAlways = 65536;
  if (now <= kAlways || now / kMost <= before) return;
  throw Error(ErrorCode::corrupt,
              "tokenizer bpe: its steps make " + std::to_string(now) + " bytes of a text of " +
                  std::to_string(before),
              "the tokenizer.json is damaged or hostile: get it again");
}

// The span of the byte at `at`, where there are spans.
inline Span span_at(SpannedView view, std::size_t at) {
  return view.spans == nullptr ? Span{} : view.spans[at];
}

}  // namespace easylm::tokenizers::bpe
