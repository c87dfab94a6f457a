// registry query, registry sql.
#include <cmath>
#include <iostream>

#include "easylm/error.h"
#include "registry/registry.h"
#include "registry/report.h"
#include "registry/sql_console.h"
#include "verb.h"

namespace easylm::app {

int query_versions(const Invocation& invocation) {
  const Registry registry(invocation.home, RegistryAccess::read);
  const QueryResult result = registry.query(invocation.words.front(), most_versions(invocation));
  std::cout << (invocation.has("json") ? list_json(result.versions) : list_text(result.versions));
  if (!result.note.empty()) std::cerr << "note: " << result.note << "\n";
  if (!invocation.has("json")) {
    say_how_many_more(static_cast<std::int64_t>(result.versions.size()), result.num_found);
  }
  return 0;
}

int run_sql(const Invocation& invocation) {
  const double timeout_s = invocation.real("timeout");
  if (!(timeout_s > 0) || !std::isfinite(timeout_s) || timeout_s > 86400) {
    throw Error(ErrorCode::invalid_config, "--timeout takes seconds above 0, a day at most",
                "the default is 10");
  }
  const Registry registry(invocation.home, RegistryAccess::read);
  const SqlTable table = registry.select(invocation.words.front(), timeout_s);
  std::cout << (invocation.has("json") ? sql_json(table) : sql_text(table));
  return 0;
}

}  // namespace easylm::app
