// registry verify: is every version what was saved?
#include "checkpoint/verify.h"

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>

#include "easylm/error.h"
#include "session.h"
#include "verb.h"

namespace easylm::app {
namespace {

// Plugins are looked for when the first damage is found.
FormatMaker formats_of(const std::filesystem::path& home, std::unique_ptr<Session>& session) {
  return [&home, &session](const std::string& name) -> std::shared_ptr<CheckpointFormat> {
    if (!session) session = std::make_unique<Session>(home);
    RunHost host = session->make_host();
    const std::vector<std::string> installed = host.available(CheckpointFormat::kKind);
    if (std::ranges::find(installed, name) == installed.end()) return nullptr;
    return host.make<CheckpointFormat>(Table{.type = name, .settings = {}, .origin = {}});
  };
}

}  // namespace

int verify_versions(const Invocation& invocation) {
  if (invocation.words.empty() != invocation.has("all")) {
    throw Error(ErrorCode::invalid_config, "name the versions to verify, or say --all",
                "easylm registry verify --help says what it takes");
  }
  const Registry registry(invocation.home, RegistryAccess::read);
  FileSystem files;
  std::unique_ptr<Session> session;
  Verifier verifier(registry, files, invocation.has("full") ? VerifyDepth::full : VerifyDepth::quick,
                    formats_of(invocation.home, session));
  VerifyReport report;
  if (invocation.has("all")) report = verifier.verify_all();
  for (const std::string& reference : invocation.words) verifier.verify(reference, report);
  std::cout << (invocation.has("json") ? verify_json(report) : verify_text(report));
  return report.findings.empty() ? 0 : 1;
}

}  // namespace easylm::app
