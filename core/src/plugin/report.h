// What `easylm plugins list`, `describe` and `doctor` print.
#pragma once

#include <string>
#include <string_view>

#include "easylm/export.h"
#include "plugin/catalogue.h"
#include "plugin/trial.h"

namespace easylm {

// `plugins list`: a table, a component a line; below it what can't be used, with every reason.
EASYLM_API std::string plugins_list(const Catalogue& catalogue);

// The same for scripts: [{"kind","name","id","plugin","version","file","status","reasons"}], on one line.
EASYLM_API std::string plugins_list_json(const Catalogue& catalogue);

// `plugins describe NAME`: every component of that name, with its keys. NAME may be "kind/name" or "kind
// name". Throws Error{not_found} with the nearest name, or Error{plugin} if only a refused plugin offers it.
EASYLM_API std::string plugins_describe(const Catalogue& catalogue, std::string_view name);

// The same for scripts: {"format":1,"components":[…]}, as embedded in plugins.
EASYLM_API std::string plugins_describe_json(const Catalogue& catalogue, std::string_view name);

struct DoctorReport {
  std::string text;
  // Plugins that are refused or gone, and folders that were ignored; not those that only lack a GPU here.
  int num_problems = 0;
};

// `plugins doctor`: what this host is, where it looks, and for each plugin that can't be used: why, and what
// to do. `failures` are those of try_loading().
EASYLM_API DoctorReport plugins_doctor(const Catalogue& catalogue, const LoadFailures& failures);

}  // namespace easylm
