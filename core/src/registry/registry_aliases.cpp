// The registry's aliases: where they point, and where they pointed before.
#include "config/did_you_mean.h"
#include "easylm/error.h"
#include "platform/clock.h"
#include "registry/database.h"
#include "registry/queries.h"
#include "registry/registry.h"

namespace easylm {
namespace {

void require_alias(const std::string& alias) {
  if (!is_name(alias)) {
    throw Error(ErrorCode::invalid_config,
                "'" + alias +
                    "' can't be an alias: use letters, digits, '.', '_' and '-', at most 100, the "
                    "first not '.' or '-'",
                "choose another name");
  }
  if (alias == kLatest) {
    throw Error(ErrorCode::invalid_config, "the alias 'latest' can't be set: it always is the newest version",
                "choose another alias");
  }
}

// Called inside a transaction. Number 0 takes the alias away.
AliasMove move_alias(Database& database, const std::string& name, const std::string& alias, const Found& to) {
  AliasMove move{to.number, utc_now()};
  if (to.number == 0) {
    database.prepare("DELETE FROM aliases WHERE name = ? AND alias = ?").bind(name).bind(alias).run();
  } else {
    database.prepare("INSERT OR REPLACE INTO aliases(name, alias, owner, moved_at) VALUES(?, ?, ?, ?)")
        .bind(name)
        .bind(alias)
        .bind(to.id)
        .bind(move.moved_at)
        .run();
  }
  database.prepare("INSERT INTO alias_history(name, alias, version, moved_at) VALUES(?, ?, ?, ?)")
      .bind(name)
      .bind(alias)
      .bind(move.number)
      .bind(move.moved_at)
      .run();
  return move;
}

std::vector<AliasMove> history_of(Database& database, const std::string& name, const std::string& alias) {
  std::vector<AliasMove> moves;
  Statement rows = database.prepare(
      "SELECT version, moved_at FROM alias_history WHERE name = ? AND alias = ? ORDER BY id");
  rows.bind(name).bind(alias);
  while (rows.step()) moves.push_back({rows.integer(0), rows.text(1)});
  if (!moves.empty()) return moves;
  std::vector<std::string> known;
  Statement aliases =
      database.prepare("SELECT DISTINCT alias FROM alias_history WHERE name = ? ORDER BY alias");
  aliases.bind(name);
  while (aliases.step()) known.push_back(aliases.text(0));
  throw Error(ErrorCode::not_found, "'" + name + "' never had an alias '" + alias + "'",
              known.empty() ? "give it one: easylm registry alias " + name + " " + alias + " VERSION"
                            : suggestion(alias, known, "it has or had"));
}

// Replays the moves: one that repeats where the alias stood before the last of what is left takes that last
// one back, as a rollback does. What remains is the way that led to where it points now.
std::vector<std::int64_t> way_of(const std::vector<AliasMove>& moves) {
  std::vector<std::int64_t> way;
  for (const AliasMove& move : moves) {
    if (way.size() >= 2 && way[way.size() - 2] == move.number) {
      way.pop_back();
    } else if (way.empty() || way.back() != move.number) {
      way.push_back(move.number);
    }
  }
  return way;
}

}  // namespace

void Registry::set_alias(const std::string& name, const std::string& alias, std::int64_t number) {
  require_alias(alias);
  const Queries queries(*database_, home_);
  Transaction transaction(*database_);
  move_alias(*database_, name, alias, queries.resolve({name, number, {}}));
  transaction.commit();
}

void Registry::remove_alias(const std::string& name, const std::string& alias) {
  require_alias(alias);
  const Queries queries(*database_, home_);
  Transaction transaction(*database_);
  queries.resolve({name, 0, alias});
  move_alias(*database_, name, alias, {});
  transaction.commit();
}

AliasMove Registry::roll_back_alias(const std::string& name, const std::string& alias) {
  require_alias(alias);
  const Queries queries(*database_, home_);
  Transaction transaction(*database_);
  const std::vector<std::int64_t> way = way_of(history_of(*database_, name, alias));
  if (way.size() < 2) {
    throw Error(ErrorCode::not_found, name + "@" + alias + " never pointed anywhere else",
                "easylm registry history " + name + " " + alias + " shows where it pointed");
  }
  const std::int64_t before = way[way.size() - 2];
  AliasMove move =
      move_alias(*database_, name, alias, before == 0 ? Found{} : queries.resolve({name, before, {}}));
  transaction.commit();
  return move;
}

std::vector<AliasMove> Registry::alias_history(const std::string& name, const std::string& alias) const {
  const ReadTransaction snapshot(*database_);
  return history_of(*database_, name, alias);
}

}  // namespace easylm
