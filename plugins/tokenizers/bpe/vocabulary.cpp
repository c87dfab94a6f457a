// Texts of tokens and their ids, both ways.
#include "vocabulary.h"

#include <cstring>
#include <limits>

#include "easylm/error.h"

namespace easylm::tokenizers::bpe {
namespace {

constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

__extension__ using Product = unsigned __int128;

std::uint64_t mixed(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<Product>(a ^ 0x9E3779B97F4A7C15U) * (b ^ 0xD6E8FEB86659FD93U);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

}  // namespace

std::uint64_t hash_bytes(std::string_view bytes) {
  std::uint64_t hash = bytes.size();
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, 8);
    hash = mixed(hash, word);
  }
  std::uint64_t rest = 0;
  std::memcpy(&rest, bytes.data() + at, bytes.size() - at);
  return mixed(hash, rest);
}

void Vocabulary::grow() {
  slots_.assign(slots_.empty() ? 1024 : slots_.size() * 4, 0);
  const std::size_t mask = slots_.size() - 1;
  for (std::uint32_t i = 0; i < entries_.size(); ++i) {
    std::size_t slot = hash_bytes(text_of(entries_[i])) & mask;
    while (slots_[slot] != 0) slot = (slot + 1) & mask;
    slots_[slot] = i + 1;
  }
}

bool Vocabulary::add(std::string_view text, TokenId id) {
  if (entries_.size() * 2 >= slots_.size()) grow();
  const std::size_t mask = slots_.size() - 1;
  const std::uint64_t hash = hash_bytes(text);
  std::size_t slot = hash & mask;
  for (; slots_[slot] != 0; slot = (slot + 1) & mask) {
    if (text_of(slots_[slot] - 1) == text) return false;
  }
  entries_.push_back({static_cast<std::uint32_t>(block_.size()), static_cast<std::uint32_t>(text.size()), id,
                      static_cast<std::uint32_t>(hash >> 32U)});
  slots_[slot] = static_cast<std::uint32_t>(entries_.size());
  block_ += text;
  return true;
}

void Vocabulary::index(const std::string& where) {
  by_id_.assign(entries_.size(), kNone);
  const auto quoted = [&](std::uint32_t entry) { return "'" + std::string(text_of(entry)) + "'"; };
  for (std::uint32_t i = 0; i < entries_.size(); ++i) {
    const TokenId id = entries_[i].id;
    if (id < 0 || static_cast<std::size_t>(id) >= entries_.size()) {
      throw Error(ErrorCode::corrupt,
                  where + ": the token " + quoted(i) + " has the id " + std::to_string(id) + ", and the " +
                      std::to_string(entries_.size()) + " tokens should have the ids 0 to " +
                      std::to_string(entries_.size() - 1),
                  "ids may leave no gap: get the file again");
    }
    std::uint32_t& holder = by_id_[static_cast<std::size_t>(id)];
    if (holder != kNone) {
      throw Error(ErrorCode::corrupt,
                  where + ": the tokens " + quoted(holder) + " and " + quoted(i) + " have the same id " +
                      std::to_string(id),
                  "get the file again");
    }
    holder = i;
  }
}

std::optional<TokenId> Vocabulary::find(std::string_view text) const {
  if (slots_.empty()) return std::nullopt;
  const std::size_t mask = slots_.size() - 1;
  const std::uint64_t hash = hash_bytes(text);
  for (std::size_t slot = hash & mask; slots_[slot] != 0; slot = (slot + 1) & mask) {
    const Entry& entry = entries_[slots_[slot] - 1];
    if (entry.hash == static_cast<std::uint32_t>(hash >> 32U) && text_of(entry) == text) return entry.id;
  }
  return std::nullopt;
}

}  // namespace easylm::tokenizers::bpe
