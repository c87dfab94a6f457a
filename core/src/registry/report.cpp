// What the registry's verbs print.
#include "registry/report.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cstdio>
#include <vector>

#include "platform/json_print.h"
#include "registry/table_text.h"

namespace easylm {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostMetrics = 3;  // on a line of the list

std::string metrics_text(const NamedNumbers& metrics, std::size_t most) {
  std::string text;
  for (std::size_t i = 0; i < std::min(metrics.size(), most); ++i) {
    text += (i > 0 ? " " : "") + metrics[i].first + "=" + number_text(metrics[i].second);
  }
  if (metrics.size() > most) text += " ...";
  return text;
}

std::string tags_text(const NamedTexts& tags) {
  std::string text;
  for (const auto& [key, value] : tags) {
    text += (text.empty() ? "" : " ") + key + (value.empty() ? "" : "=" + value);
  }
  return text;
}

std::string joined(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : " ") + item;
  return text;
}

json::object version_json(const VersionRecord& version) {
  json::object tags, metrics;
  for (const auto& [key, value] : version.tags) tags[key] = value;
  for (const auto& [name, value] : version.metrics) metrics[name] = value;
  json::value parent;
  if (!version.parent.empty()) parent = version.parent;
  return {{"name", version.name},
          {"version", version.number},
          {"uri", version.uri()},
          {"step", version.step},
          {"tokens", version.tokens},
          {"run", version.run},
          {"stage", version.stage},
          {"created_at", version.created_at},
          {"bytes", version.bytes},
          {"path", version.path.string()},
          {"format", version.format},
          {"status", version.status},
          {"aliases", json::array(version.aliases.begin(), version.aliases.end())},
          {"tags", std::move(tags)},
          {"metrics", std::move(metrics)},
          {"parent", std::move(parent)}};
}

std::string hex_text(std::uint32_t x) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%08x", x);
  return text.data();
}

}  // namespace

std::string bytes_text(std::int64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "kB", "MB", "GB", "TB"};
  auto amount = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (amount >= 999.5 && unit + 1 < kUnits.size()) {
    amount /= 1000;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 || amount >= 99.5 ? "%.0f %s" : "%.1f %s", amount,
                kUnits[unit]);
  return text.data();
}

std::string list_text(std::span<const VersionRecord> versions) {
  std::vector<TableRow> rows = {
      {"VERSION", "STEP", "TOKENS", "SIZE", "CREATED (UTC)", "STAGE", "METRICS", "ALIASES", "TAGS"}};
  for (const VersionRecord& version : versions) {
    rows.push_back({version.uri(), count_text(version.step), count_text(version.tokens),
                    bytes_text(version.bytes), minute_of(version.created_at), version.stage,
                    metrics_text(version.metrics, kMostMetrics), joined(version.aliases),
                    tags_text(version.tags)});
  }
  return table_text(rows, {false, true, true, true, false, false, false, false, false});
}

std::string list_json(std::span<const VersionRecord> versions) {
  json::array list;
  for (const VersionRecord& version : versions) list.push_back(version_json(version));
  return printed(list);
}

std::string show_text(const VersionDetails& details) {
  const VersionRecord& version = details.version;
  NamedTexts facts = {{"version", version.uri()},
                      {"path", version.path.string()},
                      {"created", version.created_at},
                      {"run", version.run},
                      {"stage", version.stage},
                      {"step", count_text(version.step)},
                      {"tokens", count_text(version.tokens)},
                      {"size", bytes_text(version.bytes)},
                      {"format", version.format},
                      {"status", version.status},
                      {"parent", version.parent},
                      {"dataset", version.dataset},
                      {"aliases", joined(version.aliases)},
                      {"tags", tags_text(version.tags)}};
  for (const auto& [name, value] : version.metrics) facts.emplace_back("metric " + name, number_text(value));
  for (const auto& [name, number] : details.plugins) facts.emplace_back("plugin " + name, number);
  std::vector<TableRow> rows;
  for (const auto& [key, value] : facts) {
    if (!value.empty()) rows.push_back({key, value});
  }
  std::string text = table_text(rows, {false, false}) + "\n";
  std::vector<TableRow> files = {{"FILE", "SIZE", "CRC32C", "SHA-256"}};
  for (const FileFacts& file : details.files) {
    files.push_back({file.path, bytes_text(file.bytes), hex_text(file.crc32c), file.sha256.substr(0, 16)});
  }
  text += table_text(files, {false, true, false, false});
  if (!details.config.empty()) text += "\n" + details.config;
  return text;
}

std::string show_json(const VersionDetails& details) {
  json::object object = version_json(details.version);
  json::array files;
  for (const FileFacts& file : details.files) {
    files.push_back(json::object{{"path", file.path},
                                 {"bytes", file.bytes},
                                 {"crc32c", hex_text(file.crc32c)},
                                 {"sha256", file.sha256}});
  }
  json::object plugins;
  for (const auto& [name, number] : details.plugins) plugins[name] = number;
  object["files"] = std::move(files);
  object["config"] = details.config;
  object["dataset"] = details.version.dataset;
  object["plugins"] = std::move(plugins);
  return printed(object);
}

std::string history_text(const std::string& name, std::span<const AliasMove> moves) {
  std::vector<TableRow> rows = {{"MOVED (UTC)", "TO"}};
  for (const AliasMove& move : moves) {
    rows.push_back({minute_of(move.moved_at), move.number == 0 ? "nowhere" : uri_of(name, move.number)});
  }
  std::reverse(rows.begin() + 1, rows.end());
  return table_text(rows, {false, false});
}

std::string history_json(const std::string& name, std::span<const AliasMove> moves) {
  json::array list;
  for (const AliasMove& move : moves) {
    json::value number, uri;
    if (move.number != 0) {
      number = move.number;
      uri = uri_of(name, move.number);
    }
    list.push_back(json::object{{"version", number}, {"uri", uri}, {"moved_at", move.moved_at}});
  }
  return printed(list);
}

}  // namespace easylm
