// The lock on plugins: which files may be loaded, and what must be in them.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/export.h"

namespace easylm {

struct LockedPlugin {
  std::filesystem::path file;  // absolute, without symbolic links
  std::string name, version;   // as its manifest says: for people
  std::string sha256;          // 64 lower-case hexadecimal digits
  std::filesystem::path home;  // where the lock lies that says so
};

struct EASYLM_API PluginLock {
  std::filesystem::path home;
  std::vector<LockedPlugin> plugins;  // sorted by file

  const LockedPlugin* find(const std::filesystem::path& file) const;  // null if absent
};

// <home>/plugins.lock
EASYLM_API std::filesystem::path lock_file(const std::filesystem::path& home);

// "`easylm --home DIR plugins lock`", for advice; `home` is absolute.
EASYLM_API std::string lock_command(const std::filesystem::path& home);

// The lock of a home; none if it has no such file. Throws Error{invalid_config} that names the line of a
// broken one, or says that it can't be read.
EASYLM_API std::optional<PluginLock> read_plugin_lock(const std::filesystem::path& home);

// Puts `lock` into its home, whole or not at all. Throws Error{io}.
EASYLM_API void write_plugin_lock(const PluginLock& lock);

// Takes the lock of a home away; false if there is none. Throws Error{io}.
EASYLM_API bool remove_plugin_lock(const std::filesystem::path& home);

// Why a plugin's file, of this SHA-256, isn't the one that was locked; none if it is.
EASYLM_API std::optional<std::string> lock_problem(const LockedPlugin& locked, std::string_view sha256);

// What to do then.
EASYLM_API std::string lock_remedy(const std::filesystem::path& home);

}  // namespace easylm
