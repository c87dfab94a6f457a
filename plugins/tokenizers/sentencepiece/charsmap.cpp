// Walks the whole trie once. Its units are those of the Darts-clone library, which sentencepiece compiles in.
#include "charsmap.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "easylm/error.h"
#include "easylm/utf8.h"

namespace easylm::tokenizers {
namespace {

constexpr std::size_t kMostReplacementBytes = 1024;

[[noreturn]] void fail(std::string_view where, const char* what) {
  throw Error(ErrorCode::corrupt, std::string(where) + ": its normalisation table " + what,
              "copy the file again from where it came");
}

struct Unit {
  std::uint32_t bits;
  bool has_leaf() const { return ((bits >> 8U) & 1U) != 0; }
  std::uint32_t value() const { return bits & 0x7FFFFFFFU; }
  std::uint32_t label() const { return bits & 0x800000FFU; }
  std::uint32_t offset() const { return (bits >> 10U) << ((bits & 0x200U) >> 6U); }
};

class Walk {
 public:
  Walk(std::string_view trie, std::string_view strings, std::string_view where)
      : units_(trie.size() / sizeof(Unit)), strings_(strings), where_(where) {
    std::memcpy(units_.data(), trie.data(), units_.size() * sizeof(Unit));
  }

  void check() {
    std::vector<bool> seen(units_.size());
    std::vector<std::uint32_t> waiting = {0};
    seen[0] = true;
    while (!waiting.empty()) {
      const std::uint32_t node = waiting.back();
      waiting.pop_back();
      const std::uint32_t children = node ^ units_[node].offset();
      if ((children | 0xFFU) >= units_.size()) fail(where_, "points outside of itself");
      if (units_[node].has_leaf()) check_string(units_[children].value());
      for (std::uint32_t byte = 0; byte < 256; ++byte) {
        const std::uint32_t child = children ^ byte;
        if (units_[child].label() != byte || seen[child]) continue;
        seen[child] = true;
        waiting.push_back(child);
      }
    }
  }

 private:
  void check_string(std::uint32_t begin) const {
    if (begin >= strings_.size()) fail(where_, "points outside of its strings");
    const std::string_view text = strings_.substr(begin, kMostReplacementBytes + 1);
    const std::size_t size = text.find('\0');
    if (size == std::string_view::npos) fail(where_, "has a string without an end");
    if (!is_utf8(text.substr(0, size))) fail(where_, "has a string that is not UTF-8");
  }

  std::vector<Unit> units_;
  std::string_view strings_;
  std::string_view where_;
};

}  // namespace

void check_charsmap(std::string_view bytes, std::string_view where) {
  std::uint32_t trie_size = 0;
  if (bytes.size() < sizeof trie_size) fail(where, "is cut off");
  std::memcpy(&trie_size, bytes.data(), sizeof trie_size);
  bytes.remove_prefix(sizeof trie_size);
  if (trie_size == 0 || trie_size % sizeof(Unit) != 0 || trie_size >= bytes.size()) fail(where, "is cut off");
  Walk(bytes.substr(0, trie_size), bytes.substr(trie_size), where).check();
}

}  // namespace easylm::tokenizers
