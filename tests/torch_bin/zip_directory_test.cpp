// Archives that nobody vouches for: every one is refused by name, or read right.
#include "torch_bin/zip_directory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "easylm/error.h"

namespace easylm::torch_bin {
namespace {

template <typename T>
void put(std::string& out, std::size_t at, T x) {
  std::memcpy(out.data() + at, &x, sizeof x);
}
template <typename T>
std::string number(T x) {
  std::string out(sizeof x, '\0');
  put(out, 0, x);
  return out;
}

// An archive of stored entries in its parts, so that a test can spoil one of them.
struct Archive {
  std::string entries, directory;
  std::uint16_t count = 0;

  void add(const std::string& name, const std::string& bytes) {
    const auto place = static_cast<std::uint32_t>(entries.size()),
               size = static_cast<std::uint32_t>(bytes.size());
    std::string head = number(std::uint32_t{0x04034b50}) + std::string(26, '\0');
    put(head, 26, static_cast<std::uint16_t>(name.size()));
    entries += head + name + bytes;
    std::string row = number(std::uint32_t{0x02014b50}) + std::string(42, '\0');
    put(row, 20, size);
    put(row, 24, size);
    put(row, 28, static_cast<std::uint16_t>(name.size()));
    put(row, 42, place);
    directory += row + name;
    ++count;
  }

  std::string end(std::uint64_t begin) const {
    std::string record = number(std::uint32_t{0x06054b50}) + std::string(18, '\0');
    put(record, 8, count);
    put(record, 10, count);
    put(record, 12, static_cast<std::uint32_t>(directory.size()));
    put(record, 16, static_cast<std::uint32_t>(begin));
    return record;
  }
  std::string file() const { return entries + directory + end(entries.size()); }
};

Archive two() {
  Archive archive;
  archive.add("a/data.pkl", "pickle");
  archive.add("a/data/0", "tensor!!");
  return archive;
}

std::vector<ZipEntry> read(const std::string& file) {
  return read_zip_directory(std::as_bytes(std::span(file.data(), file.size())), "x.bin");
}

std::string text(const ZipEntry& entry) {
  return {reinterpret_cast<const char*>(entry.bytes.data()), entry.bytes.size()};
}

std::string message_of(const std::string& file, ErrorCode code = ErrorCode::corrupt) {
  try {
    read(file);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.message();
    EXPECT_EQ(error.message().rfind("x.bin: ", 0), 0U) << error.message();
    return error.message();
  }
  return "accepted";
}

void contains(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST(ZipDirectory, ReadsStoredEntries) {
  const std::string file = two().file(),
                    commented = file.substr(0, file.size() - 2) + std::string("\x03\0abc", 5);
  for (const std::string& archive : {file, commented}) {
    const auto entries = read(archive);
    ASSERT_EQ(entries.size(), 2U);
    EXPECT_EQ(entries[0].name, "a/data.pkl");
    EXPECT_EQ(text(entries[0]), "pickle");
    EXPECT_EQ(text(entries[1]), "tensor!!");
  }
}

// The same with sizes and places in zip64 records, as files above 4 GB have them.
std::string in_zip64(const std::function<void(std::string&)>& spoil = {}) {
  Archive archive = two();
  std::string row = archive.directory.substr(46 + 10);
  const std::uint64_t place = 30 + 10 + 6;
  for (const std::size_t at : {20, 24, 42}) put(row, at, ~std::uint32_t{0});
  put(row, 30, std::uint16_t{28});
  row += number(std::uint16_t{1}) + number(std::uint16_t{24}) + number(std::uint64_t{8}) +
         number(std::uint64_t{8}) + number(place);
  archive.directory = archive.directory.substr(0, 46 + 10) + row;
  std::string end64 = number(std::uint32_t{0x06064b50}) + std::string(52, '\0');
  put(end64, 32, std::uint64_t{2});
  put(end64, 40, static_cast<std::uint64_t>(archive.directory.size()));
  put(end64, 48, static_cast<std::uint64_t>(archive.entries.size()));
  std::string locator = number(std::uint32_t{0x07064b50}) + std::string(16, '\0');
  put(locator, 8, static_cast<std::uint64_t>(archive.entries.size() + archive.directory.size()));
  std::string tail = archive.directory + end64 + locator;
  if (spoil) spoil(tail);
  return archive.entries + tail + archive.end(~std::uint32_t{0});
}

TEST(ZipDirectory, ReadsZip64) {
  const std::string file = in_zip64();
  const auto entries = read(file);
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(text(entries[1]), "tensor!!");
}

TEST(ZipDirectory, RefusesZip64ThatLies) {
  const std::size_t end64 = 46 + 10 + 46 + 8 + 28;
  const auto with = [&](std::size_t at, std::uint64_t x) {
    return message_of(in_zip64([&](std::string& tail) { put(tail, at, x); }));
  };
  contains(with(end64 + 56 + 8, ~std::uint64_t{0}), "end record");
  contains(with(end64 + 48, ~std::uint64_t{0}), "outside of the file");
  contains(with(end64 + 48, std::uint64_t{1} << 63U), "outside of the file");
  contains(with(end64 + 40, ~std::uint64_t{0}), "outside of the file");
  contains(with(end64 + 32, ~std::uint64_t{0}), "fewer entries");
  contains(with(end64 - 8, ~std::uint64_t{0}), "not where the directory says");
  contains(with(end64 - 24, std::uint64_t{1} << 63U), "two sizes");
  contains(message_of(in_zip64([&](std::string& tail) {
             put(tail, end64 - 24, std::uint64_t{1} << 63U);
             put(tail, end64 - 16, std::uint64_t{1} << 63U);
           })),
           "ends outside of the file");
  contains(message_of(in_zip64([&](std::string& tail) { put(tail, end64 - 26, std::uint16_t{8}); })),
           "too short");
  contains(message_of(in_zip64([&](std::string& tail) { put(tail, end64 - 26, std::uint16_t{999}); })),
           "extra field");
}

TEST(ZipDirectory, RefusesADirectoryThatLies) {
  const auto with = [](std::size_t at, auto x) {
    Archive archive = two();
    put(archive.directory, at, x);
    return archive.file();
  };
  contains(message_of(with(0, std::uint32_t{0})), "directory is damaged");
  contains(message_of(with(28, std::uint16_t{0xffff})), "directory is damaged");
  contains(message_of(with(32, std::uint16_t{1})), "directory is damaged");
  contains(message_of(with(42, std::uint32_t{3})), "not where the directory says");
  contains(message_of(with(42, std::uint32_t{0x7fffffff})), "not where the directory says");
  contains(message_of(with(42, std::uint32_t{30 + 10 + 6})), "another name at its place");
  contains(message_of(with(20, std::uint32_t{5})), "two sizes");
  contains(message_of(with(10, std::uint16_t{8}), ErrorCode::unsupported), "is compressed");
  contains(message_of(with(8, std::uint16_t{1}), ErrorCode::unsupported), "is encrypted");
  std::string large = with(20, std::uint32_t{0x10000000});
  put(large, two().entries.size() + 24, std::uint32_t{0x10000000});
  contains(message_of(large), "ends outside of the file");
  Archive twice = two();
  twice.add("a/data.pkl", "other");
  contains(message_of(twice.file()), "comes twice");
  Archive fewer = two();
  fewer.count = 1;
  contains(message_of(fewer.file()), "not the size");
  Archive more = two();
  more.count = 3;
  contains(message_of(more.file()), "fewer entries");
}

TEST(ZipDirectory, RefusesAFileThatWasCutAnywhere) {
  const std::string file = two().file();
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_NE(message_of(file.substr(0, size)), "accepted") << size;
  }
}

}  // namespace
}  // namespace easylm::torch_bin
