// Regular expressions matched by PCRE2.
#define PCRE2_CODE_UNIT_WIDTH 8
#include "regex.h"

#include <pcre2.h>

#include <mutex>

#include "easylm/error.h"
#include "unicode.h"

namespace easylm::tokenizers::bpe {
namespace {

// For patterns of a file that wants to hang us. A match of an ordinary one takes some steps a character.
constexpr std::uint32_t kMostSteps = 5'000'000;
constexpr std::size_t kJitStackBytes = std::size_t{8} << 20U;

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* pointer) const {
    kFree(pointer);
  }
};
using MatchData = std::unique_ptr<pcre2_match_data, Free<pcre2_match_data_free>>;
using MatchContext = std::unique_ptr<pcre2_match_context, Free<pcre2_match_context_free>>;
using JitStack = std::unique_ptr<pcre2_jit_stack, Free<pcre2_jit_stack_free>>;
using Code = std::unique_ptr<pcre2_code, Free<pcre2_code_free>>;

std::string message_of(int code) {
  PCRE2_UCHAR text[256];
  pcre2_get_error_message(code, text, sizeof text);
  return reinterpret_cast<const char*>(text);
}

}  // namespace

// What one thread needs to match.
struct Matcher {
  MatchData data;
  MatchContext context{pcre2_match_context_create(nullptr)};
  JitStack stack{pcre2_jit_stack_create(32 * 1024, kJitStackBytes, nullptr)};

  explicit Matcher(const pcre2_code* code) : data(pcre2_match_data_create_from_pattern(code, nullptr)) {
    EASYLM_CHECK(data && context && stack, "no memory for matching");
    pcre2_set_match_limit(context.get(), kMostSteps);
    pcre2_jit_stack_assign(context.get(), nullptr, stack.get());
  }
};

struct Regex::Compiled {
  Code code;
  std::string pattern, where;
  std::mutex mutex;  // guards idle
  std::vector<std::unique_ptr<Matcher>> idle;

  std::unique_ptr<Matcher> take() {
    const std::lock_guard lock(mutex);
    if (idle.empty()) return std::make_unique<Matcher>(code.get());
    std::unique_ptr<Matcher> matcher = std::move(idle.back());
    idle.pop_back();
    return matcher;
  }
  void give_back(std::unique_ptr<Matcher> matcher) {
    const std::lock_guard lock(mutex);
    idle.push_back(std::move(matcher));
  }
};

Regex::Regex(const std::string& pattern, const std::string& where) : compiled_(std::make_unique<Compiled>()) {
  compiled_->pattern = pattern;
  compiled_->where = where;
  const std::string translated = to_pcre2(pattern, where);
  int problem = 0;
  PCRE2_SIZE at = 0;
  compiled_->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                                      PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C,
                                      &problem, &at, nullptr));
  if (!compiled_->code) {
    throw Error(ErrorCode::unsupported,
                where + ": the pattern " + pattern + " can't be used: " + message_of(problem),
                "only patterns that both Oniguruma and PCRE2 understand can be used");
  }
  pcre2_jit_compile(compiled_->code.get(), PCRE2_JIT_COMPLETE);  // without it matching is slower, no more
}

Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;

Regex::Search::Search(const Regex& regex) : regex_(regex), matcher_(regex.compiled_->take()) {}
Regex::Search::~Search() { regex_.compiled_->give_back(std::move(matcher_)); }

std::optional<Regex::Match> Regex::Search::find(std::string_view text, std::size_t at) {
  const Compiled& compiled = *regex_.compiled_;
  const int found = pcre2_match(compiled.code.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                                at, PCRE2_NO_UTF_CHECK, matcher_->data.get(), matcher_->context.get());
  if (found == PCRE2_ERROR_NOMATCH) return std::nullopt;
  if (found < 0) {
    throw Error(ErrorCode::corrupt,
                compiled.where + ": the pattern " + compiled.pattern + " fails on a text of " +
                    std::to_string(text.size()) + " bytes: " + message_of(found),
                "encode the text in shorter pieces");
  }
  const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(matcher_->data.get());
  return Match{bounds[0], bounds[1]};
}

namespace {

// The next match as HF's iterator finds it, which takes no empty match where the last one ended.
std::optional<Regex::Match> next_match(Regex::Search& search, std::string_view text, std::size_t from) {
  std::optional<Regex::Match> match = search.find(text, from);
  if (match && match->begin == match->end && match->end == from) {
    if (from == text.size()) return std::nullopt;
    match = search.find(text, from + char_at(text, from).size);
  }
  return match;
}

class RegexScanner final : public WordScanner {
 public:
  explicit RegexScanner(std::shared_ptr<const Regex> regex) : regex_(std::move(regex)) {}

  std::size_t scan(std::string_view text, std::size_t at, std::span<std::uint32_t> ends) const override {
    Regex::Search search(*regex_);
    std::size_t count = 0;
    while (at < text.size() && count + 2 <= ends.size()) {
      const std::optional<Regex::Match> match = next_match(search, text, at);
      if (match && match->begin > at) ends[count++] = static_cast<std::uint32_t>(match->begin);
      if (match && match->end > match->begin) ends[count++] = static_cast<std::uint32_t>(match->end);
      at = match ? match->end : text.size();
      if (!match) ends[count++] = static_cast<std::uint32_t>(at);
    }
    return count;
  }

 private:
  std::shared_ptr<const Regex> regex_;
};

}  // namespace

std::vector<Part> parts_by_regex(const Regex& regex, std::string_view text) {
  std::vector<Part> parts;
  Regex::Search search(regex);
  std::size_t at = 0;
  bool first = true;
  const auto add = [&](std::size_t begin, std::size_t end, bool is_match) {
    parts.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end), is_match});
  };
  while (!text.empty()) {
    // Only at the very front may an empty match stand where the search begins.
    const std::optional<Regex::Match> match = first ? search.find(text, 0) : next_match(search, text, at);
    first = false;
    if (!match) break;
    if (match->begin > at) add(at, match->begin, false);
    add(match->begin, match->end, true);
    at = match->end;
  }
  if (at < text.size()) add(at, text.size(), false);
  return parts;
}

std::vector<Part> parts_by_string(std::string_view pattern, std::string_view text) {
  std::vector<Part> parts;
  std::size_t at = 0;
  const auto add = [&](std::size_t begin, std::size_t end, bool is_match) {
    parts.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end), is_match});
  };
  for (std::size_t found = 0; (found = text.find(pattern, at)) != std::string_view::npos;) {
    if (found > at) add(at, found, false);
    at = found + pattern.size();
    add(found, at, true);
  }
  if (at < text.size()) add(at, text.size(), false);
  return parts;
}

std::unique_ptr<WordScanner> make_regex_scanner(std::shared_ptr<const Regex> regex) {
  return std::make_unique<RegexScanner>(std::move(regex));
}

}  // namespace easylm::tokenizers::bpe
