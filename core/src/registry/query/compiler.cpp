// Turns queries into SQL. Conditions on rows that hang off a version are written as `id IN (SELECT owner …)`,
// which the indexes on (key, value) answer without looking at other versions, and which is never NULL; on a
// walk as EXISTS, for one version.
#include "registry/query/compiler.h"

#include <cctype>
#include <string>
#include <string_view>
#include <utility>

#include "registry/reference.h"

namespace easylm::query {
namespace {

std::string_view symbol_of(Comparison comparison) {
  switch (comparison) {
    case Comparison::equal:
      return "=";
    case Comparison::unequal:
      return "!=";
    case Comparison::less:
      return "<";
    case Comparison::less_equal:
      return "<=";
    case Comparison::greater:
      return ">";
    case Comparison::greater_equal:
      return ">=";
  }
  return "=";
}

bool is_text(const Literal& literal) { return std::holds_alternative<std::string>(literal); }

// The characters that what `pattern` is LIKE begins with; none if they are many or no ASCII.
std::string initials(std::string_view pattern) {
  if (pattern.empty() || pattern.front() == '%' || pattern.front() == '_') return {};
  const auto first = static_cast<unsigned char>(pattern.front());
  if (first >= 0x7F) return {};
  const char upper = static_cast<char>(std::toupper(first)), lower = static_cast<char>(std::tolower(first));
  return upper == lower ? std::string{upper} : std::string{upper, lower};
}

enum class Way { sets, walk };

class Compiler {
 public:
  explicit Compiler(Way way = Way::sets) : way_(way) {}

  Sql take() { return std::move(sql_); }

  void query(const Query& query) {
    add("SELECT v.id FROM versions v");
    if (query.where) {
      add(" WHERE ");
      condition(*query.where);
    }
    add(" ORDER BY ");
    for (const OrderKey& key : query.order) {
      order_value(key.field);
      add(key.descending ? " DESC NULLS LAST, " : " NULLS LAST, ");
    }
    add(query.order.empty() ? "v.id DESC" : "v.id");
    if (query.limit) {
      add(" LIMIT ");
      parameter(*query.limit);
    }
  }

  void walk(const Query& query) {
    const OrderKey& key = query.order.front();
    add("SELECT v.id FROM metrics o CROSS JOIN versions v ON v.id = o.owner WHERE o.name = ");
    parameter(key.field.name);
    add(" AND o.value IS NOT NULL");
    if (query.where) {
      add(" AND ");
      condition(*query.where);
    }
    add(" ORDER BY o.value");
    add(key.descending ? " DESC, v.id LIMIT " : ", v.id LIMIT ");
    parameter(*query.limit);
  }

  void condition(const Condition& condition) {
    switch (condition.test) {
      case Test::all:
        return chain(condition.parts, " AND ");
      case Test::any:
        return chain(condition.parts, " OR ");
      case Test::negate:
        add("NOT ");
        return chain(condition.parts, "");
      case Test::missing:
        return missing(condition.field);
      case Test::in:
        return choices(condition);
      case Test::compare:
        return compare(condition.field, condition.comparison, condition.values.front());
      case Test::like:
        return like(condition.field, condition.values.front());
    }
  }

 private:
  void add(std::string_view text) { sql_.text += text; }

  void parameter(Literal literal) {
    add("?");
    sql_.parameters.push_back(std::move(literal));
  }

  void chain(const std::vector<Condition>& parts, std::string_view between) {
    add("(");
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (i > 0) add(between);
      condition(parts[i]);
    }
    add(")");
  }

  // In groups: for SQLite every OR is one level deeper, and it goes down a thousand.
  void choices(const Condition& in) {
    constexpr std::size_t kGroup = 64;
    add("((");
    for (std::size_t i = 0; i < in.values.size(); ++i) {
      if (i > 0) add(i % kGroup == 0 ? ") OR (" : " OR ");
      compare(in.field, Comparison::equal, in.values[i]);
    }
    add("))");
  }

  void compare(const Field& field, Comparison comparison, const Literal& value) {
    const bool is_set = field.source == FieldSource::alias || field.source == FieldSource::parent;
    if (is_set && comparison == Comparison::unequal) {  // none of them is it
      add("NOT ");
      return compare(field, Comparison::equal, value);
    }
    if (field.source == FieldSource::date) return compare_date(comparison, std::get<std::string>(value));
    if (field.source == FieldSource::alias && value == Literal(std::string(kLatest))) return latest();
    open(field, is_text(value) ? Held::texts : Held::numbers);
    add(symbol_of(comparison));
    parameter(value);
    close(field);
  }

  void like(const Field& field, const Literal& pattern) {
    const bool has_index = field.source == FieldSource::tag && way_ == Way::sets;
    const std::string begins = has_index ? initials(std::get<std::string>(pattern)) : std::string();
    if (!begins.empty()) return tags_like(field, pattern, begins);
    open(field, Held::anything);
    add(" LIKE ");
    parameter(pattern);
    close(field);
  }

  // LIKE takes ASCII letters of either case for the same, and an index does not: one range of it for each.
  void tags_like(const Field& field, const Literal& pattern, std::string_view begins) {
    std::string_view before = "(v.id IN (";
    for (const char initial : begins) {
      add(before);
      add("SELECT owner FROM tags WHERE key = ");
      parameter(field.name);
      add(" AND value >= ");
      parameter(std::string{initial});
      add(" AND value < ");
      parameter(std::string{static_cast<char>(initial + 1)});
      add(" AND value LIKE ");
      parameter(pattern);
      before = " UNION ALL ";
    }
    close(field);
  }

  void missing(const Field& field) {
    switch (field.source) {
      case FieldSource::number:
      case FieldSource::date:
        return add("0");
      case FieldSource::text:
        return add("(v." + field.name + " = '')");
      case FieldSource::run:
        return add("(v.run IS NULL)");
      default:
        add("NOT ");
        open(field, Held::anything);
        add(" IS NOT NULL");
        close(field);
    }
  }

  // Which of the rows of a key are looked at.
  enum class Held { anything, numbers, texts };

  // The SQL before and after what is said of a field's value.
  void open(const Field& field, Held held) {
    switch (field.source) {
      case FieldSource::number:
      case FieldSource::text:
      case FieldSource::date:
        return add("(v." + field.name);
      case FieldSource::run:
        return add("(v.run IS NOT NULL AND v.run");
      case FieldSource::alias:
        return rows("aliases", "alias");
      case FieldSource::parent:
        return add("(EXISTS (SELECT 1 FROM lineage WHERE child = v.name || ':' || v.version AND parent");
      case FieldSource::metric:
        rows("metrics", "name = ");
        parameter(field.name);
        return add(" AND value");
      case FieldSource::tag:
        rows("tags", "key = ");
        parameter(field.name);
        return add(held == Held::numbers ? kNumericTag : " AND value");
      case FieldSource::config:
        add(way_ == Way::walk ? "(EXISTS (SELECT 1 FROM run_config WHERE run = v.run AND key = "
                              : "(v.run IS NOT NULL AND v.run IN (SELECT run FROM run_config WHERE key = ");
        parameter(field.name);
        if (held == Held::texts) add(" AND typeof(value) = 'text'");
        if (held == Held::numbers) add(" AND typeof(value) <> 'text'");
        return add(" AND value");
    }
  }

  // Those of a version in one of the tables that hang off it.
  void rows(std::string_view table, std::string_view condition) {
    add(way_ == Way::walk ? "(EXISTS (SELECT 1 FROM " : "(v.id IN (SELECT owner FROM ");
    add(table);
    add(way_ == Way::walk ? " WHERE owner = v.id AND " : " WHERE ");
    add(condition);
  }

  void close(const Field& field) {
    const bool is_column = field.source == FieldSource::number || field.source == FieldSource::text ||
                           field.source == FieldSource::date || field.source == FieldSource::run;
    add(is_column ? ")" : "))");
  }

  // Times are compared as far as the query writes them: all of a day equals that day. '~' sorts after
  // whatever may follow in a time.
  void compare_date(Comparison comparison, const std::string& prefix) {
    const auto bound = [&](std::string_view sql, const std::string& time) {
      add(sql);
      parameter(time);
    };
    switch (comparison) {
      case Comparison::less:
        bound("(v.created_at < ", prefix);
        break;
      case Comparison::greater_equal:
        bound("(v.created_at >= ", prefix);
        break;
      case Comparison::less_equal:
        bound("(v.created_at < ", prefix + "~");
        break;
      case Comparison::greater:
        bound("(v.created_at > ", prefix + "~");
        break;
      case Comparison::equal:
        bound("(v.created_at >= ", prefix);
        bound(" AND v.created_at < ", prefix + "~");
        break;
      case Comparison::unequal:
        bound("(v.created_at < ", prefix);
        bound(" OR v.created_at > ", prefix + "~");
        break;
    }
    add(")");
  }

  // Every name has this alias by itself.
  void latest() {
    add("(v.id IN (SELECT w.id FROM names n CROSS JOIN versions w ON w.name = n.name AND w.version = "
        "(SELECT max(version) FROM versions x WHERE x.name = n.name)))");
  }

  void order_value(const Field& field) {
    switch (field.source) {
      case FieldSource::metric:
        return owned_value("(SELECT value FROM metrics WHERE owner = v.id AND name = ", field.name);
      case FieldSource::tag:
        return owned_value("(SELECT value FROM tags WHERE owner = v.id AND key = ", field.name);
      case FieldSource::config:
        return owned_value("(SELECT value FROM run_config WHERE run = v.run AND key = ", field.name);
      case FieldSource::parent:
        return add("(SELECT min(parent) FROM lineage WHERE child = v.name || ':' || v.version)");
      default:
        return add("v." + field.name);
    }
  }

  void owned_value(std::string_view select, const std::string& key) {
    add(select);
    parameter(key);
    add(")");
  }

  // A tag is a text; one that reads as a number compares with numbers.
  static constexpr std::string_view kNumericTag =
      " AND CASE WHEN json_valid(value) THEN json_type(value) IN ('integer', 'real') ELSE 0 END"
      " AND CAST(value AS NUMERIC)";

  Way way_;
  Sql sql_;
};

}  // namespace

void Sql::bind(Statement& statement) const {
  for (const Literal& literal : parameters) {
    if (const auto* integer = std::get_if<std::int64_t>(&literal)) {
      statement.bind(*integer);
    } else if (const auto* real = std::get_if<double>(&literal)) {
      statement.bind_real(*real);
    } else {
      statement.bind(std::get<std::string>(literal));
    }
  }
}

Sql compile(const Query& query) {
  Compiler compiler;
  compiler.query(query);
  return compiler.take();
}

std::optional<Sql> compile_walk(const Query& query) {
  const bool walks =
      query.limit && query.order.size() == 1 && query.order.front().field.source == FieldSource::metric;
  if (!walks) return std::nullopt;
  Compiler compiler(Way::walk);
  compiler.walk(query);
  return compiler.take();
}

Sql compile(const Condition& condition) {
  Compiler compiler;
  compiler.condition(condition);
  return compiler.take();
}

}  // namespace easylm::query
