// Turns a table of settings into a live component.
#include "plugin/component_maker.h"

#include <exception>
#include <string>
#include <utility>

#include "config/checker.h"
#include "config/diagnostics.h"
#include "config/did_you_mean.h"
#include "easylm/error.h"
#include "plugin/loader.h"

namespace easylm {
namespace {

std::string label(std::string_view kind, std::string_view name) {
  return std::string(kind) + " '" + std::string(name) + "'";
}

// LibTorch's exceptions end in a list of C++ frames that helps nobody who reads a message.
std::string first_part(const std::string& text) {
  return text.substr(0, text.find("\nException raised from"));
}

[[noreturn]] void broke_contract(const LoadedPlugin& plugin, const std::string& what) {
  throw Error(ErrorCode::plugin,
              "plugin " + plugin.manifest.name + " (" + plugin.file.string() + "): " + what,
              "report it to the plugin's author");
}

std::unique_ptr<Component> create(const LoadedPlugin& plugin, const ComponentFactory& factory, Host& host,
                                  const Table& table) {
  const std::string who = label(factory.description.kind, factory.description.name);
  std::unique_ptr<Component> component;
  try {
    component.reset(factory.create(host, table));
  } catch (const Error& error) {
    throw error.within(who);
  } catch (const std::exception& error) {
    broke_contract(plugin, "making " + who + " failed: " + first_part(error.what()));
  } catch (...) {
    broke_contract(plugin, "making " + who + " failed with an exception that is not a std::exception");
  }
  if (!component) broke_contract(plugin, "making " + who + " returned nothing");
  return component;
}

}  // namespace

ComponentMaker::ComponentMaker(const Catalogue& catalogue, std::filesystem::path directory)
    : catalogue_(catalogue), directory_(std::move(directory)) {}

const InspectedPlugin& ComponentMaker::provider(std::string_view kind, std::string_view name) const {
  if (const InspectedPlugin* plugin = catalogue_.provider(kind, name)) return *plugin;
  if (const auto reason = catalogue_.reason_unavailable(kind, name)) {
    const bool is_known = catalogue_.find(kind, name) != nullptr;
    throw Error(is_known ? ErrorCode::device : ErrorCode::plugin,
                label(kind, name) + " can't be used: " + *reason, "`easylm plugins doctor` says more");
  }
  const std::vector<std::string> names = catalogue_.names(kind);
  std::string hint = suggestion(name, names, "there are");
  if (hint.empty()) hint = "no plugin offers any " + std::string(kind) + ": see `easylm plugins doctor`";
  throw Error(ErrorCode::not_found, "there is no " + label(kind, name), std::move(hint));
}

Table ComponentMaker::resolved(std::string_view kind, const Table& table) const {
  Diagnostics diagnostics;
  Checker checker(catalogue_, directory_, diagnostics);
  const std::string where(kind);
  auto result = checker.check_component(Value{table, table.origin}, {where, where, {}, Unset::fill_in});
  if (!result || diagnostics.has_errors()) {
    throw Error(ErrorCode::invalid_config,
                "the settings of " + label(kind, table.type) + " are wrong:\n" + diagnostics.text());
  }
  return std::move(*result);
}

std::shared_ptr<Component> ComponentMaker::make(Host& host, std::string_view kind, const Table& table) const {
  const InspectedPlugin& plugin = provider(kind, table.type);
  const Table settings = resolved(kind, table);
  const LoadedPlugin& loaded = load_plugin(plugin);
  const ComponentFactory* factory = loaded.find(kind, table.type);
  if (factory == nullptr) broke_contract(loaded, "it no longer offers " + label(kind, table.type));
  return create(loaded, *factory, host, settings);  // the shared_ptr is made here, in the host
}

}  // namespace easylm
