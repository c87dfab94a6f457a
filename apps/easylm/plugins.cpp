// plugins list, plugins describe, plugins doctor.
#include <iostream>

#include "plugin/reference_page.h"
#include "plugin/report.h"
#include "session.h"
#include "verb.h"

namespace easylm::app {

int list_plugins(const Invocation& invocation) {
  const Session session(invocation.home);
  std::cout << (invocation.has("json") ? plugins_list_json(session.catalogue())
                                       : plugins_list(session.catalogue()));
  return 0;
}

int describe_plugin(const Invocation& invocation) {
  const Session session(invocation.home);
  if (invocation.has("markdown")) {
    std::cout << reference_page(session.catalogue());
    return 0;
  }
  if (invocation.words.empty()) {
    throw Error(ErrorCode::invalid_config, "usage: easylm plugins describe NAME",
                "easylm plugins list shows the names");
  }
  const std::string& name = invocation.words.front();
  std::cout << (invocation.has("json") ? plugins_describe_json(session.catalogue(), name)
                                       : plugins_describe(session.catalogue(), name));
  return 0;
}

int diagnose_plugins(const Invocation& invocation) {
  const Session session(invocation.home);
  const DoctorReport report = plugins_doctor(session.catalogue());
  std::cout << report.text;
  return report.num_problems == 0 ? 0 : 1;
}

}  // namespace easylm::app
