// config show, config schema.
#include <iostream>

#include "config/json_schema.h"
#include "config/show.h"
#include "session.h"
#include "verb.h"

namespace easylm::app {

int show_config(const Invocation& invocation) {
  Session session(invocation.home);
  Diagnostics diagnostics;
  const auto config = session.load(invocation.words.front(), invocation.list("set"), diagnostics);
  report(diagnostics);
  if (!config) return 2;
  std::cout << show_toml(config->resolved, invocation.has("origin") ? ShowOrigins::yes : ShowOrigins::no);
  return 0;
}

int show_schema(const Invocation& invocation) {
  const Session session(invocation.home);
  std::cout << pipeline_json_schema(session.catalogue());
  return 0;
}

}  // namespace easylm::app
