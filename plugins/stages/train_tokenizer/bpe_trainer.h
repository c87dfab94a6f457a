// Learns byte-pair merges from words and their counts.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace easylm::stages {

using WordCounts = std::unordered_map<std::string, std::int64_t>;  // words in UTF-8

struct BpeTask {
  std::vector<std::string> first_tokens;  // get the first ids; never merged
  std::vector<std::string> alphabet;      // characters that get ids even if no word has them
  std::int64_t vocabulary_size = 0;       // with all of those
};

struct TrainedBpe {
  std::vector<std::string> tokens;  // their indices are the ids
  std::vector<std::pair<std::string, std::string>> merges;
};

// Merges the most frequent pair of neighbours again and again; of equally frequent ones the pair with the
// lower ids, as Hugging Face's BpeTrainer does. After the characters, in the order of their code points, ids
// are in the order of the merges. Ends early when no word has two tokens. `step` is called with the number of
// ids so far, and may throw.
TrainedBpe train_bpe(const WordCounts& words, const BpeTask& task,
                     const std::function<void(std::int64_t)>& step);

}  // namespace easylm::stages
