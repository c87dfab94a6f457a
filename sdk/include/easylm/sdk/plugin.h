// Everything that turns an implementation into a plugin:
//
//   class Constant : public easylm::Schedule {
//    public:
//     struct Config {
//       double value = 1e-3;
//       static void describe(easylm::Schema<Config>& s) { s.field("value", &Config::value, "the
//       rate").above(0); }
//     };
//     Constant(easylm::Host&, const Config& config) : value_(config.value) {}
//     double at(std::int64_t) const override { return value_; }
//    private:
//     double value_;
//   };
//
//   EASYLM_PLUGIN("easylm-schedule-constant", "0.1.0") {
//     registrar.component<Constant>("constant", "The same learning rate at every step.");
//   }
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <utility>

#include "easylm/registrar.h"
#include "easylm/sdk/manifest.h"

namespace easylm::sdk {

// What EASYLM_PLUGIN's body sees as `registrar`.
class ComponentRegistrar {
 public:
  explicit ComponentRegistrar(Registrar& registrar) : registrar_(registrar) {}

  // Offers T, whose constructor takes (Host&, const T::Config&), under the name that config files say after
  // `type =`.
  template <typename T>
  void component(std::string name, std::string doc) {
    using Config = typename T::Config;
    Schema<Config> schema;
    Config::describe(schema);
    ComponentFactory factory;
    factory.description = {std::string(T::kKind), std::string(T::kInterface),
                           std::move(name),       std::move(doc),
                           schema.fields(),       schema.presets(),
                           schema.facts(),        schema.tensors(),
                           schema.constraints(),  schema.needs(),
                           schema.makes()};
    factory.create = [schema](Host& host, const Table& table) -> Component* {
      return new T(host, schema.read(table));
    };
    factory.echo = [schema](const Table& table) { return schema.write(schema.read(table)); };
    registrar_.add(std::move(factory));
  }

 private:
  Registrar& registrar_;
};

// Runs `body`; nothing that it throws leaves. 0 if all went well, else 1 and the reason in `error`.
template <typename Body>
int guarded(Body&& body, char* error, std::size_t error_size) noexcept {
  try {
    body();
    return 0;
  } catch (const std::exception& e) {
    std::snprintf(error, error_size, "%s", e.what());
  } catch (...) {
    std::snprintf(error, error_size, "an exception that is not a std::exception");
  }
  return 1;
}

}  // namespace easylm::sdk

// Opens the body of the plugin's one entry point. NAME and VERSION are string literals.
#define EASYLM_PLUGIN(NAME, VERSION)                                                           \
  EASYLM_MANIFEST_NOTE(NAME, VERSION);                                                         \
  static void easylm_register_components(::easylm::sdk::ComponentRegistrar& registrar);        \
  static int easylm_register_guarded(::easylm::Registrar* registrar, char* error,              \
                                     std::size_t error_size) noexcept {                        \
    return ::easylm::sdk::guarded(                                                             \
        [&] {                                                                                  \
          ::easylm::sdk::ComponentRegistrar wrapped(*registrar);                               \
          easylm_register_components(wrapped);                                                 \
        },                                                                                     \
        error, error_size);                                                                    \
  }                                                                                            \
  extern "C" {                                                                                 \
  EASYLM_API extern const EasylmPluginV1 easylm_plugin_v1;                                     \
  constexpr EasylmPluginV1 easylm_plugin_v1{sizeof(EasylmPluginV1), &easylm_register_guarded}; \
  }                                                                                            \
  static void easylm_register_components(::easylm::sdk::ComponentRegistrar& registrar)
