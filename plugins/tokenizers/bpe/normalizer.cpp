// The normalizers of a tokenizer.json, but for the forms of Unicode.
#include "normalizer.h"

#include <utf8proc.h>

#include <utility>
#include <vector>

#include "json_members.h"
#include "regex.h"
#include "unicode.h"

namespace easylm::tokenizers::bpe {
namespace {

class Prepend final : public Normalizer {
 public:
  explicit Prepend(std::string text) : text_(std::move(text)) {}
  void apply(SpannedView in, SpannedText& out) const override {
    if (!in.text.empty()) out.put(text_, span_at(in, 0));
    out.copy(in);
  }
  bool leaves_alone(std::string_view text) const override { return text.empty(); }

 private:
  std::string text_;
};

class Replace final : public Normalizer {
 public:
  Replace(const PatternText& pattern, std::string content, const std::string& where)
      : content_(std::move(content)) {
    if (pattern.is_regex) {
      regex_ = std::make_unique<Regex>(pattern.text, where);
    } else {
      text_ = pattern.text;
    }
  }
  void apply(SpannedView in, SpannedText& out) const override {
    for (const Part& part : regex_ ? parts_by_regex(*regex_, in.text) : parts_by_string(text_, in.text)) {
      if (!part.is_match) {
        out.copy(in.part(part.begin, part.end));
      } else if (part.end > 0) {
        out.put(content_, span_at(in, part.end - 1));
      } else {
        const std::uint32_t begin = span_at(in, 0).begin;
        out.put(content_, {begin, begin});
      }
    }
  }
  bool leaves_alone(std::string_view text) const override {
    return regex_ ? text.empty() : text.find(text_) == std::string_view::npos;
  }

 private:
  std::unique_ptr<Regex> regex_;
  std::string text_, content_;
};

class Lowercase final : public Normalizer {
 public:
  void apply(SpannedView in, SpannedText& out) const override {
    std::string lower;
    for (std::size_t at = 0; at < in.text.size();) {
      const Utf8Char c = char_at(in.text, at);
      lower.clear();
      if (c.code == 0x130) {  // the one capital whose small letter is two characters
        lower = "i\u0307";
      } else {
        append_utf8(lower, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c.code))));
      }
      out.put(lower, span_at(in, at));
      at += c.size;
    }
  }
  bool leaves_alone(std::string_view text) const override { return text.empty(); }
};

class Strip final : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}
  void apply(SpannedView in, SpannedText& out) const override {
    const ClassBits* classes = character_classes();
    std::size_t begin = 0;
    std::size_t end = in.text.size();
    while (left_ && begin < end) {
      const Utf8Char c = char_at(in.text, begin);
      if ((classes[c.code] & kSpace) == 0) break;
      begin += c.size;
    }
    while (right_ && begin < end) {
      const Utf8Char c = char_before(in.text, end);
      if ((classes[c.code] & kSpace) == 0) break;
      end -= c.size;
    }
    out.copy(in.part(begin, end));
  }
  bool leaves_alone(std::string_view text) const override { return text.empty(); }

 private:
  bool left_, right_;
};

class Sequence final : public Normalizer {
 public:
  explicit Sequence(std::vector<std::unique_ptr<Normalizer>> steps) : steps_(std::move(steps)) {}
  void apply(SpannedView in, SpannedText& out) const override {
    SpannedText now(out.keeps_spans());
    SpannedText next(out.keeps_spans());
    now.copy(in);
    for (const auto& step : steps_) {
      next.clear();
      step->apply(now.view(), next);
      check_growth(in.text.size(), next.size());
      std::swap(now, next);
    }
    out.copy(now.view());
  }
  bool leaves_alone(std::string_view text) const override {
    for (const auto& step : steps_) {
      if (!step->leaves_alone(text)) return false;
    }
    return true;
  }

 private:
  std::vector<std::unique_ptr<Normalizer>> steps_;
};

std::unique_ptr<Normalizer> make_sequence(const Table& json, const std::string& where) {
  std::vector<std::unique_ptr<Normalizer>> steps;
  for (const Value& step : member<List>(json, "normalizers", where)) {
    steps.push_back(make_normalizer(table_of(step, where), where));
  }
  return std::make_unique<Sequence>(std::move(steps));
}

}  // namespace

std::unique_ptr<Normalizer> make_normalizer(const Table& json, const std::string& where) {
  const std::string& type = type_of(json, where);
  if (type == "NFC") return make_unicode_normalizer(UnicodeForm::nfc);
  if (type == "NFD") return make_unicode_normalizer(UnicodeForm::nfd);
  if (type == "NFKC") return make_unicode_normalizer(UnicodeForm::nfkc);
  if (type == "NFKD") return make_unicode_normalizer(UnicodeForm::nfkd);
  if (type == "Lowercase") return std::make_unique<Lowercase>();
  if (type == "Sequence") return make_sequence(json, where);
  if (type == "Prepend") return std::make_unique<Prepend>(content_of(json, "prepend", where));
  if (type == "Strip") {
    return std::make_unique<Strip>(member<bool>(json, "strip_left", where),
                                   member<bool>(json, "strip_right", where));
  }
  if (type == "Replace") {
    return std::make_unique<Replace>(pattern_of(json, where), content_of(json, "content", where), where);
  }
  throw_unsupported(where, "the normalizer '" + type + "'");
}

}  // namespace easylm::tokenizers::bpe
