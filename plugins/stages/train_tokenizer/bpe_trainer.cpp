// A queue of pairs whose counts may be out of date: one that is, is put right when it comes up, and put back.
#include "bpe_trainer.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>

#include "easylm/error.h"
#include "easylm/utf8.h"

namespace easylm::stages {
namespace {

using Symbol = std::uint32_t;
using Pair = std::uint64_t;  // left symbol above right one: ordered as they are

Pair pair_of(Symbol left, Symbol right) { return (Pair{left} << 32U) | right; }

struct MixBits {
  std::size_t operator()(Pair x) const { return (x ^ (x >> 29U)) * 0x9E3779B97F4A7C15ULL >> 7U; }
};

struct Word {
  std::vector<Symbol> symbols;
  std::int64_t count;
};

struct Candidate {
  std::int64_t count = 0;
  Pair pair = 0;
  std::vector<std::uint32_t> words;  // where the pair was when this was queued

  bool operator<(const Candidate& other) const {
    return count != other.count ? count < other.count : pair > other.pair;
  }
};

class Queue {
 public:
  void push(Candidate candidate) {
    heap_.push_back(std::move(candidate));
    std::push_heap(heap_.begin(), heap_.end());
  }
  Candidate pop() {
    std::pop_heap(heap_.begin(), heap_.end());
    Candidate top = std::move(heap_.back());
    heap_.pop_back();
    return top;
  }
  bool empty() const { return heap_.empty(); }

 private:
  std::vector<Candidate> heap_;
};

class Trainer {
 public:
  Trainer(const WordCounts& words, const BpeTask& task)
      : size_(static_cast<std::size_t>(task.vocabulary_size)) {
    for (const std::string& token : task.first_tokens) add_token(token);
    add_alphabet(words, task);
    // In a fixed order, so that the same text takes the same way.
    std::vector<std::pair<std::string_view, std::int64_t>> sorted(words.begin(), words.end());
    std::ranges::sort(sorted);
    words_.reserve(sorted.size());
    for (const auto& [text, count] : sorted) words_.push_back({symbols_of(text), count});
  }

  TrainedBpe train(const std::function<void(std::int64_t)>& step) {
    queue_pairs();
    while (result_.tokens.size() < size_ && !queue_.empty()) {
      Candidate top = queue_.pop();
      const std::int64_t count = counts_[top.pair];
      if (top.count != count) {
        top.count = count;
        queue_.push(std::move(top));
        continue;
      }
      if (count < 1) break;
      merge(top);
      step(static_cast<std::int64_t>(result_.tokens.size()));
    }
    write_merges();
    return std::move(result_);
  }

 private:
  using Found = std::unordered_map<Pair, std::vector<std::uint32_t>, MixBits>;

  Symbol add_token(const std::string& token) {
    const auto [at, is_new] = ids_.emplace(token, static_cast<Symbol>(result_.tokens.size()));
    if (is_new) result_.tokens.push_back(token);
    return at->second;
  }

  void add_alphabet(const WordCounts& words, const BpeTask& task) {
    std::map<std::uint32_t, std::string> characters;
    const auto add_all = [&](std::string_view text) {
      for (std::size_t at = 0; at < text.size();) {
        const CodePoint next = first_code_point(text.substr(at));
        EASYLM_CHECK(next.valid, "a word is no UTF-8");
        characters.emplace(next.value, text.substr(at, next.size));
        at += next.size;
      }
    };
    for (const std::string& character : task.alphabet) add_all(character);
    for (const auto& [text, count] : words) add_all(text);
    if (characters.size() + task.first_tokens.size() > size_) {
      throw Error(ErrorCode::invalid_config,
                  "the text has " + std::to_string(characters.size()) + " different characters, and with " +
                      std::to_string(task.first_tokens.size()) +
                      " other tokens that is more than the vocabulary of " + std::to_string(size_),
                  "raise vocabulary_size");
    }
    for (const auto& [value, character] : characters) add_token(character);
  }

  std::vector<Symbol> symbols_of(std::string_view text) const {
    std::vector<Symbol> symbols;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = first_code_point(text.substr(at)).size;
      symbols.push_back(ids_.at(std::string(text.substr(at, size))));
      at += size;
    }
    return symbols;
  }

  static void note(std::vector<std::uint32_t>& words, std::uint32_t word) {
    if (words.empty() || words.back() != word) words.push_back(word);
  }

  void queue_pairs() {
    Found found;
    for (std::uint32_t w = 0; w < words_.size(); ++w) {
      const std::vector<Symbol>& symbols = words_[w].symbols;
      for (std::size_t i = 1; i < symbols.size(); ++i) {
        const Pair pair = pair_of(symbols[i - 1], symbols[i]);
        counts_[pair] += words_[w].count;
        note(found[pair], w);
      }
    }
    queue_found(found);
  }

  void queue_found(Found& found) {
    for (auto& [pair, words] : found) {
      const std::int64_t count = counts_[pair];
      if (count > 0) queue_.push({count, pair, std::move(words)});
    }
  }

  void merge(const Candidate& top) {
    const auto left = static_cast<Symbol>(top.pair >> 32U);
    const auto right = static_cast<Symbol>(top.pair);
    const Symbol merged = add_token(result_.tokens[left] + result_.tokens[right]);
    merges_.push_back(top.pair);
    Found found;
    for (const std::uint32_t w : top.words) merge_in(w, {left, right, merged}, found);
    queue_found(found);
  }

  void merge_in(std::uint32_t w, const std::array<Symbol, 3>& merge, Found& found) {
    const auto [left, right, merged] = merge;
    std::vector<Symbol>& symbols = words_[w].symbols;
    const std::int64_t count = words_[w].count;
    const auto more = [&](Symbol a, Symbol b) {
      counts_[pair_of(a, b)] += count;
      note(found[pair_of(a, b)], w);
    };
    std::size_t to = 0;
    for (std::size_t from = 0; from < symbols.size(); ++from, ++to) {
      if (symbols[from] != left || from + 1 == symbols.size() || symbols[from + 1] != right) {
        symbols[to] = symbols[from];
        continue;
      }
      if (to > 0) {
        counts_[pair_of(symbols[to - 1], left)] -= count;
        more(symbols[to - 1], merged);
      }
      ++from;
      symbols[to] = merged;
      if (from + 1 == symbols.size()) continue;
      counts_[pair_of(right, symbols[from + 1])] -= count;
      more(merged, symbols[from + 1]);
    }
    symbols.resize(to);
  }

  // A pair can be merged twice: two ways to one token may put it back into the queue. Its later place counts.
  void write_merges() {
    std::set<Pair> seen;
    for (std::size_t i = merges_.size(); i-- > 0;) {
      const Pair pair = merges_[i];
      if (!seen.insert(pair).second) continue;
      result_.merges.emplace_back(result_.tokens[pair >> 32U], result_.tokens[static_cast<Symbol>(pair)]);
    }
    std::ranges::reverse(result_.merges);
  }

  std::size_t size_;
  std::unordered_map<std::string, Symbol> ids_;
  std::vector<Word> words_;
  std::unordered_map<Pair, std::int64_t, MixBits> counts_;
  Queue queue_;
  std::vector<Pair> merges_;
  TrainedBpe result_;
};

}  // namespace

TrainedBpe train_bpe(const WordCounts& words, const BpeTask& task,
                     const std::function<void(std::int64_t)>& step) {
  return Trainer(words, task).train(step);
}

}  // namespace easylm::stages
