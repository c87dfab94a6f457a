// A block's shared memory: poisoned, with guards around each piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace easylm::emulation {

// One piece is the dynamic shared memory that a launch asks for; each static declaration is another. What was
// not written is 0xFF, which is NaN in every floating-point format. AddressSanitizer sees what lies between
// the pieces.
class SharedMemory {
 public:
  static constexpr std::size_t kMaxBytes = 227 << 10;  // of a block on sm_90
  static constexpr std::size_t kAlignment = 1024;

  explicit SharedMemory(std::size_t dynamic_bytes);
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  // Makes it as it is before a block begins.
  void reset();

  std::byte* dynamic() const { return arena_ + kAlignment; }
  std::size_t dynamic_bytes() const { return dynamic_bytes_; }

  // The piece that belongs to a declaration, which `tag` stands for.
  void* declared(const void* tag, std::size_t bytes);

  // True if all of it lies in one piece.
  bool contains(const void* address, std::size_t bytes) const;

  // True unless something wrote between the pieces.
  bool guards_are_whole() const;

  // A shared address as the hardware counts it, below 2^18; and back.
  std::uint32_t address_of(const void* pointer) const;
  std::byte* pointer_to(std::uint32_t address) const { return arena_ + address; }

 private:
  struct Piece {
    std::size_t begin, bytes;
  };
  void add_piece(Piece piece);

  std::size_t dynamic_bytes_;
  std::byte* arena_;
  std::size_t used_ = 0;
  std::vector<Piece> pieces_;
  std::map<const void*, std::size_t> declared_;  // where each declaration's piece begins
};

// The checks of instructions that take shared addresses: a Fault names `instruction`.
void require_shared(const char* instruction, const void* address, std::size_t bytes);
void require_aligned(const char* instruction, const void* address, std::size_t alignment);

}  // namespace easylm::emulation
