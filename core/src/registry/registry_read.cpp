// The registry's reading side.
#include <algorithm>

#include "registry/database.h"
#include "registry/queries.h"
#include "registry/registry.h"

namespace easylm {

std::string VersionRecord::uri() const { return uri_of(name, number); }

bool is_protected(const VersionRecord& version) {
  return !version.aliases.empty() || std::any_of(version.tags.begin(), version.tags.end(),
                                                 [](const auto& tag) { return tag.first == "keep"; });
}

std::vector<std::string> Registry::names() const { return Queries(*database_, home_).names(); }

std::vector<VersionRecord> Registry::list(const VersionFilter& filter) const {
  const Snapshot snapshot(*database_);
  const Queries queries(*database_, home_);
  std::vector<VersionRecord> versions = queries.list(filter);
  if (versions.empty() && !filter.name.empty()) queries.resolve({filter.name, 0, std::string(kLatest)});
  return versions;
}

VersionRecord Registry::resolve(std::string_view reference) const {
  const Snapshot snapshot(*database_);
  const Queries queries(*database_, home_);
  const Found found = queries.resolve(parse_reference(reference));
  return queries.version(found.name, found.number).value();
}

VersionDetails Registry::details(std::string_view reference) const {
  const Snapshot snapshot(*database_);
  const Queries queries(*database_, home_);
  const Found found = queries.resolve(parse_reference(reference));
  VersionDetails details;
  details.version = queries.version(found.name, found.number).value();
  details.files = queries.files(found.id);
  Statement run = database_->prepare("SELECT name, config FROM runs WHERE id = ?");
  if (run.bind(details.version.run).step()) {
    details.run_name = run.text(0);
    details.config = run.text(1);
  }
  Statement plugins = database_->prepare("SELECT name, version FROM run_plugins WHERE run = ? ORDER BY name");
  plugins.bind(details.version.run);
  while (plugins.step()) details.plugins.emplace_back(plugins.text(0), plugins.text(1));
  return details;
}

std::vector<AliasMove> Registry::alias_history(const std::string& name, const std::string& alias) const {
  std::vector<AliasMove> moves;
  Statement rows = database_->prepare(
      "SELECT version, moved_at FROM alias_history WHERE name = ? AND alias = ? ORDER BY id");
  rows.bind(name).bind(alias);
  while (rows.step()) moves.push_back({rows.integer(0), rows.text(1)});
  return moves;
}

}  // namespace easylm
