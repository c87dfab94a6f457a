// Which versions a version was made from, and which were made from it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "easylm/export.h"
#include "registry/database.h"

namespace easylm {

struct Relative {
  std::string uri;
  bool is_removed = false;
  bool is_known = true;  // false: only its URI is
  std::string run, stage, created_at;
  std::int64_t step = 0, tokens = 0;
  std::vector<std::string> parents;
};

struct Lineage {
  std::string uri;                  // of the version that was asked for
  std::vector<Relative> ancestors;  // the nearest first
  Relative self;
  std::vector<Relative> descendants;  // the nearest first
};

// Looks up relatives, many in a row. Lives inside a ReadTransaction.
class LineageReader {
 public:
  explicit LineageReader(Database& database);

  Relative relative(const std::string& uri);  // may be that of a removed version
  Lineage lineage(const std::string& uri);

 private:
  std::vector<std::string> uris(Statement& statement, const std::string& uri);
  // All that `statement` leads to, the nearest first; a circle ends where it began.
  std::vector<Relative> walk(Statement& statement, const std::string& uri);

  Statement parents_, children_, version_;
};

// A tree: a line a version, its children below it. An only child isn't moved to the right.
EASYLM_API std::string lineage_text(const Lineage& lineage);
// {"uri", "ancestors": […], "descendants": […]}, each {"uri", "status": "committed"|"removed"|"unknown",
// "run", "stage", "step", "tokens", "created_at", "parents": [uri]}; what isn't known is null.
EASYLM_API std::string lineage_json(const Lineage& lineage);

}  // namespace easylm
