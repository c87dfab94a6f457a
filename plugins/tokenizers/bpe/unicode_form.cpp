// NFC, NFD, NFKC and NFKD, one character after another, so that each knows where it came from.
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "easylm/error.h"
#include "normalizer.h"
#include "unicode.h"

namespace easylm::tokenizers::bpe {
namespace {

struct Range {
  char32_t first, last;
};

// What Hugging Face's normalizers don't know, as their tables are of Unicode 9: later characters that
// decompose or combine. Found by tests/oracles/test_tokenizers.py, character by character.
constexpr std::array kLater = std::to_array<Range>(
    {{0x7FD, 0x7FD},     {0x898, 0x89F},     {0x8CA, 0x8D3},     {0x9FE, 0x9FE},     {0xC3C, 0xC3C},
     {0xD3B, 0xD3C},     {0xEBA, 0xEBA},     {0xECE, 0xECE},     {0x1715, 0x1715},   {0x1ABF, 0x1ACE},
     {0x1DF6, 0x1DFA},   {0x32FF, 0x32FF},   {0xA7F2, 0xA7F4},   {0xA82C, 0xA82C},   {0xAB69, 0xAB69},
     {0x10781, 0x107BA}, {0x10D24, 0x10D27}, {0x10EAB, 0x10EAC}, {0x10EFD, 0x10EFF}, {0x10F46, 0x10F50},
     {0x10F82, 0x10F85}, {0x11070, 0x11070}, {0x1133B, 0x1133B}, {0x1145E, 0x1145E}, {0x11839, 0x1183A},
     {0x11938, 0x11938}, {0x1193D, 0x1193E}, {0x11943, 0x11943}, {0x119E0, 0x119E0}, {0x11A34, 0x11A34},
     {0x11A47, 0x11A47}, {0x11A99, 0x11A99}, {0x11D42, 0x11D45}, {0x11D97, 0x11D97}, {0x11F41, 0x11F42},
     {0x16FF0, 0x16FF1}, {0x1E030, 0x1E06D}, {0x1E08F, 0x1E08F}, {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE},
     {0x1E2EC, 0x1E2EF}, {0x1E4EC, 0x1E4EF}, {0x1F16C, 0x1F16C}, {0x1FBF0, 0x1FBF9}});

bool is_later(char32_t code) {
  const auto* after = std::upper_bound(kLater.begin(), kLater.end(), code,
                                       [](char32_t c, const Range& range) { return c < range.first; });
  return after != kLater.begin() && code <= std::prev(after)->last;
}

const utf8proc_property_t& properties(char32_t code) {
  return *utf8proc_get_property(static_cast<utf8proc_int32_t>(code));
}

int combining_class(char32_t code) {
  return code < 0x300 || is_later(code) ? 0 : properties(code).combining_class;
}

bool is_hangul_vowel_or_tail(char32_t code) {
  return (code >= 0x1161 && code <= 0x1175) || (code >= 0x11A8 && code <= 0x11C2);
}

// Whether it may be the second of two that compose.
bool composes_with_previous(char32_t code) {
  constexpr unsigned kSecond = 0x8000;
  constexpr unsigned kNever = 0xFFFF;
  const unsigned index = properties(code).comb_index;
  return is_hangul_vowel_or_tail(code) || (index >= kSecond && index != kNever);
}

// The one character that both are, if there is one.
std::optional<char32_t> composed(char32_t first, char32_t second) {
  if (second < 0x300 || !composes_with_previous(second)) return std::nullopt;
  std::array<utf8proc_int32_t, 2> pair = {static_cast<utf8proc_int32_t>(first),
                                          static_cast<utf8proc_int32_t>(second)};
  const auto left = utf8proc_normalize_utf32(
      pair.data(), 2, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const auto code = static_cast<char32_t>(pair[0]);
  if (left != 1 || is_later(code)) return std::nullopt;
  return code;
}

// A character of the normal form: `change` is what HF counts, 1 for one more than there was, 0 for one in the
// place of another, -n for one in the place of 1 + n.
struct Formed {
  char32_t code;
  int change;
};

void decompose(std::string_view text, bool compatible, std::vector<Formed>& out) {
  const int options = UTF8PROC_DECOMPOSE | (compatible ? UTF8PROC_COMPAT : 0);
  std::size_t sorted = 0;  // all before are in their final order
  const auto sort_pending = [&] {
    std::stable_sort(
        out.begin() + static_cast<std::ptrdiff_t>(sorted), out.end(),
        [](const Formed& a, const Formed& b) { return combining_class(a.code) < combining_class(b.code); });
    sorted = out.size();
  };
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Char c = char_at(text, at);
    at += c.size;
    std::array<utf8proc_int32_t, 32> parts{};
    utf8proc_ssize_t count = 1;
    parts[0] = static_cast<utf8proc_int32_t>(c.code);
    if (c.code >= 0x80 && !is_later(c.code)) {
      int boundary = 0;
      count = utf8proc_decompose_char(parts[0], parts.data(), parts.size(),
                                      static_cast<utf8proc_option_t>(options), &boundary);
      EASYLM_CHECK(count >= 1 && count <= static_cast<utf8proc_ssize_t>(parts.size()),
                   "a character of many parts");
    }
    for (utf8proc_ssize_t i = 0; i < count; ++i) {
      const auto code = static_cast<char32_t>(parts[static_cast<std::size_t>(i)]);
      if (combining_class(code) == 0) sort_pending();
      out.push_back({code, i == 0 ? 0 : 1});
    }
  }
  sort_pending();
}

// In place: a starter takes in what follows and composes with it, unless something between blocks it.
void compose(std::vector<Formed>& text) {
  constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::size_t starter = kNone;
  std::size_t end = 0;
  int last_class = 0;  // of what stands between the starter and here; 0 if nothing does
  for (std::size_t i = 0; i < text.size(); ++i) {
    const Formed c = text[i];
    const int its_class = combining_class(c.code);
    const bool adjacent = starter != kNone && end == starter + 1;
    if (starter != kNone && (adjacent || last_class < its_class)) {
      if (const std::optional<char32_t> both = composed(text[starter].code, c.code)) {
        text[starter] = {*both, text[starter].change + c.change - 1};
        continue;
      }
    }
    if (its_class == 0) starter = end;
    last_class = its_class;
    text[end++] = c;
  }
  text.resize(end);
}

class UnicodeNormalizer final : public Normalizer {
 public:
  explicit UnicodeNormalizer(UnicodeForm form)
      : compatible_(form == UnicodeForm::nfkc || form == UnicodeForm::nfkd),
        composes_(form == UnicodeForm::nfc || form == UnicodeForm::nfkc) {}

  void apply(SpannedView in, SpannedText& out) const override {
    if (leaves_alone(in.text)) {
      out.copy(in);
      return;
    }
    std::vector<Formed> formed;
    decompose(in.text, compatible_, formed);
    if (composes_) compose(formed);
    write(formed, in, out);
  }

  bool leaves_alone(std::string_view text) const override {
    for (std::size_t at = 0; at < text.size();) {
      const Utf8Char c = char_at(text, at);
      if (c.code >= 0x80 && !is_inert(c.code)) return false;
      at += c.size;
    }
    return true;
  }

 private:
  // Whether a character is its own normal form, whatever stands around it.
  bool is_inert(char32_t code) const {
    if (composes_ && !compatible_ && code < 0x300) return true;
    if (is_later(code)) return true;
    const utf8proc_property_t& its = properties(code);
    if (its.combining_class != 0) return false;
    if (composes_ && composes_with_previous(code)) return false;
    if (code >= 0xAC00 && code <= 0xD7A3) return composes_;
    constexpr unsigned kNoDecomposition = 0xFFFF;
    if (its.decomp_seqindex == kNoDecomposition) return true;
    return !compatible_ && its.decomp_type != 0;  // only its compatible form is another
  }

  static void write(const std::vector<Formed>& formed, SpannedView in, SpannedText& out) {
    std::size_t at = 0;  // in the text before
    const auto skip = [&] { at += at < in.text.size() ? char_at(in.text, at).size : 0; };
    std::string bytes;
    for (const Formed& c : formed) {
      Span span{};
      if (c.change <= 0) {
        span = span_at(in, std::min(at, in.text.size() - 1));
      } else if (at > 0) {
        span = span_at(in, at - 1);
      } else {
        span = {span_at(in, 0).begin, span_at(in, 0).begin};
      }
      for (int i = c.change; i <= 0; ++i) skip();
      bytes.clear();
      append_utf8(bytes, c.code);
      out.put(bytes, span);
    }
  }

  bool compatible_, composes_;
};

}  // namespace

std::unique_ptr<Normalizer> make_unicode_normalizer(UnicodeForm form) {
  return std::make_unique<UnicodeNormalizer>(form);
}

}  // namespace easylm::tokenizers::bpe
