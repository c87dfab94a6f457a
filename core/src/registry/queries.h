// The registry's SQL on versions, shared by its reading and its writing side. Its caller holds a
// Transaction or a ReadTransaction, so that all of one call is of one state.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "registry/database.h"
#include "registry/reference.h"
#include "registry/registry.h"

namespace easylm {

// A row of `versions`.
struct Found {
  std::int64_t id = 0;
  std::string name;
  std::int64_t number = 0;
};

void sort_by_name(std::vector<VersionRecord>& versions);  // and then by number

class Queries {
 public:
  // Both outlive this.
  Queries(Database& database, const std::filesystem::path& home) : database_(database), home_(home) {}

  std::vector<std::string> names() const;
  std::int64_t last_number(const std::string& name) const;  // ever given; 0 if none

  // Throws Error{not_found} that says what there is instead.
  Found resolve(const Reference& reference) const;

  std::optional<VersionRecord> version(const std::string& name, std::int64_t number) const;
  std::vector<VersionRecord> list(const VersionFilter& filter) const;
  std::int64_t count(const VersionFilter& filter) const;
  std::vector<VersionRecord> load(std::span<const std::int64_t> ids) const;  // in that order
  std::vector<FileFacts> files(std::int64_t id) const;

  void insert_version(const NewVersion& version, std::int64_t number) const;
  void insert_metrics(std::int64_t id, const NamedNumbers& metrics) const;

 private:
  std::optional<Found> newest(const std::string& name) const;
  std::optional<Found> numbered(const std::string& name, std::int64_t number) const;
  std::optional<Found> aliased(const std::string& name, const std::string& alias) const;
  [[noreturn]] void refuse(const Reference& reference) const;
  std::optional<Found> first(Statement& statement) const;
  std::vector<std::string> column(Statement statement) const;

  Database& database_;
  const std::filesystem::path& home_;
};

}  // namespace easylm
