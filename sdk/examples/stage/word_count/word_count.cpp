// A stage that shows what a model is about to be trained on: the most frequent words of dataset.train, read
// back from its tokens.
#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "easylm/dataset.h"
#include "easylm/error.h"
#include "easylm/sdk/plugin.h"
#include "easylm/stage.h"

namespace {

using namespace easylm;

using Counts = std::unordered_map<std::string, std::int64_t>;

// A letter of ASCII, or a byte of a longer character.
bool is_letter(unsigned char byte) { return byte >= 0x80 || std::isalpha(byte) != 0; }

void count_words(std::string_view text, Counts& counts) {
  std::string word;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_letter(byte)) {
      word += static_cast<char>(byte < 0x80 ? std::tolower(byte) : byte);
    } else if (!word.empty()) {
      ++counts[std::exchange(word, {})];
    }
  }
  if (!word.empty()) ++counts[word];
}

class WordCount final : public Stage {
 public:
  struct Config {
    std::int64_t top = 20;

    static void describe(Schema<Config>& s) {
      s.field("top", &Config::top, "how many words to print").at_least(1).unit("words");
      s.needs("dataset.train");
      s.needs("tokenizer");
    }
  };

  WordCount(Host& host, const Config& config) : host_(host), config_(config) {}

  void run(StageContext& context) override {
    const auto tokenizer = std::dynamic_pointer_cast<Tokenizer>(context.input("tokenizer").component);
    const auto dataset = std::dynamic_pointer_cast<Dataset>(context.input("dataset.train").component);
    EASYLM_CHECK(tokenizer != nullptr && dataset != nullptr, "a port holds something else");
    auto* documents = extension_of<DocumentReader>(*dataset);
    if (documents == nullptr) {
      throw Error(ErrorCode::unsupported, "this dataset does not hand out its documents",
                  "use text, jsonl or parquet");
    }
    documents->open_documents(tokenizer);
    Counts counts;
    std::int64_t num_documents = 0;
    for (Document document; documents->next_document(document);) {
      count_words(tokenizer->decode(document.tokens), counts);
      context.progress(++num_documents, 0);
      if (host_.stop().requested()) throw Error(ErrorCode::interrupted, "counting was stopped");
    }
    context.print(table(counts));
  }

 private:
  // A line a word, the most frequent first, and those as frequent by the alphabet.
  std::string table(const Counts& counts) const {
    std::vector<std::pair<std::int64_t, std::string_view>> words;
    words.reserve(counts.size());
    for (const auto& [word, count] : counts) words.emplace_back(-count, word);
    std::ranges::sort(words);
    words.resize(std::min(words.size(), static_cast<std::size_t>(config_.top)));
    std::string text = "   count  word\n";
    for (const auto& [count, word] : words) {
      char number[24];
      std::snprintf(number, sizeof number, "%8lld  ", static_cast<long long>(-count));
      text.append(number).append(word).append("\n");
    }
    return text;
  }

  Host& host_;
  Config config_;
};

}  // namespace

EASYLM_PLUGIN("example-stage-word-count", "1.0.0") {
  registrar.component<WordCount>("word_count", "Prints the most frequent words of dataset.train.");
}
