// Cuts texts into words and counts them.
#pragma once

#include <memory>
#include <string_view>

#include "bpe_trainer.h"
#include "styles.h"

namespace easylm::stages {

class WordCounter {
 public:
  explicit WordCounter(const TokenizerStyle& style);
  ~WordCounter();
  WordCounter(const WordCounter&) = delete;
  WordCounter& operator=(const WordCounter&) = delete;

  // One text. What is no UTF-8 counts as U+FFFD.
  void add(std::string_view text);

  // As the trainer takes them: bytes written as letters if the style says so. Call once, last.
  WordCounts finish();

 private:
  struct Pattern;
  void add_words(std::string_view text);

  const TokenizerStyle& style_;
  std::unique_ptr<Pattern> pattern_;
  WordCounts counts_;
};

}  // namespace easylm::stages
