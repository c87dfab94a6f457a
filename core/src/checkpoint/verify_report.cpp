// What `registry verify` prints.
#include <boost/json.hpp>

#include "checkpoint/verify.h"
#include "platform/json_print.h"
#include "registry/report.h"

namespace easylm {

std::string verify_text(const VerifyReport& report) {
  std::string text;
  for (const Finding& finding : report.findings) text += finding.version + ": " + finding.message + "\n";
  for (const Orphan& orphan : report.leftovers) {
    text += orphan.path.string() + ": " + orphan.why + "; `easylm registry gc` removes it\n";
  }
  const auto counted = [](std::int64_t count, const char* word) {
    return std::to_string(count) + " " + word + (count == 1 ? "" : "s");
  };
  return text + counted(report.versions, "version") + ", " + counted(report.files, "file") + ", " +
         bytes_text(report.bytes) + ": " +
         (report.findings.empty()
              ? "all is as it was saved\n"
              : counted(static_cast<std::int64_t>(report.findings.size()), "problem") + "\n");
}

std::string verify_json(const VerifyReport& report) {
  boost::json::array findings, leftovers;
  for (const Finding& finding : report.findings) {
    findings.push_back(boost::json::object{{"kind", name_of(finding.damage)},
                                           {"version", finding.version},
                                           {"path", finding.path},
                                           {"tensor", finding.tensor},
                                           {"message", finding.message}});
  }
  for (const Orphan& orphan : report.leftovers) {
    leftovers.push_back(
        boost::json::object{{"path", orphan.path.string()}, {"bytes", orphan.bytes}, {"why", orphan.why}});
  }
  return printed(boost::json::object{{"ok", report.findings.empty()},
                                     {"versions", report.versions},
                                     {"files", report.files},
                                     {"bytes", report.bytes},
                                     {"findings", std::move(findings)},
                                     {"leftovers", std::move(leftovers)}});
}

}  // namespace easylm
