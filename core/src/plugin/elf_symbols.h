// Which symbols a shared object offers to others.
#pragma once

#include <string>
#include <vector>

#include "easylm/export.h"
#include "plugin/elf_file.h"

namespace easylm {

// The names that are defined and visible from outside, sorted. Throws Error{corrupt}.
EASYLM_API std::vector<std::string> exported_symbols(const ElfFile& file);

}  // namespace easylm
