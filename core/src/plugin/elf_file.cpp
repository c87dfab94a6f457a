// Reads the few tables of an ELF file that the host needs, and refuses whatever doesn't add up.
#include "plugin/elf_file.h"

#include <elf.h>

#include <cstring>
#include <type_traits>
#include <utility>

#include "easylm/error.h"

namespace easylm {
namespace {

#if defined(__x86_64__)
constexpr std::uint16_t kHostMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr std::uint16_t kHostMachine = EM_AARCH64;
#else
#error "EasyLM knows plugins for x86-64 and aarch64 only"
#endif

constexpr std::uint64_t kMaxNoteSegment = 64 * 1024;
constexpr std::uint32_t kMaxNoteText = 4096;
constexpr std::uint64_t kMaxNames = 1 << 20;
constexpr std::uint64_t kMaxDynamic = 64 * 1024;
constexpr std::uint64_t kMaxDynamicNames = 16 << 20;
constexpr std::uint16_t kMaxSegments = 128;
constexpr std::uint16_t kMaxSections = 4096;

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorCode::corrupt, why, "copy or build the plugin again");
}

std::string_view machine_name(std::uint16_t machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86-64";
    case EM_AARCH64:
      return "aarch64";
    case EM_386:
      return "32-bit x86";
    case EM_ARM:
      return "32-bit ARM";
    case EM_RISCV:
      return "RISC-V";
    default:
      return "an unknown machine";
  }
}

template <typename T>
bool read_value(const ByteSource& source, std::uint64_t offset, T& out) {
  static_assert(std::is_trivially_copyable_v<T>);
  return source.read(offset, std::as_writable_bytes(std::span(&out, 1)));
}

template <typename T>
std::vector<T> read_table(const ByteSource& source, std::uint64_t offset, std::uint16_t count) {
  std::vector<T> table(count);
  if (!source.read(offset, std::as_writable_bytes(std::span(table)))) {
    refuse("the file is truncated: a table at byte " + std::to_string(offset) +
           " lies behind its end at byte " + std::to_string(source.size()));
  }
  return table;
}

void check_inside(const ByteSource& source, std::uint64_t offset, std::uint64_t size) {
  if (offset > source.size() || size > source.size() - offset) {
    refuse("the file is truncated: it says that " + std::to_string(size) + " bytes lie at byte " +
           std::to_string(offset) + ", but it ends at byte " + std::to_string(source.size()));
  }
}

Elf64_Ehdr read_header(const ByteSource& source) {
  if (source.size() == 0) refuse("the file is empty");
  Elf64_Ehdr header{};
  if (!read_value(source, 0, header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
    refuse("the file is not a shared library (no ELF header)");
  }
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB) {
    refuse("the file is not a 64-bit little-endian library");
  }
  if (header.e_machine != kHostMachine) {
    refuse("built for " + std::string(machine_name(header.e_machine)) + ", this host is built for " +
           std::string(machine_name(kHostMachine)));
  }
  if (header.e_type != ET_DYN)
    refuse("the file is not a shared library (ELF type " + std::to_string(header.e_type) + ")");
  return header;
}

}  // namespace

ByteSource::~ByteSource() = default;

bool MemorySource::read(std::uint64_t offset, std::span<std::byte> out) const {
  if (offset > bytes_.size() || out.size() > bytes_.size() - offset) return false;
  if (!out.empty()) std::memcpy(out.data(), bytes_.data() + offset, out.size());
  return true;
}

ElfFile::ElfFile(const ByteSource& source) : source_(source) {
  const Elf64_Ehdr header = read_header(source);
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum > kMaxSegments) {
    refuse("the ELF header has an impossible table of segments");
  }
  read_segments(header.e_phoff, header.e_phnum);
  if (header.e_shnum == 0) return;  // sections are only for tools; without them there is just no description
  if (header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shnum > kMaxSections) {
    refuse("the ELF header has an impossible table of sections");
  }
  read_sections(header.e_shoff, header.e_shnum, header.e_shstrndx);
}

void ElfFile::read_segments(std::uint64_t offset, std::uint16_t count) {
  bool has_code = false;
  for (const Elf64_Phdr& segment : read_table<Elf64_Phdr>(source_, offset, count)) {
    if (segment.p_type == PT_NULL) continue;
    check_inside(source_, segment.p_offset, segment.p_filesz);
    if (segment.p_type == PT_LOAD) {
      has_code = true;
      if (segment.p_filesz > segment.p_memsz) refuse("a segment is larger in the file than in memory");
    }
    if (segment.p_type == PT_NOTE) notes_.push_back({segment.p_offset, segment.p_filesz});
  }
  if (!has_code) refuse("the library holds nothing to load");
}

void ElfFile::read_sections(std::uint64_t offset, std::uint16_t count, std::uint16_t names_index) {
  const auto table = read_table<Elf64_Shdr>(source_, offset, count);
  for (const Elf64_Shdr& section : table) {
    if (section.sh_type == SHT_NULL || section.sh_type == SHT_NOBITS) continue;
    check_inside(source_, section.sh_offset, section.sh_size);
    sections_.push_back({section.sh_name, {section.sh_offset, section.sh_size}});
  }
  if (names_index >= count || table[names_index].sh_type != SHT_STRTAB ||
      table[names_index].sh_size > kMaxNames) {
    refuse("the names of the sections can't be read");
  }
  names_ = text({table[names_index].sh_offset, table[names_index].sh_size});
}

std::string ElfFile::text(Range range) const {
  check_inside(source_, range.offset, range.size);
  std::string bytes(range.size, '\0');
  if (!source_.read(range.offset, std::as_writable_bytes(std::span(bytes)))) {
    refuse("the file can't be read at byte " + std::to_string(range.offset));
  }
  return bytes;
}

std::optional<std::string> ElfFile::note(std::string_view owner) const {
  const auto padded = [](std::uint64_t size) { return (size + 3) & ~std::uint64_t{3}; };
  for (const Range& range : notes_) {
    if (range.size > kMaxNoteSegment) continue;
    const std::string bytes = text(range);
    std::uint64_t at = 0;
    while (bytes.size() - at >= sizeof(Elf64_Nhdr)) {
      Elf64_Nhdr note;
      std::memcpy(&note, bytes.data() + at, sizeof note);
      at += sizeof note;
      const std::uint64_t owner_size = padded(note.n_namesz);
      const std::uint64_t text_size = padded(note.n_descsz);
      if (owner_size > bytes.size() - at || text_size > bytes.size() - at - owner_size) break;
      const std::string_view held(bytes.data() + at, note.n_namesz);
      if (note.n_type == 1 && note.n_descsz <= kMaxNoteText && held.size() == owner.size() + 1 &&
          held.starts_with(owner) && held.back() == '\0') {
        return bytes.substr(at + owner_size, note.n_descsz);
      }
      at += owner_size + text_size;
    }
  }
  return {};
}

std::optional<std::string> ElfFile::section(std::string_view name, std::uint64_t max_bytes) const {
  for (const Section& section : sections_) {
    if (section.name >= names_.size()) continue;
    const std::string_view rest = std::string_view(names_).substr(section.name);
    if (rest.substr(0, rest.find('\0')) != name) continue;
    if (section.range.size > max_bytes) {
      refuse("its section " + std::string(name) + " has " + std::to_string(section.range.size) +
             " bytes, more than the " + std::to_string(max_bytes) + " that it may have");
    }
    return text(section.range);
  }
  return {};
}

std::string ElfFile::run_path() const {
  const std::string table = section(".dynamic", kMaxDynamic).value_or("");
  const std::string names = section(".dynstr", kMaxDynamicNames).value_or("");
  std::string_view old_path;
  for (std::size_t at = 0; table.size() - at >= sizeof(Elf64_Dyn); at += sizeof(Elf64_Dyn)) {
    Elf64_Dyn entry;
    std::memcpy(&entry, table.data() + at, sizeof entry);
    if (entry.d_tag == DT_NULL) break;
    if ((entry.d_tag != DT_RUNPATH && entry.d_tag != DT_RPATH) || entry.d_un.d_val >= names.size()) continue;
    const std::string_view rest = std::string_view(names).substr(entry.d_un.d_val);
    const std::string_view path = rest.substr(0, rest.find('\0'));
    if (entry.d_tag == DT_RUNPATH) return std::string(path);
    old_path = path;
  }
  return std::string(old_path);
}

}  // namespace easylm
