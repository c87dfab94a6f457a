// The registry's reading side.
#include <algorithm>

#include "registry/curves.h"
#include "registry/database.h"
#include "registry/lineage.h"
#include "registry/queries.h"
#include "registry/registry.h"

namespace easylm {
namespace {

// Also of a removed version, if it is named by its number.
std::string known_uri(Database& database, const std::filesystem::path& home, std::string_view text) {
  const Reference reference = parse_reference(text);
  std::string uri = uri_of(reference.name, reference.number);
  if (reference.number != 0 && LineageReader(database).relative(uri).is_known) return uri;
  const Found found = Queries(database, home).resolve(reference);
  return uri_of(found.name, found.number);
}

}  // namespace

std::string VersionRecord::uri() const { return uri_of(name, number); }

bool is_protected(const VersionRecord& version) {
  return !version.aliases.empty() || std::any_of(version.tags.begin(), version.tags.end(),
                                                 [](const auto& tag) { return tag.first == "keep"; });
}

std::vector<std::string> Registry::names() const { return Queries(*database_, home_).names(); }

std::vector<UnfinishedRun> Registry::unfinished_runs() const {
  std::vector<UnfinishedRun> runs;
  Statement rows = database_->prepare(
      "SELECT id, name, host, started_at, pid FROM runs WHERE status = 'running' ORDER BY started_at, id");
  while (rows.step())
    runs.push_back({rows.text(0), rows.text(1), rows.text(2), rows.text(3), rows.integer(4)});
  return runs;
}

std::vector<VersionRecord> Registry::list(const VersionFilter& filter) const {
  const ReadTransaction snapshot(*database_);
  const Queries queries(*database_, home_);
  std::vector<VersionRecord> versions = queries.list(filter);
  if (versions.empty() && !filter.name.empty()) queries.resolve({filter.name, 0, std::string(kLatest)});
  return versions;
}

VersionRecord Registry::resolve(std::string_view reference) const {
  const ReadTransaction snapshot(*database_);
  const Queries queries(*database_, home_);
  const Found found = queries.resolve(parse_reference(reference));
  return queries.version(found.name, found.number).value();
}

VersionDetails Registry::details(std::string_view reference) const {
  const ReadTransaction snapshot(*database_);
  const Queries queries(*database_, home_);
  const Found found = queries.resolve(parse_reference(reference));
  VersionDetails details;
  details.version = queries.version(found.name, found.number).value();
  details.files = queries.files(found.id);
  Statement run = database_->prepare("SELECT name, status, config FROM runs WHERE id = ?");
  if (run.bind(details.version.run).step()) {
    details.run_name = run.text(0);
    details.run_status = run.text(1);
    details.config = run.text(2);
  }
  Statement plugins = database_->prepare("SELECT name, version FROM run_plugins WHERE run = ? ORDER BY name");
  plugins.bind(details.version.run);
  while (plugins.step()) details.plugins.emplace_back(plugins.text(0), plugins.text(1));
  return details;
}

std::int64_t Registry::count(const VersionFilter& filter) const {
  return Queries(*database_, home_).count(filter);
}

Lineage Registry::lineage(std::string_view reference) const {
  const ReadTransaction snapshot(*database_);
  return LineageReader(*database_).lineage(known_uri(*database_, home_, reference));
}

VersionCurves Registry::curves(std::string_view reference) const {
  const ReadTransaction snapshot(*database_);
  return curves_of(*database_, known_uri(*database_, home_, reference));
}

}  // namespace easylm
