// A minimal plugin file built by hand, so that single fields can lie.
#pragma once

#include <elf.h>

#include <cstring>
#include <string>

namespace easylm::test {

struct ElfImage {
  Elf64_Ehdr header{};
  Elf64_Phdr load{}, note{};
  Elf64_Nhdr note_header{7, 0, 1};
  std::string text;           // of the note
  std::string description;    // of the section .easylm.describe
  std::string dynamic;        // of the section .dynamic
  std::string dynamic_names;  // of the section .dynstr
  Elf64_Shdr describe{}, names{}, dynamic_table{}, dynamic_texts{};

  explicit ElfImage(std::string manifest = "key=value\n", std::string json = "{}")
      : text(std::move(manifest)), description(std::move(json)) {
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_type = ET_DYN;
#if defined(__aarch64__)
    header.e_machine = EM_AARCH64;
#else
    header.e_machine = EM_X86_64;
#endif
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_shentsize = sizeof(Elf64_Shdr);
    header.e_phoff = sizeof header;
    header.e_phnum = 2;
    header.e_shnum = 5;
    header.e_shstrndx = 2;
    note_header.n_descsz = static_cast<Elf64_Word>(text.size());
    const std::size_t note_at = sizeof header + 2 * sizeof(Elf64_Phdr);
    const std::size_t note_size = sizeof note_header + 8 + (text.size() + 3) / 4 * 4;
    load = {PT_LOAD, PF_R, 0, 0, 0, note_at, note_at, 4096};
    note = {PT_NOTE, PF_R, note_at, 0, 0, note_size, note_size, 4};
    describe.sh_name = 1;
    describe.sh_type = SHT_PROGBITS;
    describe.sh_offset = note_at + note_size;
    describe.sh_size = description.size();
    names.sh_type = SHT_STRTAB;
    names.sh_offset = describe.sh_offset + description.size();
    names.sh_size = kNames.size();
    place();
  }

  // Puts what changed its size, and all that lies behind it, to its place.
  void place() {
    dynamic_table = following(names, 18, dynamic.size());
    dynamic_texts = following(dynamic_table, 27, dynamic_names.size());
    header.e_shoff = dynamic_texts.sh_offset + dynamic_texts.sh_size;
  }

  std::string bytes() const {
    std::string image =
        raw(header) + raw(load) + raw(note) + raw(note_header) + std::string("EasyLM\0\0", 8) + text;
    image.append((4 - text.size() % 4) % 4, '\0');
    image += description + kNames + dynamic + dynamic_names;
    return image + raw(Elf64_Shdr{}) + raw(describe) + raw(names) + raw(dynamic_table) + raw(dynamic_texts);
  }

 private:
  inline static const std::string kNames = std::string("\0.easylm.describe\0.dynamic\0.dynstr\0", 35);

  static Elf64_Shdr following(const Elf64_Shdr& last, Elf64_Word name, std::size_t size) {
    Elf64_Shdr section{};
    section.sh_name = name;
    section.sh_type = SHT_PROGBITS;
    section.sh_offset = last.sh_offset + last.sh_size;
    section.sh_size = size;
    return section;
  }
  template <typename T>
  static std::string raw(const T& value) {
    return {reinterpret_cast<const char*>(&value), sizeof value};
  }
};

}  // namespace easylm::test
