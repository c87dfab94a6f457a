// Large blocks cut from regions of huge pages: best fit, neighbours rejoined on release.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <unordered_map>

namespace easylm {

// Not thread safe: its owner locks.
class BlockPool {
 public:
  BlockPool();
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  static constexpr std::size_t kAlignment = 4096;

  // Memory of at least `size` bytes, aligned. Null if the system has none left.
  void* take(std::size_t size);

  // The size of what take() gave and nobody has given back; 0 if `data` is not that.
  std::size_t size_of(const void* data) const;

  // REQUIRES: size_of(data) > 0.
  void give_back(const void* data);

  // Unmaps the regions that are wholly free.
  void trim();

  std::size_t mapped() const { return mapped_; }

 private:
  struct Block;
  struct BySize {
    bool operator()(const Block* a, const Block* b) const;
  };

  Block* map_region(std::size_t size);
  void split(Block* block, std::size_t size);
  void join_next(Block* block);

  std::set<Block*, BySize> free_;
  std::unordered_map<const void*, Block*> taken_;
  std::size_t mapped_ = 0;
};

}  // namespace easylm
