// Collecting diagnostics, and printing them for people and for scripts.
#include "config/diagnostics.h"

#include <algorithm>
#include <boost/json.hpp>
#include <tuple>
#include <utility>

namespace easylm {
namespace {

Diagnostic at_origin(const Origin& at, Severity severity, std::string_view code) {
  Diagnostic diagnostic;
  diagnostic.file = at.file.empty() ? at.source : at.file;
  diagnostic.line = at.line;
  diagnostic.column = at.column;
  diagnostic.severity = severity;
  diagnostic.code = code;
  return diagnostic;
}

std::string_view word_for(Severity severity) { return severity == Severity::error ? "error" : "warning"; }

auto sort_key(const Diagnostic& d) {
  return std::tie(d.file, d.line, d.column, d.severity, d.code, d.message, d.hint);
}

}  // namespace

void Diagnostics::add(Diagnostic diagnostic) { items_.push_back(std::move(diagnostic)); }

void Diagnostics::error(const Origin& at, std::string_view code, std::string message, std::string hint) {
  Diagnostic diagnostic = at_origin(at, Severity::error, code);
  diagnostic.message = std::move(message);
  diagnostic.hint = std::move(hint);
  add(std::move(diagnostic));
}

void Diagnostics::warning(const Origin& at, std::string_view code, std::string message, std::string hint) {
  Diagnostic diagnostic = at_origin(at, Severity::warning, code);
  diagnostic.message = std::move(message);
  diagnostic.hint = std::move(hint);
  add(std::move(diagnostic));
}

void Diagnostics::append(const Diagnostics& others) {
  items_.insert(items_.end(), others.items_.begin(), others.items_.end());
}

std::size_t Diagnostics::num_errors() const {
  const auto is_error = [](const Diagnostic& d) { return d.severity == Severity::error; };
  return static_cast<std::size_t>(std::count_if(items_.begin(), items_.end(), is_error));
}

std::vector<Diagnostic> Diagnostics::sorted() const {
  std::vector<Diagnostic> items = items_;
  std::sort(items.begin(), items.end(),
            [](const Diagnostic& a, const Diagnostic& b) { return sort_key(a) < sort_key(b); });
  items.erase(std::unique(items.begin(), items.end()), items.end());
  return items;
}

std::string Diagnostics::text() const {
  std::string text;
  for (const Diagnostic& d : sorted()) {
    text += d.file;
    if (d.line > 0) text += ":" + std::to_string(d.line);
    if (d.line > 0 && d.column > 0) text += ":" + std::to_string(d.column);
    text.append(": ").append(word_for(d.severity)).append(": ").append(d.message).append("\n");
    if (!d.hint.empty()) text.append("  hint: ").append(d.hint).append("\n");
  }
  return text;
}

std::string to_json(const Diagnostics& diagnostics) {
  boost::json::array items;
  for (const Diagnostic& d : diagnostics.sorted()) {
    items.push_back(boost::json::object{{"file", d.file},
                                        {"line", d.line},
                                        {"column", d.column},
                                        {"severity", word_for(d.severity)},
                                        {"code", d.code},
                                        {"message", d.message},
                                        {"hint", d.hint}});
  }
  return boost::json::serialize(
      boost::json::object{{"ok", !diagnostics.has_errors()}, {"diagnostics", std::move(items)}});
}

}  // namespace easylm
