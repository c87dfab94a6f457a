// Reads the table of dynamic symbols.
#include "plugin/elf_symbols.h"

#include <elf.h>

#include <algorithm>
#include <cstring>

#include "easylm/error.h"

namespace easylm {
namespace {

constexpr std::uint64_t kMaxTable = 64 << 20;

bool is_exported(const Elf64_Sym& symbol) {
  const unsigned visibility = ELF64_ST_VISIBILITY(symbol.st_other);
  return symbol.st_shndx != SHN_UNDEF && ELF64_ST_BIND(symbol.st_info) != STB_LOCAL &&
         (visibility == STV_DEFAULT || visibility == STV_PROTECTED);
}

}  // namespace

std::vector<std::string> exported_symbols(const ElfFile& file) {
  const std::string table = file.section(".dynsym", kMaxTable).value_or("");
  const std::string names = file.section(".dynstr", kMaxTable).value_or("");
  std::vector<std::string> exported;
  for (std::size_t at = 0; at + sizeof(Elf64_Sym) <= table.size(); at += sizeof(Elf64_Sym)) {
    Elf64_Sym symbol{};
    std::memcpy(&symbol, table.data() + at, sizeof symbol);
    if (!is_exported(symbol)) continue;
    if (symbol.st_name >= names.size()) {
      throw Error(ErrorCode::corrupt, "a symbol's name lies outside the table of names");
    }
    const std::size_t end = names.find('\0', symbol.st_name);
    exported.push_back(names.substr(symbol.st_name, end - symbol.st_name));
  }
  std::sort(exported.begin(), exported.end());
  return exported;
}

}  // namespace easylm
