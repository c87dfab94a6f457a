// check: all that is wrong, or what would be done.
#include <iostream>

#include "pipeline/checkup.h"
#include "session.h"
#include "verb.h"

namespace easylm::app {

int check_pipeline(const Invocation& invocation) {
  Session session(invocation.home);
  Diagnostics diagnostics;
  const auto config = session.load(invocation.words.front(), invocation.list("set"), diagnostics);
  if (invocation.has("json")) {
    std::cout << to_json(diagnostics);
    return config ? 0 : 2;
  }
  report(diagnostics);
  if (!config) return 2;
  std::cout << describe_run(*config, session.catalogue());
  return 0;
}

}  // namespace easylm::app
