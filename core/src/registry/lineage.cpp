// Walks lineage, and draws it.
#include "registry/lineage.h"

#include <algorithm>
#include <boost/json.hpp>
#include <deque>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "platform/json_print.h"
#include "registry/database.h"
#include "registry/reference.h"
#include "registry/table_text.h"

namespace easylm {
namespace {

namespace json = boost::json;

std::string_view status_of(const Relative& relative) {
  if (!relative.is_known) return "unknown";
  return relative.is_removed ? "removed" : "committed";
}

// Draws a version and what was made from it.
class Drawing {
 public:
  explicit Drawing(const Lineage& lineage) : self_(lineage.uri) {
    add(lineage.self);
    for (const Relative& relative : lineage.ancestors) add(relative);
    for (const Relative& relative : lineage.descendants) add(relative);
    for (const auto& [uri, relative] : relatives_) {
      for (const std::string& parent : relative->parents) {
        if (relatives_.contains(parent)) children_[parent].push_back(uri);
      }
    }
    for (auto& [uri, children] : children_) {
      std::ranges::sort(children, {}, [&](const std::string& child) {
        return std::pair(relatives_.at(child)->created_at, child);
      });
    }
  }

  std::string text() {
    for (const auto& [uri, relative] : relatives_) {
      const bool is_root = std::ranges::none_of(
          relative->parents, [&](const std::string& parent) { return relatives_.contains(parent); });
      if (is_root) pending_.push_back({uri, "", ""});
    }
    while (!pending_.empty()) {
      const Line line = pending_.back();
      pending_.pop_back();
      draw(line);
    }
    return text_;
  }

 private:
  struct Line {
    std::string uri, before, below;  // what stands left of it, and left of what comes below it
  };

  void add(const Relative& relative) { relatives_.emplace(relative.uri, &relative); }

  void draw(const Line& line) {
    text_ += line.before + label(line.uri) + "\n";
    if (!drawn_.insert(line.uri).second) return;
    const std::vector<std::string>& children = children_[line.uri];
    if (children.size() == 1) return pending_.push_back({children.front(), line.below, line.below});
    for (std::size_t i = children.size(); i > 0; --i) {
      const bool is_last = i == children.size();
      pending_.push_back(
          {children[i - 1], line.below + (is_last ? "└─ " : "├─ "), line.below + (is_last ? "   " : "│  ")});
    }
  }

  std::string label(const std::string& uri) const {
    const Relative& relative = *relatives_.at(uri);
    std::string label = uri;
    if (relative.is_known) {
      label += "  step " + count_text(relative.step) + "  " + minute_of(relative.created_at);
      if (!relative.stage.empty()) label += "  " + relative.stage;
    }
    if (status_of(relative) != "committed") label += "  (" + std::string(status_of(relative)) + ")";
    if (drawn_.contains(uri)) label += "  (see above)";
    if (uri == self_) label += "  <- this one";
    return label;
  }

  std::string self_;
  std::map<std::string, const Relative*> relatives_;
  std::map<std::string, std::vector<std::string>> children_;
  std::set<std::string> drawn_;
  std::vector<Line> pending_;  // the next one at the end
  std::string text_;
};

json::value text_or_null(const std::string& text) { return text.empty() ? json::value() : json::value(text); }

json::object relative_json(const Relative& relative) {
  json::value step, tokens;
  if (relative.is_known) {
    step = relative.step;
    tokens = relative.tokens;
  }
  return {{"uri", relative.uri},
          {"status", status_of(relative)},
          {"run", text_or_null(relative.run)},
          {"stage", text_or_null(relative.stage)},
          {"step", step},
          {"tokens", tokens},
          {"created_at", text_or_null(relative.created_at)},
          {"parents", json::array(relative.parents.begin(), relative.parents.end())}};
}

}  // namespace

LineageReader::LineageReader(Database& database)
    : parents_(database.prepare("SELECT parent FROM lineage WHERE child = ? ORDER BY parent")),
      children_(database.prepare("SELECT child FROM lineage WHERE parent = ? ORDER BY child")),
      version_(database.prepare(
          "SELECT 0, run, stage, created_at, step, tokens FROM versions WHERE name = ?1 AND version = ?2 "
          "UNION ALL "
          "SELECT 1, run, stage, created_at, step, tokens FROM removed_versions "
          "WHERE name = ?1 AND version = ?2")) {}

std::vector<std::string> LineageReader::uris(Statement& statement, const std::string& uri) {
  statement.reset();
  statement.bind(uri);
  std::vector<std::string> found;
  while (statement.step()) found.push_back(statement.text(0));
  return found;
}

std::vector<Relative> LineageReader::walk(Statement& statement, const std::string& uri) {
  std::vector<Relative> found;
  std::set<std::string> seen = {uri};
  std::deque<std::string> next = {uri};
  for (; !next.empty(); next.pop_front()) {
    for (std::string& near : uris(statement, next.front())) {
      if (!seen.insert(near).second) continue;
      found.push_back(relative(near));
      next.push_back(std::move(near));
    }
  }
  return found;
}

Relative LineageReader::relative(const std::string& uri) {
  Relative relative;
  relative.uri = uri;
  relative.is_known = false;
  relative.parents = uris(parents_, uri);
  const auto reference = try_parse_reference(uri);
  if (!reference || reference->number == 0) return relative;
  version_.reset();
  if (!version_.bind(reference->name).bind(reference->number).step()) return relative;
  relative.is_known = true;
  relative.is_removed = version_.integer(0) != 0;
  relative.run = version_.text(1);
  relative.stage = version_.text(2);
  relative.created_at = version_.text(3);
  relative.step = version_.integer(4);
  relative.tokens = version_.integer(5);
  return relative;
}

Lineage LineageReader::lineage(const std::string& uri) {
  Lineage lineage;
  lineage.uri = uri;
  lineage.self = relative(uri);
  lineage.ancestors = walk(parents_, uri);
  lineage.descendants = walk(children_, uri);
  return lineage;
}

std::string lineage_text(const Lineage& lineage) { return Drawing(lineage).text(); }

std::string lineage_json(const Lineage& lineage) {
  json::object object = relative_json(lineage.self);
  json::array ancestors, descendants;
  for (const Relative& relative : lineage.ancestors) ancestors.push_back(relative_json(relative));
  for (const Relative& relative : lineage.descendants) descendants.push_back(relative_json(relative));
  object["ancestors"] = std::move(ancestors);
  object["descendants"] = std::move(descendants);
  return printed(object);
}

}  // namespace easylm
