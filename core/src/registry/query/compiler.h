// Turns what a query asks into SQL on `versions v`. Everything that the user wrote is a bound parameter.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "easylm/export.h"
#include "registry/database.h"
#include "registry/query/syntax.h"

namespace easylm::query {

struct Sql {
  std::string text;
  std::vector<Literal> parameters;  // in the order of their question marks

  EASYLM_API void bind(Statement& statement) const;
};

// "SELECT v.id FROM versions v …" of what the query asks for. A query that names no order gives the newest
// first. [any-thread]
EASYLM_API Sql compile(const Query& query);

// The same for a query with a limit that is ordered by one metric: walks along the metric, and looks at each
// version by itself until there are enough. Versions without that metric are left out. None for other
// queries. Much quicker where many versions match, slower where few do.
EASYLM_API std::optional<Sql> compile_walk(const Query& query);

// An expression that is 1 or 0.
EASYLM_API Sql compile(const Condition& condition);

}  // namespace easylm::query
