// plugins list, plugins describe, plugins doctor, plugins lock.
#include <chrono>
#include <iostream>

#include "plugin/reference_page.h"
#include "plugin/report.h"
#include "plugin/trial.h"
#include "session.h"
#include "verb.h"

namespace easylm::app {
namespace {

// LibTorch from a cold disk takes some seconds, from a slow network file system more.
constexpr std::chrono::seconds kLoadLimit(60);

}  // namespace

int list_plugins(const Invocation& invocation) {
  const Session session(invocation.home, LockUse::hash_at_once);
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
  const Session session(invocation.home, LockUse::hash_at_once);
  const DoctorReport report =
      plugins_doctor(session.catalogue(), try_loading(session.catalogue(), kLoadLimit));
  std::cout << report.text;
  return report.num_problems == 0 ? 0 : 1;
}

int lock_plugins(const Invocation& invocation) {
  const std::string file = lock_file(invocation.home).string();
  if (invocation.has("remove")) {
    const bool was_there = remove_plugin_lock(invocation.home);
    std::cout << (was_there ? "removed " + file + ": every sound plugin may be loaded again\n"
                            : "there is no lock: " + file + " doesn't exist\n");
    return 0;
  }
  const Session session(invocation.home, LockUse::ignore);
  const PluginLock lock = lock_of(session.catalogue(), invocation.home);
  write_plugin_lock(lock);
  const std::size_t left_out = session.catalogue().plugins().size() - lock.plugins.size();
  std::cout << "locked " << lock.plugins.size() << " plugins in " << file;
  if (left_out > 0)
    std::cout << "; left out " << left_out << " that are refused: easylm plugins doctor says why";
  std::cout << "\n";
  return 0;
}

}  // namespace easylm::app
