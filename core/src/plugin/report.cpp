// Lists, descriptions and advice about plugins, as text and as JSON.
#include "plugin/report.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <map>
#include <set>
#include <sstream>
#include <system_error>
#include <vector>

#include "config/did_you_mean.h"
#include "config/show.h"
#include "easylm/error.h"
#include "plugin/description_json.h"

namespace easylm {
namespace {

using Row = std::vector<std::string>;

// Rows as columns that line up; the last column is left as it is.
std::string table_of(const std::vector<Row>& rows, std::string_view indent) {
  std::vector<std::size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    text += indent;
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] - row[i].size() + 2, ' ');
    }
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
  }
  return text;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

// What can't be used: each file once, with what it offers and every reason.
std::string problems_of(const std::vector<CatalogueEntry>& all) {
  std::map<std::pair<std::filesystem::path, std::vector<std::string>>, std::vector<const CatalogueEntry*>>
      files;
  for (const CatalogueEntry& entry : all) {
    if (entry.status != PluginStatus::available) files[{entry.file, entry.reasons}].push_back(&entry);
  }
  std::string text;
  for (const auto& [key, entries] : files) {
    const CatalogueEntry& first = *entries.front();
    std::vector<std::string> offers;
    for (const CatalogueEntry* entry : entries) {
      if (!entry->kind.empty()) offers.push_back(entry->kind + " '" + entry->name + "'");
    }
    text += key.first.string() + " is " + std::string(name_of(first.status));
    if (!first.plugin.empty()) text += "\n  it is " + first.plugin + " " + first.version;
    if (!offers.empty()) text += ", with " + joined(offers);
    text += "\n";
    for (const std::string& reason : key.second) text += "  - " + reason + "\n";
  }
  return text;
}

// What a lock does, if there is one.
std::string lock_line(const Catalogue& catalogue) {
  if (!catalogue.lock()) return {};
  const PluginLock& lock = *catalogue.lock();
  return "A lock is in force: " + lock_file(lock.home).string() + " lists the " +
         std::to_string(lock.plugins.size()) + " plugins that may be loaded; " + lock_command(lock.home) +
         " renews it, with --remove it is taken away.\n";
}

// The entries, with what trying them brought to light.
std::vector<CatalogueEntry> with_failures(std::vector<CatalogueEntry> entries, const LoadFailures& failures) {
  for (CatalogueEntry& entry : entries) {
    const auto failure = failures.find(entry.file);
    if (failure == failures.end() || entry.status != PluginStatus::available) continue;
    entry.status = PluginStatus::refused;
    entry.reasons.push_back(failure->second);
  }
  return entries;
}

// Locked plugins that weren't found.
std::vector<std::string> gone_plugins(const Catalogue& catalogue) {
  std::vector<std::string> gone;
  if (!catalogue.lock()) return gone;
  std::set<std::filesystem::path> found;
  for (const auto& plugin : catalogue.plugins()) found.insert(plugin->file);
  for (const LockedPlugin& locked : catalogue.lock()->plugins) {
    if (!found.contains(locked.file)) gone.push_back(locked.file.string());
  }
  return gone;
}

std::string number_text(double x) { return toml_text({x, {}}); }

std::string default_text(const Field& field) {
  if (!field.default_value) return field.is_optional ? "unset" : "required";
  if (const auto* table = field.default_value->as<Table>()) return "\"" + table->type + "\"";
  return toml_text(*field.default_value);
}

std::string range_text(const Field& field) {
  std::string text;
  if (field.minimum) text += (field.exclusive_minimum ? "> " : ">= ") + number_text(*field.minimum);
  if (field.maximum) text += (text.empty() ? "<= " : ", <= ") + number_text(*field.maximum);
  for (const std::string& choice : field.choices) text += (text.empty() ? "" : " | ") + choice;
  return text;
}

std::string type_text(const Field& field) {
  std::string text(field.type == FieldType::component ? field.component_kind : name_of(field.type));
  if (!field.unit.empty()) text += " (" + field.unit + ")";
  return text;
}

void add_rows(const std::vector<Field>& fields, const std::string& prefix, std::vector<Row>& rows) {
  for (const Field& field : fields) {
    rows.push_back({prefix + field.key, type_text(field), default_text(field), range_text(field), field.doc});
    add_rows(field.fields, prefix + field.key + (field.type == FieldType::tables ? ".NAME." : "."), rows);
  }
}

std::string describe(const ComponentDescription& component, const CatalogueEntry& entry) {
  std::ostringstream out;
  out << component.kind << " '" << component.name << "': " << component.doc << "\n  "
      << component.interface << ", from " << entry.plugin << " " << entry.version << " ("
      << entry.file.string() << ")\n";
  for (const std::string& reason : entry.reasons)
    out << "  " << name_of(entry.status) << ": " << reason << "\n";
  std::vector<Row> rows{{"KEY", "TYPE", "DEFAULT", "ALLOWED", "MEANING"}};
  add_rows(component.fields, "", rows);
  if (rows.size() == 1) {
    out << "\n  It has no settings.\n";
  } else {
    out << "\n" << table_of(rows, "  ");
  }
  std::vector<std::string> words;
  for (const Preset& preset : component.presets) words.push_back(preset.name);
  if (!words.empty()) out << "\n  presets: " << joined(words) << "\n";
  words.clear();
  for (const Port& port : component.needs)
    words.push_back(port.name + (port.required ? "" : " (if there is one)"));
  if (!words.empty()) out << "\n  needs: " << joined(words) << "\n";
  if (!component.makes.empty()) out << "  makes: " << joined(component.makes) << "\n";
  for (const Constraint& rule : component.constraints) out << "  rule: " << rule.expression << "\n";
  return out.str();
}

// Components that can be described, by "name", "kind/name" or "kind name".
std::vector<const CatalogueEntry*> matches(const Catalogue& catalogue, std::string_view name) {
  const std::size_t split = name.find_first_of("/ ");
  const std::string_view kind = split == name.npos ? std::string_view() : name.substr(0, split);
  const std::string_view word = split == name.npos ? name : name.substr(split + 1);
  std::vector<const CatalogueEntry*> found;
  std::vector<std::string> names;
  for (const CatalogueEntry& entry : catalogue.entries()) {
    if (entry.status == PluginStatus::refused || catalogue.find(entry.kind, entry.name) == nullptr) continue;
    names.push_back(entry.name);
    if (entry.name == word && (kind.empty() || entry.kind == kind)) found.push_back(&entry);
  }
  if (!found.empty()) return found;
  for (const CatalogueEntry& entry : catalogue.entries()) {
    if (entry.name != word || (!kind.empty() && entry.kind != kind)) continue;
    throw Error(ErrorCode::plugin,
                entry.kind + " '" + entry.name + "' can't be described: " +
                    catalogue.reason_unavailable(entry.kind, entry.name).value_or("its plugin is refused"),
                "`easylm plugins doctor` says more");
  }
  throw Error(ErrorCode::not_found, "no plugin offers a component '" + std::string(name) + "'",
              suggestion(word, names, "there are"));
}

}  // namespace

std::string plugins_list(const Catalogue& catalogue) {
  std::vector<Row> rows{{"KIND", "NAME", "STATUS", "PLUGIN", "VERSION", "FILE"}};
  for (const CatalogueEntry& entry : catalogue.entries()) {
    const auto or_dash = [](const std::string& text) { return text.empty() ? std::string("-") : text; };
    rows.push_back({or_dash(entry.kind), or_dash(entry.name), std::string(name_of(entry.status)),
                    or_dash(entry.plugin), or_dash(entry.version), entry.file.string()});
  }
  if (rows.size() == 1)
    return "no plugins were found: `easylm plugins doctor` says where they are looked for\n";
  const std::string problems = problems_of(catalogue.entries());
  const std::string lock = lock_line(catalogue);
  return table_of(rows, "") + (lock.empty() ? "" : "\n" + lock) + (problems.empty() ? "" : "\n" + problems);
}

std::string plugins_list_json(const Catalogue& catalogue) {
  boost::json::array list;
  for (const CatalogueEntry& entry : catalogue.entries()) {
    list.push_back({{"kind", entry.kind},
                    {"name", entry.name},
                    {"id", entry.id},
                    {"plugin", entry.plugin},
                    {"version", entry.version},
                    {"file", entry.file.string()},
                    {"status", name_of(entry.status)},
                    {"reasons", boost::json::array(entry.reasons.begin(), entry.reasons.end())}});
  }
  return boost::json::serialize(list) + "\n";
}

std::string plugins_describe(const Catalogue& catalogue, std::string_view name) {
  std::string text;
  for (const CatalogueEntry* entry : matches(catalogue, name)) {
    if (!text.empty()) text += "\n";
    text += describe(*catalogue.find(entry->kind, entry->name), *entry);
  }
  return text;
}

std::string plugins_describe_json(const Catalogue& catalogue, std::string_view name) {
  std::vector<ComponentDescription> components;
  for (const CatalogueEntry* entry : matches(catalogue, name)) {
    components.push_back(*catalogue.find(entry->kind, entry->name));
  }
  return descriptions_to_json(components);
}

DoctorReport plugins_doctor(const Catalogue& catalogue, const LoadFailures& failures) {
  const PluginManifest& host = PluginManifest::of_host();
  std::ostringstream out;
  out << "This host is EasyLM " << host.version << ", plugin API " << host.api_major << "." << host.api_minor
      << ", " << host.compiler << ", libstdc++ " << host.libstdcxx << ", "
      << (host.torch == "none" ? "without LibTorch" : "LibTorch " + host.torch) << ", sanitizer "
      << host.sanitizer << ", layout " << host.layout << ".\n\nIt looks for plugins in\n";
  std::vector<Row> rows;
  for (const std::filesystem::path& folder : catalogue.path().folders) {
    std::error_code failure;
    const bool is_there = std::filesystem::is_directory(folder, failure);
    rows.push_back({folder.string(), is_there ? "" : "(not there)"});
  }
  out << table_of(rows, "  ");
  for (const std::string& warning : catalogue.path().warnings) out << "  warning: " << warning << "\n";
  const std::vector<std::string> gone = gone_plugins(catalogue);
  if (catalogue.lock()) out << "\n" << lock_line(catalogue);
  for (const std::string& file : gone) out << "  warning: " << file << " is locked and not there any more\n";

  std::set<std::filesystem::path> good;
  std::set<std::filesystem::path> bad;
  std::set<std::filesystem::path> refused;  // what lacks a GPU is as it should be, on this machine
  const std::vector<CatalogueEntry> entries = with_failures(catalogue.entries(), failures);
  for (const CatalogueEntry& entry : entries) {
    (entry.status == PluginStatus::available ? good : bad).insert(entry.file);
    if (entry.status == PluginStatus::refused) refused.insert(entry.file);
  }
  out << "\n" << good.size() << (good.size() == 1 ? " plugin can be used" : " plugins can be used");
  if (!bad.empty()) out << ", " << bad.size() << " can't:\n\n" << problems_of(entries);
  if (bad.empty()) out << ".\n";
  return {out.str(), static_cast<int>(refused.size() + gone.size() + catalogue.path().warnings.size())};
}

}  // namespace easylm
