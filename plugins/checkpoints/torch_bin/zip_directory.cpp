// Reads a zip archive from its end: the end record, the directory, and each entry's own header.
#include "zip_directory.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <unordered_set>

#include "easylm/error.h"
#include "easylm/json.h"

namespace easylm::torch_bin {
namespace {

constexpr std::uint32_t kEntryMark = 0x04034b50, kDirectoryMark = 0x02014b50, kEndMark = 0x06054b50;
constexpr std::uint32_t kEnd64Mark = 0x06064b50, kLocator64Mark = 0x07064b50;
constexpr std::size_t kEntryBytes = 30, kDirectoryBytes = 46, kEndBytes = 22, kEnd64Bytes = 56,
                      kLocatorBytes = 20;
constexpr std::size_t kMostCommentBytes = 65535;

class Directory {
 public:
  Directory(std::span<const std::byte> file, std::string_view where) : file_(file), where_(where) {}

  std::vector<ZipEntry> read() {
    find_end();
    std::vector<ZipEntry> entries;
    std::unordered_set<std::string> names;
    std::uint64_t at = begin_;
    for (std::uint64_t i = 0; i < count_; ++i) {
      ZipEntry entry = read_entry(at);
      if (!names.insert(entry.name).second) refuse("entry " + json_quoted(entry.name) + " comes twice");
      entries.push_back(std::move(entry));
    }
    if (at != begin_ + size_) refuse("the directory has not the size that it claims");
    return entries;
  }

 private:
  [[noreturn]] void refuse(const std::string& reason) const {
    throw Error(ErrorCode::corrupt, std::string(where_) + ": " + reason,
                "the file is damaged or cut short: get it again");
  }
  [[noreturn]] void cannot(const std::string& reason) const {
    throw Error(ErrorCode::unsupported, std::string(where_) + ": " + reason,
                "PyTorch writes its files otherwise: save it again with torch.save");
  }

  // A number of the file. REQUIRES: it is there.
  template <typename T>
  T number(std::uint64_t at) const {
    T x;
    std::memcpy(&x, file_.data() + at, sizeof x);
    return x;
  }
  bool has(std::uint64_t at, std::uint64_t bytes) const {
    return at <= file_.size() && bytes <= file_.size() - at;
  }

  void find_end() {
    if (file_.size() < kEndBytes) refuse("it is too short for a zip archive");
    const std::size_t last = file_.size() - kEndBytes;
    const std::size_t first = last - std::min(last, kMostCommentBytes);
    std::size_t end = last;
    // The comment behind the record must reach exactly to the end of the file.
    while (number<std::uint32_t>(end) != kEndMark ||
           number<std::uint16_t>(end + 20) != file_.size() - end - kEndBytes) {
      if (end == first) refuse("it has no directory at its end");
      --end;
    }
    if (number<std::uint16_t>(end + 4) != 0 && number<std::uint16_t>(end + 4) != 0xffff) {
      cannot("it is one part of several");
    }
    count_ = number<std::uint16_t>(end + 10);
    size_ = number<std::uint32_t>(end + 12);
    begin_ = number<std::uint32_t>(end + 16);
    std::uint64_t limit = end;
    if (end >= kLocatorBytes && number<std::uint32_t>(end - kLocatorBytes) == kLocator64Mark) {
      limit = number<std::uint64_t>(end - kLocatorBytes + 8);
      if (!has(limit, kEnd64Bytes) || limit > end - kLocatorBytes ||
          number<std::uint32_t>(limit) != kEnd64Mark) {
        refuse("its zip64 end record is not where it should be");
      }
      count_ = number<std::uint64_t>(limit + 32);
      size_ = number<std::uint64_t>(limit + 40);
      begin_ = number<std::uint64_t>(limit + 48);
    }
    if (begin_ > limit || size_ > limit - begin_) refuse("its directory lies outside of the file");
    if (count_ > size_ / kDirectoryBytes) refuse("its directory has fewer entries than it claims");
  }

  ZipEntry read_entry(std::uint64_t& at) const {
    const std::uint64_t left = begin_ + size_ - at;
    if (left < kDirectoryBytes || number<std::uint32_t>(at) != kDirectoryMark)
      refuse("its directory is damaged");
    const std::uint64_t name_bytes = number<std::uint16_t>(at + 28),
                        extra_bytes = number<std::uint16_t>(at + 30);
    const std::uint64_t all = kDirectoryBytes + name_bytes + extra_bytes + number<std::uint16_t>(at + 32);
    if (all > left) refuse("its directory is damaged");
    ZipEntry entry;
    entry.name.assign(reinterpret_cast<const char*>(file_.data()) + at + kDirectoryBytes, name_bytes);
    entry.crc32 = number<std::uint32_t>(at + 16);
    if ((number<std::uint16_t>(at + 8) & 1U) != 0)
      cannot("entry " + json_quoted(entry.name) + " is encrypted");
    if (number<std::uint16_t>(at + 10) != 0) cannot("entry " + json_quoted(entry.name) + " is compressed");
    std::uint64_t stored = number<std::uint32_t>(at + 20), bytes = number<std::uint32_t>(at + 24);
    std::uint64_t place = number<std::uint32_t>(at + 42);
    read_zip64(at + kDirectoryBytes + name_bytes, extra_bytes, {&bytes, &stored, &place});
    if (stored != bytes) refuse("entry " + json_quoted(entry.name) + " has two sizes");
    entry.bytes = data_of(entry.name, place, bytes);
    at += all;
    return entry;
  }

  // Of the fields, in this order, those that don't fit 32 bits are in the extra field of type 1.
  void read_zip64(std::uint64_t at, std::uint64_t bytes, std::initializer_list<std::uint64_t*> fields) const {
    constexpr std::uint32_t kElsewhere = std::numeric_limits<std::uint32_t>::max();
    const std::uint64_t end = at + bytes;
    while (end - at >= 4) {
      const std::uint64_t field_end = at + 4 + number<std::uint16_t>(at + 2);
      if (field_end > end) refuse("an extra field of its directory is damaged");
      if (number<std::uint16_t>(at) == 1) {
        at += 4;
        for (std::uint64_t* field : fields) {
          if (*field != kElsewhere) continue;
          if (field_end - at < 8) refuse("a zip64 field of its directory is too short");
          *field = number<std::uint64_t>(at);
          at += 8;
        }
        return;
      }
      at = field_end;
    }
  }

  // An entry's bytes lie behind a header of its own, before the directory.
  std::span<const std::byte> data_of(const std::string& name, std::uint64_t place,
                                     std::uint64_t bytes) const {
    if (place > begin_ || begin_ - place < kEntryBytes || number<std::uint32_t>(place) != kEntryMark) {
      refuse("entry " + json_quoted(name) + " is not where the directory says");
    }
    const std::uint64_t name_bytes = number<std::uint16_t>(place + 26);
    const std::uint64_t data = place + kEntryBytes + name_bytes + number<std::uint16_t>(place + 28);
    if (data > begin_ || bytes > begin_ - data) {
      refuse("entry " + json_quoted(name) + " of " + std::to_string(bytes) +
             " bytes ends outside of the file");
    }
    if (std::string_view(reinterpret_cast<const char*>(file_.data()) + place + kEntryBytes, name_bytes) !=
        name) {
      refuse("entry " + json_quoted(name) + " has another name at its place");
    }
    return file_.subspan(data, bytes);
  }

  std::span<const std::byte> file_;
  std::string_view where_;
  std::uint64_t begin_ = 0, size_ = 0, count_ = 0;  // of the directory
};

}  // namespace

bool is_zip(std::span<const std::byte> file) {
  std::uint32_t mark = 0;
  if (file.size() < sizeof mark) return false;
  std::memcpy(&mark, file.data(), sizeof mark);
  return mark == kEntryMark;
}

std::vector<ZipEntry> read_zip_directory(std::span<const std::byte> file, std::string_view where) {
  return Directory(file, where).read();
}

}  // namespace easylm::torch_bin
