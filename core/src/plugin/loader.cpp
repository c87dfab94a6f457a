// Loads a plugin that passed inspection, and lets it register its components.
#include "plugin/loader.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>

#define BOOST_DLL_USE_STD_FS
#include <array>
#include <boost/dll/shared_library.hpp>
#include <cstddef>
#include <deque>
#include <exception>
#include <mutex>
#include <set>
#include <utility>

#include "easylm/border.h"
#include "easylm/error.h"
#include "plugin/libraries.h"

namespace easylm {
namespace {

constexpr const char* kSymbol = "easylm_plugin_v1";

// The entry struct as the oldest plugins know it; what it grew since is read only where struct_size covers
// it.
constexpr std::size_t kOldestEntry =
    offsetof(EasylmPluginV1, register_components) + sizeof(EasylmPluginV1::register_components);

// Handles and factories are leaked on purpose: code of a plugin may run until the very end of the process.
struct Leaked {
  std::mutex mutex;
  std::deque<LoadedPlugin> plugins;  // a deque: references stay valid
  struct Library {
    std::filesystem::path file;
    FileIdentity identity;
    bool is_mapped;  // not a copy of it: the inode stays taken
    boost::dll::shared_library handle;
  };
  std::deque<Library> libraries;  // also those that failed to register
};

Leaked& leaked() {
  static auto* const all = new Leaked;
  return *all;
}

[[noreturn]] void refuse(const InspectedPlugin& plugin, const std::string& why, const std::string& remedy) {
  throw Error(ErrorCode::plugin, "plugin " + plugin.file.string() + " can't be used: " + why, remedy);
}

class Collector : public Registrar {
 public:
  explicit Collector(std::vector<ComponentFactory>& factories) : factories_(factories) {}
  void add(ComponentFactory factory) override {
    const ComponentDescription& d = factory.description;
    const std::string id = d.kind + "/" + d.name;
    if (d.kind.empty() || d.name.empty() || d.interface.empty() || !factory.create) {
      throw Error(ErrorCode::plugin,
                  "component '" + id + "' lacks a kind, a name, an interface or a factory");
    }
    if (!names_.insert(id).second)
      throw Error(ErrorCode::plugin, "component '" + id + "' is registered twice");
    factories_.push_back(std::move(factory));
  }

 private:
  std::vector<ComponentFactory>& factories_;
  std::set<std::string> names_;
};

// The entry struct, if the symbol is data and large enough to be one.
const EasylmPluginV1& entry_of(const InspectedPlugin& plugin, const boost::dll::shared_library& library) {
  const std::string remedy = "build it with EASYLM_PLUGIN of this version's SDK";
  void* address = dlsym(library.native(), kSymbol);
  if (address == nullptr) refuse(plugin, std::string("it doesn't export ") + kSymbol, remedy);
  Dl_info info{};
  const ElfW(Sym)* symbol = nullptr;
  if (dladdr1(address, &info, reinterpret_cast<void**>(const_cast<ElfW(Sym)**>(&symbol)), RTLD_DL_SYMENT) ==
          0 ||
      symbol == nullptr || ELF64_ST_TYPE(symbol->st_info) != STT_OBJECT || symbol->st_size < kOldestEntry) {
    refuse(plugin, "its " + std::string(kSymbol) + " is not an EasylmPluginV1", remedy);
  }
  const auto& entry = *static_cast<const EasylmPluginV1*>(address);
  if (entry.struct_size < kOldestEntry || entry.register_components == nullptr) {
    refuse(plugin, "its " + std::string(kSymbol) + " is shorter than this host needs", remedy);
  }
  return entry;
}

std::vector<ComponentFactory> registered_by(const InspectedPlugin& plugin, const EasylmPluginV1& entry) {
  std::vector<ComponentFactory> factories;
  Collector collector(factories);
  std::array<char, 1024> text{};
  int failed = 1;
  try {  // the SDK lets nothing out; a hand-written entry might
    failed = entry.register_components(&collector, text.data(), text.size());
  } catch (const std::exception& e) {
    refuse(plugin, std::string("it threw while registering: ") + e.what(),
           "report it to the plugin's author");
  } catch (...) {
    refuse(plugin, "it threw while registering", "report it to the plugin's author");
  }
  text.back() = '\0';
  if (failed != 0) {
    refuse(plugin, std::string("it failed while registering: ") + text.data(),
           "report it to the plugin's author");
  }
  return factories;
}

std::set<std::string> ids_of(const auto& items, auto description) {
  std::set<std::string> ids;
  for (const auto& item : items) ids.insert(description(item).kind + "/" + description(item).name);
  return ids;
}

void check_description(const InspectedPlugin& plugin, const std::vector<ComponentFactory>& factories) {
  if (!plugin.components) return;
  const auto described = ids_of(
      *plugin.components, [](const auto& item) -> const auto& { return item; });
  const auto held = ids_of(
      factories, [](const auto& item) -> const auto& { return item.description; });
  if (described == held) return;
  std::string difference;
  for (const std::string& id : held) {
    if (!described.contains(id)) difference += " " + id + " is not described;";
  }
  for (const std::string& id : described) {
    if (!held.contains(id)) difference += " " + id + " is described but not there;";
  }
  difference.pop_back();
  refuse(plugin, "its description is stale:" + difference, "rebuild the plugin");
}

// The system's loader knows a library by its path or inode: it would hand out an older one of the same again.
void check_unchanged(const InspectedPlugin& plugin, const Leaked& all) {
  const FileIdentity& now = plugin.identity;
  if (identity_of(plugin.file) != now) refuse(plugin, "the file changed after it was checked", "try again");
  for (const Leaked::Library& old : all.libraries) {
    const bool is_same_inode = old.identity.device == now.device && old.identity.inode == now.inode;
    const bool is_same_file = old.file == plugin.file || (old.is_mapped && is_same_inode);
    if (is_same_file && old.identity != now) {
      refuse(plugin, "an earlier version of it is already loaded into this process",
             "start the process again");
    }
  }
}

// After a failed dlopen of `file`: the plugin's own, or a library that it needs.
[[noreturn]] void cannot_load(const InspectedPlugin& plugin, const std::filesystem::path& file,
                              const std::string& otherwise) {
  const char* words = dlerror();
  const std::string why = words != nullptr ? words : otherwise;
  if (const auto missing = missing_library(plugin, why)) refuse(plugin, missing->message, missing->remedy);
  refuse(plugin, "the system can't load it: " + why,
         "run `ldd -r " + file.string() + "` to see what it lacks");
}

boost::dll::shared_library open(const InspectedPlugin& plugin, const std::filesystem::path& path) {
  boost::dll::fs::error_code failure;
  boost::dll::shared_library library;
  library.load(path, failure, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
  if (failure) cannot_load(plugin, plugin.file, failure.message());
  return library;
}

// What lies at the path of a locked plugin may change between any check and the moment when the system maps
// it. So a sealed copy in memory is what is hashed, and what is loaded.
PluginFile locked_copy(const InspectedPlugin& plugin) {
  try {
    const PluginFile file(plugin.file);
    if (file.identity() != plugin.identity) {
      refuse(plugin, "the file changed after it was checked", "try again");
    }
    PluginFile copy = file.sealed_copy(plugin.file.filename());
    if (const auto problem = lock_problem(*plugin.locked, copy.sha256())) {
      refuse(plugin, *problem, lock_remedy(plugin.locked->home));
    }
    return copy;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::plugin) throw;
    refuse(
        plugin, error.message(),
        "without a lock it is loaded from its file: " + lock_command(plugin.locked->home) + " with --remove");
  }
}

// What a plugin says of the folders of our libraries may lead nowhere: it was built against an installation
// that was moved since, or a copy of it in memory is loaded, which lies in no folder. So the library of ours
// that it needs, and LibTorch with it, must be here already.
void bring_tensor_half(const InspectedPlugin& plugin) {
  const std::filesystem::path library = tensor_library();
  if (dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL) != nullptr) return;
  cannot_load(plugin, library, library.string() + " can't be loaded");
}

boost::dll::shared_library open_locked(const InspectedPlugin& plugin) {
  PluginFile copy = locked_copy(plugin);
  boost::dll::shared_library library = open(plugin, copy.open_path());
  copy.keep_open();  // debuggers and symbolizers find it by its descriptor
  return library;
}

}  // namespace

const ComponentFactory* LoadedPlugin::find(std::string_view kind, std::string_view name) const {
  for (const ComponentFactory& factory : factories) {
    if (factory.description.kind == kind && factory.description.name == name) return &factory;
  }
  return nullptr;
}

const LoadedPlugin& load_plugin(const InspectedPlugin& plugin) {
  EASYLM_CHECK(plugin.reasons.empty() && plugin.manifest, "a refused plugin must not be loaded");
  Leaked& all = leaked();
  const std::lock_guard lock(all.mutex);
  check_unchanged(plugin, all);
  for (const LoadedPlugin& loaded : all.plugins) {
    if (loaded.file == plugin.file) return loaded;
  }
  if (plugin.manifest->torch != "none") bring_tensor_half(plugin);
  auto handle = plugin.locked ? open_locked(plugin) : open(plugin, plugin.file);
  const auto& library = all.libraries.emplace_back(
      Leaked::Library{plugin.file, plugin.identity, !plugin.locked, std::move(handle)});
  auto factories = registered_by(plugin, entry_of(plugin, library.handle));
  check_description(plugin, factories);
  return all.plugins.emplace_back(LoadedPlugin{plugin.file, *plugin.manifest, std::move(factories)});
}

}  // namespace easylm
