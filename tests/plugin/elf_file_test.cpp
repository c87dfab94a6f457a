// The ELF reader against files that lie.
#include "plugin/elf_file.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

#include "easylm/error.h"
#include "elf_image.h"

namespace easylm::test {
namespace {

constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();

struct Read {
  std::optional<std::string> note, section;
};

Read read(const std::string& bytes) {
  const MemorySource source(std::as_bytes(std::span(bytes)));
  const ElfFile file(source);
  static_cast<void>(file.run_path());
  return {file.note("EasyLM"), file.section(".easylm.describe", 1000)};
}

// What reading says, "" if it succeeds.
std::string refusal(const std::string& bytes) {
  try {
    read(bytes);
    return "";
  } catch (const Error& error) {
    return error.message();
  }
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

TEST(ElfFile, ReadsNoteAndSection) {
  const Read found = read(ElfImage("name=x\n", "{\"a\":1}").bytes());
  EXPECT_EQ(found.note, "name=x\n");
  EXPECT_EQ(found.section, "{\"a\":1}");
}

TEST(ElfFile, SaysThatAFileIsEmptyOrNoLibrary) {
  EXPECT_EQ(refusal(""), "the file is empty");
  EXPECT_TRUE(contains(refusal("#!/bin/sh\n"), "not a shared library"));
  EXPECT_TRUE(contains(refusal(std::string(1000, 'x')), "not a shared library"));
}

TEST(ElfFile, RefusesEveryTruncation) {
  const std::string whole = ElfImage().bytes();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(refusal(whole.substr(0, size)), "") << size << " of " << whole.size() << " bytes";
  }
  EXPECT_EQ(refusal(whole), "");
}

TEST(ElfFile, RefusesOtherMachinesAndClasses) {
  ElfImage image;
  image.header.e_machine = EM_ARM;
  EXPECT_TRUE(contains(refusal(image.bytes()), "built for 32-bit ARM, this host is"));
  image = ElfImage();
  image.header.e_ident[EI_CLASS] = ELFCLASS32;
  EXPECT_TRUE(contains(refusal(image.bytes()), "64-bit"));
  image = ElfImage();
  image.header.e_ident[EI_DATA] = ELFDATA2MSB;
  EXPECT_TRUE(contains(refusal(image.bytes()), "little-endian"));
  image = ElfImage();
  image.header.e_type = ET_REL;
  EXPECT_TRUE(contains(refusal(image.bytes()), "not a shared library"));
}

TEST(ElfFile, RefusesSegmentsThatLieOutsideTheFile) {
  ElfImage image;
  image.load.p_filesz = kHuge;
  EXPECT_TRUE(contains(refusal(image.bytes()), "truncated"));
  image = ElfImage();
  image.load.p_offset = kHuge - 8;  // offset + size wraps around
  image.load.p_filesz = 16;
  EXPECT_TRUE(contains(refusal(image.bytes()), "truncated"));
  image = ElfImage();
  image.note.p_filesz = 1 << 20;
  EXPECT_TRUE(contains(refusal(image.bytes()), "truncated"));
  image = ElfImage();
  image.load.p_memsz = image.load.p_filesz - 1;
  EXPECT_TRUE(contains(refusal(image.bytes()), "larger in the file than in memory"));
}

TEST(ElfFile, RefusesImpossibleTables) {
  ElfImage image;
  image.header.e_phnum = 65535;
  EXPECT_TRUE(contains(refusal(image.bytes()), "table of segments"));
  image = ElfImage();
  image.header.e_phentsize = 1;
  EXPECT_TRUE(contains(refusal(image.bytes()), "table of segments"));
  image = ElfImage();
  image.header.e_phoff = kHuge - 3;
  EXPECT_TRUE(contains(refusal(image.bytes()), "truncated"));
  image = ElfImage();
  image.header.e_phnum = 0;
  EXPECT_TRUE(contains(refusal(image.bytes()), "nothing to load"));
  image = ElfImage();
  image.header.e_shentsize = 7;
  EXPECT_TRUE(contains(refusal(image.bytes()), "table of sections"));
  image = ElfImage();
  image.header.e_shstrndx = 9;
  EXPECT_TRUE(contains(refusal(image.bytes()), "names of the sections"));
  image = ElfImage();
  image.header.e_shoff = kHuge;
  EXPECT_TRUE(contains(refusal(image.bytes()), "truncated"));
}

TEST(ElfFile, IgnoresNotesWithLyingSizes) {
  for (const std::uint32_t size : {0xffffffffU, 0xfffffffcU, 0x7fffffffU, 4097U, 64U}) {
    ElfImage image;
    image.note_header.n_descsz = size;
    EXPECT_EQ(read(image.bytes()).note, std::nullopt) << size;
    image = ElfImage();
    image.note_header.n_namesz = size;
    EXPECT_EQ(read(image.bytes()).note, std::nullopt) << size;
  }
}

TEST(ElfFile, WorksWithoutASectionTable) {
  ElfImage image("name=x\n");
  image.header.e_shnum = 0;
  EXPECT_EQ(read(image.bytes()).note, "name=x\n");
  EXPECT_EQ(read(image.bytes()).section, std::nullopt);
}

TEST(ElfFile, RefusesASectionAboveTheLimit) {
  EXPECT_TRUE(contains(refusal(ElfImage("a=b\n", std::string(1001, ' ')).bytes()), "more than the 1000"));
  EXPECT_EQ(refusal(ElfImage("a=b\n", std::string(1000, ' ')).bytes()), "");
}

class DynamicTable : public ::testing::Test {
 protected:
  // `table` in the section .dynamic, and names in .dynstr.
  static std::string run_path_of(const std::vector<Elf64_Dyn>& table, const std::string& names) {
    ElfImage image;
    image.dynamic.assign(reinterpret_cast<const char*>(table.data()), table.size() * sizeof(Elf64_Dyn));
    image.dynamic_names = names;
    image.place();
    const std::string bytes = image.bytes();
    const MemorySource source(std::as_bytes(std::span(bytes)));
    return ElfFile(source).run_path();
  }
  static Elf64_Dyn entry(Elf64_Sxword tag, Elf64_Xword value) {
    Elf64_Dyn made{};
    made.d_tag = tag;
    made.d_un.d_val = value;
    return made;
  }
  const std::string names = std::string("\0/old\0/a:/b\0", 12);
};

TEST_F(DynamicTable, SaysWhereLibrariesAreLookedFor) {
  EXPECT_EQ(run_path_of({entry(DT_RUNPATH, 6)}, names), "/a:/b");
  EXPECT_EQ(run_path_of({entry(DT_RPATH, 1)}, names), "/old");
  EXPECT_EQ(run_path_of({entry(DT_RPATH, 1), entry(DT_RUNPATH, 6)}, names), "/a:/b");
  EXPECT_EQ(run_path_of({entry(DT_NEEDED, 1)}, names), "");
  EXPECT_EQ(run_path_of({entry(DT_NULL, 0), entry(DT_RUNPATH, 6)}, names), "");
}

TEST_F(DynamicTable, IsNotBelievedWhenItLies) {
  for (const Elf64_Xword place : {Elf64_Xword{12}, Elf64_Xword{1} << 40, Elf64_Xword{kHuge}}) {
    EXPECT_EQ(run_path_of({entry(DT_RUNPATH, place)}, names), "") << place;
  }
  EXPECT_EQ(run_path_of({entry(DT_RUNPATH, 6)}, "\0/old\0/a"), "");
  EXPECT_EQ(run_path_of({entry(DT_RUNPATH, 0)}, "no end"), "no end");
  EXPECT_EQ(run_path_of({}, ""), "");
}

TEST(ElfFile, SurvivesAnyFlippedByte) {
  const std::string whole = ElfImage().bytes();
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (const char value : {'\0', '\x01', '\x7f', '\xff'}) {
      std::string damaged = whole;
      damaged[i] = value;
      EXPECT_NO_FATAL_FAILURE(refusal(damaged));
    }
  }
}

}  // namespace
}  // namespace easylm::test
