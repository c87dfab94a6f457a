// Large blocks cut from regions of huge pages: best fit, neighbours rejoined on release.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>

namespace easylm {

// Not thread safe: its owner locks.
class BlockPool {
 public:
  struct Block;

  BlockPool();
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  // A block of at least `size` bytes, 4 KiB aligned. Null if the system has no memory left.
  Block* take(std::size_t size);
  void give_back(Block* block);

  // Unmaps the regions that are wholly free.
  void trim();

  static void* data_of(const Block* block);
  static std::size_t size_of(const Block* block);
  std::size_t mapped() const { return mapped_; }

 private:
  struct BySize {
    bool operator()(const Block* a, const Block* b) const;
  };

  Block* map_region(std::size_t size);
  void split(Block* block, std::size_t size);
  void join_next(Block* block);

  std::set<Block*, BySize> free_;
  std::size_t mapped_ = 0;
};

}  // namespace easylm
