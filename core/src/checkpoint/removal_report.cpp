// What `registry gc` prints.
#include <boost/json.hpp>

#include "checkpoint/removal.h"
#include "platform/json_print.h"
#include "registry/report.h"

namespace easylm {

namespace json = boost::json;

std::int64_t GarbageReport::bytes() const {
  std::int64_t sum = 0;
  for (const Orphan& orphan : orphans) sum += orphan.bytes;
  for (const RemovedVersion& version : versions) sum += version.bytes;
  return sum;
}

std::string garbage_text(const GarbageReport& report, GarbageMode mode) {
  const bool look = mode == GarbageMode::look;
  const std::string removed = look ? "would remove " : "removed ";
  std::string text;
  for (const RemovedVersion& version : report.versions) {
    text += removed + version.uri + " (" + bytes_text(version.bytes) + ")\n";
  }
  for (const Orphan& orphan : report.orphans) {
    text += removed + orphan.path.string() + " (" + bytes_text(orphan.bytes) + "): " + orphan.why + "\n";
  }
  for (const std::string& run : report.runs) {
    text +=
        (look ? "would mark the run " : "marked the run ") + run + " as interrupted: its process is dead\n";
  }
  for (const std::string& kept : report.kept) text += "kept " + kept + "\n";
  for (const std::string& uri : report.lost) text += uri + " has lost its folder: nothing was done\n";
  return text + bytes_text(report.bytes()) + (look ? " would be freed\n" : " freed\n");
}

std::string garbage_json(const GarbageReport& report, GarbageMode mode) {
  json::array orphans, versions;
  for (const Orphan& orphan : report.orphans) {
    orphans.push_back(
        json::object{{"path", orphan.path.string()}, {"bytes", orphan.bytes}, {"why", orphan.why}});
  }
  for (const RemovedVersion& version : report.versions) {
    versions.push_back(json::object{{"uri", version.uri}, {"bytes", version.bytes}});
  }
  return printed(json::object{{"dry_run", mode == GarbageMode::look},
                              {"bytes", report.bytes()},
                              {"orphans", std::move(orphans)},
                              {"versions", std::move(versions)},
                              {"kept", json::array(report.kept.begin(), report.kept.end())},
                              {"runs", json::array(report.runs.begin(), report.runs.end())},
                              {"lost", json::array(report.lost.begin(), report.lost.end())}});
}

}  // namespace easylm
