// Every plugin on the search path and every component in them, known without running any of their code.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/descriptions.h"
#include "easylm/export.h"
#include "plugin/inspect.h"
#include "plugin/lock.h"
#include "plugin/search_path.h"

namespace easylm {

enum class PluginStatus {
  available,
  unavailable,  // sound, but it needs a GPU that isn't here
  refused,      // can't be loaded into this host, or another one has taken its component's name
};

EASYLM_API std::string_view name_of(PluginStatus status);  // "available"

// One component of one plugin; a plugin whose components can't be known has one entry without kind and name.
struct CatalogueEntry {
  std::string kind, name;
  std::string id;               // the interface: "easylm.tokenizer/1"
  std::string plugin, version;  // from the manifest; empty if it can't be read
  std::filesystem::path file;
  PluginStatus status = PluginStatus::available;
  std::vector<std::string> reasons;  // empty if available
};

// Why no GPU can be used; none if one can. Asked at most once, and only if a plugin needs one.
using GpuProbe = std::function<std::optional<std::string>()>;

// When the SHA-256 of a locked plugin is compared with its lock's. Before it is loaded, in any case.
enum class Hashing { when_loaded, at_once };

struct Locking {
  std::optional<PluginLock> lock;  // none: every plugin that is sound may be loaded
  Hashing hashing = Hashing::when_loaded;
};

class EASYLM_API Catalogue : public Descriptions {
 public:
  // Looks at the single files, then scans the folders in order; the first plugin that offers a component
  // wins. Runs no code of any plugin: one whose file doesn't hold its description is refused. [setup]
  explicit Catalogue(SearchPath path, const GpuProbe& gpu = {}, Locking locking = {});

  const std::vector<CatalogueEntry>& entries() const {
    return entries_;
  }  // by kind, name, and order of search
  const SearchPath& path() const { return path_; }
  const std::optional<PluginLock>& lock() const { return locking_.lock; }
  const std::vector<std::unique_ptr<InspectedPlugin>>& plugins() const {
    return plugins_;
  }  // each file once, in order of search

  // The plugin that provides a component, to be loaded; null if none does or it can't be used. [any-thread]
  const InspectedPlugin* provider(std::string_view kind, std::string_view name) const;

  std::vector<std::string> available(std::string_view kind) const;  // names that can be made, sorted
  std::vector<std::string> kinds() const;                           // of everything that find() knows, sorted

  const ComponentDescription* find(std::string_view kind, std::string_view name) const override;
  std::vector<std::string> names(std::string_view kind) const override;
  std::optional<std::string> reason_unavailable(std::string_view kind, std::string_view name) const override;

 private:
  using Id = std::pair<std::string, std::string>;
  struct Known {
    ComponentDescription description;
    const InspectedPlugin* plugin;
    std::optional<std::string> unavailable;
  };
  class Scan;

  SearchPath path_;
  Locking locking_;
  std::vector<std::unique_ptr<InspectedPlugin>> plugins_;
  std::map<Id, Known> known_;
  std::map<Id, std::string> refused_;  // components that only refused plugins offer
  std::vector<CatalogueEntry> entries_;
};

// What a lock of `home` would say of the plugins that aren't refused. Throws Error{io} if one of them changed
// since it was looked at.
EASYLM_API PluginLock lock_of(const Catalogue& catalogue, const std::filesystem::path& home);

}  // namespace easylm
