// Reads and writes plugins.lock.
#include "plugin/lock.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include "config/diagnostics.h"
#include "config/document.h"
#include "config/show.h"
#include "easylm/error.h"
#include "platform/files.h"

namespace easylm {
namespace {

constexpr std::size_t kShownDigits = 12;
constexpr std::size_t kDigits = 64;

[[noreturn]] void refuse(const std::filesystem::path& home, const std::string& why) {
  const std::string command = lock_command(home);
  throw Error(ErrorCode::invalid_config, "the lock on plugins is broken: " + why,
              command + " writes it anew, with --remove it is taken away");
}

[[noreturn]] void refuse(const std::filesystem::path& home, const Origin& at, const std::string& why) {
  refuse(home, lock_file(home).string() + ":" + std::to_string(at.line) + ": " + why);
}

bool is_sha256(const std::string& text) {
  return text.size() == kDigits && text.find_first_not_of("0123456789abcdef") == text.npos;
}

// Reads one [[plugin]]: exactly these four texts.
LockedPlugin plugin_of(const std::filesystem::path& home, const Value& value) {
  const auto* table = value.as<Table>();
  if (table == nullptr) refuse(home, value.origin, "a table [[plugin]] is expected");
  LockedPlugin plugin;
  plugin.home = home;
  std::string file;
  const std::array<std::pair<std::string_view, std::string*>, 4> members = {
      {{"file", &file}, {"name", &plugin.name}, {"version", &plugin.version}, {"sha256", &plugin.sha256}}};
  for (const Setting& setting : table->settings) {
    const auto* text = setting.value.as<std::string>();
    const auto member = std::ranges::find(members, std::string_view(setting.key),
                                          &std::pair<std::string_view, std::string*>::first);
    if (member == members.end())
      refuse(home, setting.value.origin, "the key '" + setting.key + "' is unknown");
    if (text == nullptr || text->empty()) refuse(home, setting.value.origin, "a text is expected");
    *member->second = *text;
  }
  for (const auto& [key, text] : members) {
    if (text->empty()) refuse(home, value.origin, "the plugin has no '" + std::string(key) + "'");
  }
  plugin.file = file;
  if (!plugin.file.is_absolute()) refuse(home, value.origin, "'" + file + "' is no absolute path");
  if (!is_sha256(plugin.sha256)) {
    refuse(home, value.origin, "'" + plugin.sha256 + "' is no SHA-256: 64 digits 0-9, a-f are expected");
  }
  return plugin;
}

std::string text_of(const PluginLock& lock) {
  std::string text = "# Only these plugins may be loaded with this home, as they are now. Written by " +
                     lock_command(lock.home) + "; to undo it: the same with --remove.\n";
  for (const LockedPlugin& plugin : lock.plugins) {
    text += "\n[[plugin]]\n";
    text += "file = " + toml_text({plugin.file.string(), {}}) + "\n";
    text += "name = " + toml_text({plugin.name, {}}) + "\n";
    text += "version = " + toml_text({plugin.version, {}}) + "\n";
    text += "sha256 = " + toml_text({plugin.sha256, {}}) + "\n";
  }
  return text;
}

}  // namespace

const LockedPlugin* PluginLock::find(const std::filesystem::path& file) const {
  const auto found = std::ranges::find(plugins, file, &LockedPlugin::file);
  return found == plugins.end() ? nullptr : &*found;
}

std::filesystem::path lock_file(const std::filesystem::path& home) { return home / "plugins.lock"; }

std::string lock_command(const std::filesystem::path& home) {
  return "`easylm --home " + home.string() + " plugins lock`";
}

std::optional<PluginLock> read_plugin_lock(const std::filesystem::path& home) {
  FileSystem files;
  const std::filesystem::path file = lock_file(home);
  std::error_code failure;
  const auto type = std::filesystem::symlink_status(file, failure).type();
  if (type == std::filesystem::file_type::not_found) return {};
  if (failure) refuse(home, file.string() + " can't be examined: " + failure.message());
  std::string text;
  try {
    text = files.read_file(file, kMaxDocumentBytes);
  } catch (const Error& error) {
    refuse(home, error.message());
  }
  Diagnostics diagnostics;
  const auto root = parse_document(text, file.string(), diagnostics);
  if (!root) {
    const Diagnostic first = diagnostics.sorted().front();
    refuse(home, Origin{.line = first.line}, first.message);
  }
  PluginLock lock{home, {}};
  for (const Setting& setting : root->settings) {
    const auto* list = setting.value.as<List>();
    if (setting.key != "plugin" || list == nullptr) {
      refuse(home, setting.value.origin, "only tables [[plugin]] are expected");
    }
    for (const Value& value : *list) {
      LockedPlugin plugin = plugin_of(home, value);
      if (lock.find(plugin.file) != nullptr) {
        refuse(home, value.origin, plugin.file.string() + " is there twice");
      }
      lock.plugins.push_back(std::move(plugin));
    }
  }
  return lock;
}

void write_plugin_lock(const PluginLock& lock) {
  FileSystem files;
  files.create_folders(lock.home);
  const std::filesystem::path file = lock_file(lock.home);
  const std::filesystem::path fresh = file.string() + ".tmp-" + std::to_string(getpid());
  files.remove_tree(fresh);  // of a process of that number that was killed
  files.write_new_file(fresh, text_of(lock));
  files.sync_file(fresh);
  files.rename(fresh, file);
  files.sync_folder(lock.home);
}

bool remove_plugin_lock(const std::filesystem::path& home) {
  FileSystem files;
  const std::filesystem::path file = lock_file(home);
  if (!files.exists(file)) return false;
  files.remove_tree(file);
  files.sync_folder(home);
  return true;
}

std::optional<std::string> lock_problem(const LockedPlugin& locked, std::string_view sha256) {
  if (locked.sha256 == sha256) return {};
  return "it isn't what was locked: its SHA-256 is " + std::string(sha256.substr(0, kShownDigits)) + "…, " +
         lock_file(locked.home).string() + " says " + locked.sha256.substr(0, kShownDigits) + "…";
}

std::string lock_remedy(const std::filesystem::path& home) {
  return "if the change is yours, run " + lock_command(home) + " again; if not, find out whose it is";
}

}  // namespace easylm
