// What other processes are doing.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "easylm/export.h"

namespace easylm {

// "unknown" if the system doesn't say. [any-thread]
EASYLM_API std::string host_name();

// Whether `process` lives on this machine and is no younger than `since` (as utc_now() writes it): numbers
// are given again, in a container soon. In doubt it lives. [any-thread]
EASYLM_API bool lives_since(pid_t process, std::string_view since);

// "process 812 (easylm)": who holds a lock on `file` for writing; empty if
// nobody does or the system doesn't say. [any-thread]
EASYLM_API std::string writer_of(const std::filesystem::path& file);

// Whether `process` holds a lock on `file` for writing; no if the system doesn't say. [any-thread]
EASYLM_API bool holds_lock(pid_t process, const std::filesystem::path& file);

}  // namespace easylm
