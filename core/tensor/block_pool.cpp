// Regions are doubly linked lists of blocks in address order; free blocks are also in a set by size.
#include "block_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <tuple>

namespace easylm {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20U;
constexpr std::size_t kRegion = std::size_t{64} << 20U;

std::size_t round_up(std::size_t size, std::size_t unit) { return (size + unit - 1) / unit * unit; }

// Memory that starts at a huge page; null if there is none.
std::byte* map_huge(std::size_t size) {
  const std::size_t wide = size + kHugePage;
  void* raw = mmap(nullptr, wide, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  auto* begin = static_cast<std::byte*>(raw);
  const std::size_t address = reinterpret_cast<std::uintptr_t>(begin);
  const std::size_t lead = round_up(address, kHugePage) - address;
  if (lead > 0) munmap(begin, lead);
  if (lead < kHugePage) munmap(begin + lead + size, kHugePage - lead);
  // Without huge pages in the kernel it works all the same, only slower.
  madvise(begin + lead, size, MADV_HUGEPAGE);
  return begin + lead;
}

}  // namespace

struct BlockPool::Block {
  std::byte* data;
  std::size_t size;
  bool free;
  Block *previous, *next;  // neighbours in the region
};

bool BlockPool::BySize::operator()(const Block* a, const Block* b) const {
  return std::tuple(a->size, a->data) < std::tuple(b->size, b->data);
}

BlockPool::BlockPool() = default;
BlockPool::~BlockPool() { trim(); }

std::size_t BlockPool::size_of(const void* data) const {
  const auto found = taken_.find(data);
  return found == taken_.end() ? 0 : found->second->size;
}

BlockPool::Block* BlockPool::map_region(std::size_t size) {
  // A large request gets a region of its own: nothing small can then keep it from going back to the system.
  const std::size_t region = size >= kRegion / 2 ? round_up(size, kHugePage) : kRegion;
  std::byte* data = map_huge(region);
  if (data == nullptr) return nullptr;
  mapped_ += region;
  return *free_.insert(new Block{data, region, true, nullptr, nullptr}).first;
}

void* BlockPool::take(std::size_t size) {
  size = round_up(std::max<std::size_t>(size, 1), kAlignment);
  Block wanted{nullptr, size, true, nullptr, nullptr};
  const auto fit = free_.lower_bound(&wanted);
  Block* block = nullptr;
  if (fit != free_.end()) {
    block = *fit;
  } else {
    trim();
    block = map_region(size);
  }
  if (block == nullptr) return nullptr;
  free_.erase(block);
  split(block, size);
  block->free = false;
  taken_.emplace(block->data, block);
  return block->data;
}

// Cuts what `block` has beyond `size` into a free block. REQUIRES: `block` is in no set.
void BlockPool::split(Block* block, std::size_t size) {
  if (block->size == size) return;
  Block* rest = new Block{block->data + size, block->size - size, true, block, block->next};
  if (rest->next != nullptr) rest->next->previous = rest;
  block->next = rest;
  block->size = size;
  free_.insert(rest);
}

// Joins `block` with its free right neighbour. REQUIRES: `block` is in no set.
void BlockPool::join_next(Block* block) {
  Block* next = block->next;
  free_.erase(next);
  block->size += next->size;
  block->next = next->next;
  if (block->next != nullptr) block->next->previous = block;
  delete next;
}

void BlockPool::give_back(const void* data) {
  Block* block = taken_.extract(data).mapped();
  block->free = true;
  if (block->next != nullptr && block->next->free) join_next(block);
  if (block->previous != nullptr && block->previous->free) {
    block = block->previous;
    free_.erase(block);
    join_next(block);
  }
  free_.insert(block);
}

void BlockPool::trim() {
  for (auto it = free_.begin(); it != free_.end();) {
    Block* block = *it;
    const bool whole_region = block->previous == nullptr && block->next == nullptr;
    if (!whole_region) {
      ++it;
      continue;
    }
    munmap(block->data, block->size);
    mapped_ -= block->size;
    it = free_.erase(it);
    delete block;
  }
}

}  // namespace easylm
