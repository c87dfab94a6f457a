// A reader of ELF shared objects that trusts nothing: every offset and size in the file is checked before
// use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/export.h"

namespace easylm {

// Bytes that can be read by position. Not a memory map: a file that shrinks under us must not kill the
// process.
class EASYLM_API ByteSource {
 public:
  virtual ~ByteSource();
  virtual std::uint64_t size() const = 0;
  // Fills `out` from `offset`; false if the source ends before that or can't be read. [any-thread]
  virtual bool read(std::uint64_t offset, std::span<std::byte> out) const = 0;
};

// A source over bytes in memory, which must outlive it.
class EASYLM_API MemorySource : public ByteSource {
 public:
  explicit MemorySource(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::uint64_t size() const override { return bytes_.size(); }
  bool read(std::uint64_t offset, std::span<std::byte> out) const override;

 private:
  std::span<const std::byte> bytes_;
};

// A shared object for this kind of machine, all of whose segments and sections lie inside the file. (The
// system's loader maps a truncated one without complaint and is killed when it touches what is missing.)
class EASYLM_API ElfFile {
 public:
  // Throws Error{corrupt} that says what is wrong with the file, without its name. `source` must outlive
  // this.
  explicit ElfFile(const ByteSource& source);

  // The text of the first note of this owner and type 1, of at most 4096 bytes; none if there is none.
  std::optional<std::string> note(std::string_view owner) const;

  // The bytes of the first section of this name; none if there is none. Throws Error{corrupt} if it is larger
  // than `max_bytes`.
  std::optional<std::string> section(std::string_view name, std::uint64_t max_bytes) const;

  // The folders in which its loader looks for the libraries that it needs, as they are written there:
  // DT_RUNPATH, or else DT_RPATH; empty if there is neither. Throws Error{corrupt} for impossible tables.
  std::string run_path() const;

 private:
  struct Range {
    std::uint64_t offset, size;
  };
  struct Section {
    std::uint32_t name;  // offset into names_
    Range range;
  };
  void read_segments(std::uint64_t offset, std::uint16_t count);
  void read_sections(std::uint64_t offset, std::uint16_t count, std::uint16_t names_index);
  std::string text(Range range) const;

  const ByteSource& source_;
  std::vector<Range> notes_;
  std::vector<Section> sections_;
  std::string names_;
};

}  // namespace easylm
