// Regular expressions as Hugging Face means them (Oniguruma's Ruby syntax), matched by PCRE2.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "word_scanner.h"

namespace easylm::tokenizers::bpe {

// A part of a text: matched by a pattern, or between two matches.
struct Part {
  std::uint32_t begin, end;
  bool is_match;
};

struct Matcher;

class Regex {
 public:
  // Throws Error{unsupported} or Error{corrupt} that begins with `where`.
  Regex(const std::string& pattern, const std::string& where);
  ~Regex();
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) = delete;

  struct Match {
    std::size_t begin, end;
  };

  // Searches one text after the other; for one thread.
  class Search {
   public:
    explicit Search(const Regex& regex);
    ~Search();
    Search(const Search&) = delete;
    Search& operator=(const Search&) = delete;
    // The first match at or after `at`. Throws Error{corrupt} if the pattern takes too long on this text.
    std::optional<Match> find(std::string_view text, std::size_t at);

   private:
    const Regex& regex_;
    std::unique_ptr<Matcher> matcher_;
  };

 private:
  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
};

// The pattern in PCRE2's syntax. Throws Error{unsupported} for what it can't say.
std::string to_pcre2(std::string_view pattern, const std::string& where);

// All parts of a text, in order. Empty matches are among them, and no other part is empty.
std::vector<Part> parts_by_regex(const Regex& regex, std::string_view text);
std::vector<Part> parts_by_string(std::string_view pattern, std::string_view text);

// Each match and each part between two is a word.
std::unique_ptr<WordScanner> make_regex_scanner(std::shared_ptr<const Regex> regex);

}  // namespace easylm::tokenizers::bpe
