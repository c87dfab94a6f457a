// One arena for all pieces, so that shared addresses are small numbers as on the hardware.
#include "cuda_emulation/emulation/shared_memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#include "cuda_emulation/emulation/block.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace easylm::emulation {
namespace {

constexpr std::size_t kArenaBytes = 256 << 10;
constexpr std::size_t kGuardBytes = 64;
constexpr int kPoison = 0xFF;

std::size_t round_up(std::size_t value, std::size_t unit) { return (value + unit - 1) / unit * unit; }

}  // namespace

SharedMemory::SharedMemory(std::size_t dynamic_bytes)
    : dynamic_bytes_(dynamic_bytes),
      arena_(static_cast<std::byte*>(std::aligned_alloc(kAlignment, kArenaBytes))) {
  if (arena_ == nullptr) throw std::bad_alloc();
}

SharedMemory::~SharedMemory() {
#ifdef __SANITIZE_ADDRESS__
  __asan_unpoison_memory_region(arena_, kArenaBytes);
#endif
  std::free(arena_);
}

void SharedMemory::reset() {
#ifdef __SANITIZE_ADDRESS__
  __asan_unpoison_memory_region(arena_, kArenaBytes);
#endif
  std::memset(arena_, kPoison, kArenaBytes);
#ifdef __SANITIZE_ADDRESS__
  __asan_poison_memory_region(arena_, kArenaBytes);
#endif
  pieces_.clear();
  declared_.clear();
  add_piece({kAlignment, dynamic_bytes_});
}

void SharedMemory::add_piece(Piece piece) {
  if (piece.begin + piece.bytes + kGuardBytes > kArenaBytes) {
    fail(FaultKind::misuse,
         "more shared memory than a block can have: " + std::to_string(kMaxBytes) + " bytes");
  }
#ifdef __SANITIZE_ADDRESS__
  __asan_unpoison_memory_region(arena_ + piece.begin, piece.bytes);
#endif
  used_ = piece.begin + piece.bytes;
  pieces_.push_back(piece);
}

void* SharedMemory::declared(const void* tag, std::size_t bytes) {
  const auto known = declared_.find(tag);
  if (known != declared_.end()) return arena_ + known->second;
  add_piece({round_up(used_ + kGuardBytes, 128), bytes});
  const std::size_t begin = pieces_.back().begin;
  declared_.emplace(tag, begin);
  return arena_ + begin;
}

bool SharedMemory::contains(const void* address, std::size_t bytes) const {
  const auto* first = static_cast<const std::byte*>(address);
  return std::any_of(pieces_.begin(), pieces_.end(), [&](const Piece& piece) {
    return first >= arena_ + piece.begin && first + bytes <= arena_ + piece.begin + piece.bytes;
  });
}

bool SharedMemory::guards_are_whole() const {
#ifdef __SANITIZE_ADDRESS__
  return true;  // who wrote there was stopped
#else
  const auto whole = [](const std::byte* first, const std::byte* last) {
    return std::all_of(first, last, [](std::byte value) { return value == std::byte{kPoison}; });
  };
  std::size_t end = 0;
  for (const Piece& piece : pieces_) {
    if (!whole(arena_ + end, arena_ + piece.begin)) return false;
    end = piece.begin + piece.bytes;
  }
  return whole(arena_ + end, arena_ + kArenaBytes);
#endif
}

std::uint32_t SharedMemory::address_of(const void* pointer) const {
  const auto* byte = static_cast<const std::byte*>(pointer);
  if (byte < arena_ || byte >= arena_ + kArenaBytes) {
    fail(FaultKind::out_of_range, "an address outside shared memory is used as a shared address");
  }
  return static_cast<std::uint32_t>(byte - arena_);
}

void require_shared(const char* instruction, const void* address, std::size_t bytes) {
  if (!current_block().shared().contains(address, bytes)) {
    fail(FaultKind::out_of_range, std::string(instruction) + ": " + std::to_string(bytes) +
                                      " bytes that are not all in the block's shared memory");
  }
}

void require_aligned(const char* instruction, const void* address, std::size_t alignment) {
  if (reinterpret_cast<std::uintptr_t>(address) % alignment != 0) {
    fail(FaultKind::misalignment,
         std::string(instruction) + ": an address that is no multiple of " + std::to_string(alignment));
  }
}

}  // namespace easylm::emulation
