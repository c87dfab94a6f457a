// Short words and their ids, remembered. Of a fixed size: a new word takes the place of an old one.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "easylm/tokenizer.h"

namespace easylm::tokenizers::bpe {

// Not for two threads at once.
class WordCache {
 public:
  static constexpr std::size_t kLongestWord = 24;
  static constexpr std::size_t kMostIds = 9;

  struct Key {
    std::uint64_t words[3];
    std::uint32_t size;  // 0 if the word is too long to be kept
  };

  // One cache line.
  struct alignas(64) Slot {
    std::uint64_t words[3] = {};
    std::uint16_t size = 0, num_ids = 0;
    TokenId ids[kMostIds] = {};
  };

  // The word of `size` bytes at `begin`; `readable` more bytes may be read from `begin`, at least `size`.
  static Key key_of(const char* begin, std::size_t size, std::size_t readable) {
    Key key{{0, 0, 0}, 0};
    if (size > kLongestWord) return key;
    key.size = static_cast<std::uint32_t>(size);
    if (readable < kLongestWord) {
      std::memcpy(key.words, begin, size);
      return key;
    }
    std::memcpy(key.words, begin, kLongestWord);
    for (std::size_t i = 0; i < 3; ++i) {
      const std::size_t used = size > 8 * i ? size - 8 * i : 0;
      const std::uint64_t mask = used >= 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * used)) - 1;
      key.words[i] &= mask;
    }
    return key;
  }

  // The slot of a word, null if it is not there; good until the next call. REQUIRES: key.size > 0.
  const Slot* find(const Key& key) {
    Slot* pair = pair_of(key);
    if (holds(pair[0], key)) return pair;
    if (!holds(pair[1], key)) return nullptr;
    std::swap(pair[0], pair[1]);  // what is seen again is worth more than what is new
    return pair;
  }

  void put(const Key& key, const TokenId* ids, std::size_t num_ids) {
    Slot* pair = pair_of(key);
    Slot& slot = pair[0].size == 0 ? pair[0] : pair[1];
    std::memcpy(slot.words, key.words, sizeof slot.words);
    slot.size = static_cast<std::uint16_t>(key.size);
    slot.num_ids = static_cast<std::uint16_t>(num_ids);
    std::copy_n(ids, num_ids, slot.ids);
  }

 private:
  static constexpr unsigned kLogSlots = 15;

  // A word may lie in either of two.
  Slot* pair_of(const Key& key) {
    std::uint64_t hash = (key.words[0] ^ (key.words[2] * 0xA0761D6478BD642FU)) * 0x9E3779B97F4A7C15U;
    hash ^= (key.words[1] ^ key.size) * 0xD6E8FEB86659FD93U;
    hash = (hash ^ (hash >> 32U)) * 0xE7037ED1A0B428DBU;
    return &slots_[(hash >> (64U - kLogSlots)) & ~std::uint64_t{1}];
  }
  static bool holds(const Slot& slot, const Key& key) {
    return ((slot.words[0] ^ key.words[0]) | (slot.words[1] ^ key.words[1]) | (slot.words[2] ^ key.words[2]) |
            (slot.size ^ key.size)) == 0;
  }

  std::vector<Slot> slots_ = std::vector<Slot>(std::size_t{1} << kLogSlots);
};

}  // namespace easylm::tokenizers::bpe
