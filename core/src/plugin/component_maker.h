// Makes components by name: finds the plugin, loads it when it is first needed, and fences in its code.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "easylm/component.h"
#include "easylm/export.h"
#include "easylm/host.h"
#include "plugin/catalogue.h"

namespace easylm {

class EASYLM_API ComponentMaker {
 public:
  // `catalogue` must outlive this. Relative paths in unchecked settings start at `directory`, which is
  // absolute.
  ComponentMaker(const Catalogue& catalogue, std::filesystem::path directory);

  // A new component of `kind`, of the type that `table` names. Settings are checked, and defaults filled in,
  // if that hasn't happened yet. Throws
  //   Error{not_found}       no plugin offers it; the hint names the nearest
  //   Error{device}          it needs a GPU that isn't here
  //   Error{plugin}          its plugin is refused, or broke its contract: threw something foreign, returned
  //   nothing Error{invalid_config}  its settings are wrong what the component threw itself, with its name in
  //   front.
  // [any-thread]
  std::shared_ptr<Component> make(Host& host, std::string_view kind, const Table& table) const;

 private:
  const InspectedPlugin& provider(std::string_view kind, std::string_view name) const;
  Table resolved(std::string_view kind, const Table& table) const;

  const Catalogue& catalogue_;
  std::filesystem::path directory_;
};

}  // namespace easylm
