// Which two neighbours merge into which token, and how early.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "easylm/tokenizer.h"

namespace easylm::tokenizers::bpe {

inline constexpr std::uint32_t kNoMerge = std::numeric_limits<std::uint32_t>::max();

struct Merge {
  std::uint32_t rank = kNoMerge;  // the lowest goes first
  TokenId result = -1;
};

// A flat hash table.
class MergeTable {
 public:
  explicit MergeTable(std::size_t num_merges = 0) {
    while (slots_size_ < num_merges * 2 + 1) slots_size_ *= 2, --shift_;
    slots_.resize(slots_size_);
  }

  // A pair that is there already gets the new rank.
  void set(TokenId left, TokenId right, Merge merge) {
    Slot& slot = slots_[position(left, right)];
    slot = {key_of(left, right), merge};
  }

  Merge find(TokenId left, TokenId right) const { return slots_[position(left, right)].merge; }

 private:
  static constexpr std::uint64_t kEmpty = std::numeric_limits<std::uint64_t>::max();
  struct Slot {
    std::uint64_t key = kEmpty;
    Merge merge;
  };

  static std::uint64_t key_of(TokenId left, TokenId right) {
    return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32U) |
           static_cast<std::uint32_t>(right);
  }
  std::size_t position(TokenId left, TokenId right) const {
    const std::uint64_t key = key_of(left, right);
    std::uint64_t mixed = key * 0x9E3779B97F4A7C15U;
    mixed = (mixed ^ (mixed >> 32U)) * 0xD6E8FEB86659FD93U;
    std::size_t at = mixed >> shift_;
    while (slots_[at].key != key && slots_[at].key != kEmpty) at = (at + 1) & (slots_size_ - 1);
    return at;
  }

  std::size_t slots_size_ = 16;
  unsigned shift_ = 60;
  std::vector<Slot> slots_;
};

}  // namespace easylm::tokenizers::bpe
