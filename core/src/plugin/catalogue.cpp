// Scans plugin folders and decides who provides what.
#include "plugin/catalogue.h"

#include <algorithm>
#include <set>
#include <system_error>
#include <tuple>

#include "easylm/error.h"
#include "platform/gpu.h"

namespace easylm {
namespace {

std::vector<std::filesystem::path> plugins_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code failure;
  std::filesystem::directory_iterator entry(folder, failure);
  for (; !failure && entry != std::filesystem::directory_iterator(); entry.increment(failure)) {
    if (entry->path().extension() == ".so") files.push_back(entry->path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// To know what such a plugin offers it would have to be run.
void refuse_undescribed(InspectedPlugin& plugin) {
  if (!plugin.manifest || plugin.components) return;
  const std::string file = plugin.file.string();
  plugin.reasons.push_back(
      "it has no description of its components in its file, and isn't run to ask it: build it with "
      "easylm_add_plugin, or run `easylm-describe " +
      file + " OUT.json` and `objcopy --add-section .easylm.describe=OUT.json " + file + "`");
}

}  // namespace

std::string_view name_of(PluginStatus status) {
  switch (status) {
    case PluginStatus::available:
      return "available";
    case PluginStatus::unavailable:
      return "unavailable";
    case PluginStatus::refused:
      return "refused";
  }
  return "unknown";
}

// The work of the constructor.
class Catalogue::Scan {
 public:
  Scan(Catalogue& catalogue, const GpuProbe& gpu) : catalogue_(catalogue), gpu_(gpu) {}

  void run() {
    for (const std::filesystem::path& file : catalogue_.path_.files) add(file);
    for (const std::filesystem::path& folder : catalogue_.path_.folders) {
      for (const std::filesystem::path& file : plugins_in(folder)) add(file);
    }
    std::stable_sort(
        catalogue_.entries_.begin(), catalogue_.entries_.end(),
        [](const auto& a, const auto& b) { return std::tie(a.kind, a.name) < std::tie(b.kind, b.name); });
    for (const auto& [id, known] : catalogue_.known_) catalogue_.refused_.erase(id);
  }

 private:
  void add(const std::filesystem::path& path) {
    auto plugin = std::make_unique<InspectedPlugin>(inspect_plugin(path, Trust::checked));
    if (!seen_.insert(plugin->file).second) return;  // two folders, or a link, lead to the same file
    refuse_undescribed(*plugin);
    if (catalogue_.locking_.lock) apply_lock(*plugin);
    const std::optional<std::string> missing =
        plugin->reasons.empty() ? missing_device(*plugin) : std::nullopt;

    CatalogueEntry entry;
    entry.file = plugin->file;
    entry.reasons = plugin->reasons;
    entry.status = plugin->reasons.empty() ? PluginStatus::available : PluginStatus::refused;
    if (plugin->manifest) {
      entry.plugin = plugin->manifest->name;
      entry.version = plugin->manifest->version;
    }
    if (missing) {
      entry.status = PluginStatus::unavailable;
      entry.reasons.push_back(*missing);
    }
    add_components(*plugin, entry);
    catalogue_.plugins_.push_back(std::move(plugin));
  }

  void apply_lock(InspectedPlugin& plugin) {
    const PluginLock& lock = *catalogue_.locking_.lock;
    const LockedPlugin* locked = lock.find(plugin.file);
    if (locked == nullptr) {
      plugin.reasons.push_back("it is not among the locked plugins in " + lock_file(lock.home).string() +
                               ": if it is yours, run " + lock_command(lock.home) + " again");
      return;
    }
    plugin.locked = *locked;
    if (catalogue_.locking_.hashing == Hashing::when_loaded || !plugin.reasons.empty()) return;
    try {
      const auto problem = lock_problem(*locked, PluginFile(plugin.file).sha256());
      if (problem) plugin.reasons.push_back(*problem + ": " + lock_remedy(lock.home));
    } catch (const Error& error) {
      plugin.reasons.push_back(error.message());
    }
  }

  void add_components(const InspectedPlugin& plugin, const CatalogueEntry& model) {
    if (!plugin.components || plugin.components->empty()) {
      catalogue_.entries_.push_back(model);
      return;
    }
    for (const ComponentDescription& component : *plugin.components) {
      CatalogueEntry entry = model;
      entry.kind = component.kind;
      entry.name = component.name;
      entry.id = component.interface;
      settle(plugin, component, entry);
      catalogue_.entries_.push_back(std::move(entry));
    }
  }

  // Who provides this component from now on.
  void settle(const InspectedPlugin& plugin, const ComponentDescription& component, CatalogueEntry& entry) {
    const Id id(component.kind, component.name);
    if (entry.status == PluginStatus::refused) {
      std::string text = "the plugin " + plugin.file.string() + " that offers it is refused";
      for (const std::string& reason : entry.reasons) text += "; " + reason;
      catalogue_.refused_.emplace(id, std::move(text));
      return;
    }
    std::optional<std::string> unavailable;
    if (entry.status == PluginStatus::unavailable) unavailable = entry.reasons.back();
    const auto [winner, is_new] =
        catalogue_.known_.emplace(id, Known{component, &plugin, std::move(unavailable)});
    if (is_new) return;
    entry.status = PluginStatus::refused;
    entry.reasons.push_back("the " + component.kind + " '" + component.name + "' is already provided by " +
                            winner->second.plugin->file.string() +
                            ", which was found first: remove one of them");
  }

  std::optional<std::string> missing_device(const InspectedPlugin& plugin) {
    if (plugin.manifest->cuda == "none") return {};
    if (!asked_) device_ = gpu_ ? gpu_() : gpu_problem();
    asked_ = true;
    return device_;
  }

  Catalogue& catalogue_;
  const GpuProbe& gpu_;
  std::set<std::filesystem::path> seen_;
  bool asked_ = false;
  std::optional<std::string> device_;
};

Catalogue::Catalogue(SearchPath path, const GpuProbe& gpu, Locking locking)
    : path_(std::move(path)), locking_(std::move(locking)) {
  Scan(*this, gpu).run();
}

const InspectedPlugin* Catalogue::provider(std::string_view kind, std::string_view name) const {
  const auto known = known_.find(Id(kind, name));
  return known == known_.end() || known->second.unavailable ? nullptr : known->second.plugin;
}

std::vector<std::string> Catalogue::available(std::string_view kind) const {
  std::vector<std::string> names;
  for (const auto& [id, known] : known_) {
    if (id.first == kind && !known.unavailable) names.push_back(id.second);
  }
  return names;
}

std::vector<std::string> Catalogue::kinds() const {
  std::vector<std::string> kinds;
  for (const auto& [id, known] : known_) {
    if (kinds.empty() || kinds.back() != id.first) kinds.push_back(id.first);
  }
  return kinds;
}

const ComponentDescription* Catalogue::find(std::string_view kind, std::string_view name) const {
  const auto known = known_.find(Id(kind, name));
  return known == known_.end() ? nullptr : &known->second.description;
}

std::vector<std::string> Catalogue::names(std::string_view kind) const {
  std::vector<std::string> names;
  for (const auto& [id, known] : known_) {
    if (id.first == kind) names.push_back(id.second);
  }
  return names;
}

std::optional<std::string> Catalogue::reason_unavailable(std::string_view kind, std::string_view name) const {
  const Id id(kind, name);
  if (const auto known = known_.find(id); known != known_.end()) return known->second.unavailable;
  if (const auto refused = refused_.find(id); refused != refused_.end()) return refused->second;
  return {};
}

PluginLock lock_of(const Catalogue& catalogue, const std::filesystem::path& home) {
  PluginLock lock{home, {}};
  for (const auto& plugin : catalogue.plugins()) {
    if (!plugin->reasons.empty()) continue;
    const PluginFile file(plugin->file);
    std::string sha256 = file.sha256();
    if (file.identity() != plugin->identity || identity_of(plugin->file) != plugin->identity) {
      throw Error(ErrorCode::io, plugin->file.string() + " changed while it was read", "try again");
    }
    lock.plugins.push_back(
        {plugin->file, plugin->manifest->name, plugin->manifest->version, std::move(sha256), home});
  }
  std::ranges::sort(lock.plugins, {}, &LockedPlugin::file);
  return lock;
}

}  // namespace easylm
