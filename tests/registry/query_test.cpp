// The language of queries: what it finds, and how it refuses.
#include <gtest/gtest.h>

#include <cmath>

#include "registry/database.h"
#include "registry/query/compiler.h"
#include "registry/query/lexer.h"
#include "registry/query/parser.h"
#include "registry_fixture.h"

namespace easylm {
namespace {

using testing::error_of;

constexpr const char* kConfig = R"(
[run]
name = "a"
precision = "bf16"
[model]
type = "llama"
hidden_size = 256
tie = true
[[stage]]
type = "train"
steps = 400
)";

class Query : public testing::FilledRegistry {
 protected:
  Query() {
    const std::string run = begin(kConfig);
    add("a", 100, {{"loss", 2.5}}, {}, run);                  // a:1
    add("a", 200, {{"loss", 1.5}, {"f1", 0.9}}, "a:1", run);  // a:2
    add("b", 300, {{"loss", 1.25}}, "a:2");                   // b:1
    add("b", 1000, {}, "b:1");                                // b:2
    registry_.tag("a:1", "owner", "ana");
    registry_.tag("b:1", "owner", "ben");
    registry_.tag("b:1", "seed", "9");
    registry_.tag("b:2", "seed", "10");
    registry_.set_alias("a", "best", 2);
    registry_.set_alias("a", "prod", 2);
  }
};

TEST_F(Query, ComparesColumns) {
  EXPECT_EQ(found("step >= 200 and step < 1000"), "a:2 b:1");
  EXPECT_EQ(found("name = \"a\""), "a:1 a:2");
  EXPECT_EQ(found("name != 'a'"), "b:1 b:2");
  EXPECT_EQ(found("version = 2"), "a:2 b:2");
  EXPECT_EQ(found("tokens <= 1000.5"), "a:1");
  EXPECT_EQ(found("bytes > 1000"), "b:2");
  EXPECT_EQ(found("stage = 'train' and format = 'safetensors' and status = 'committed'"), "a:1 a:2 b:1 b:2");
  EXPECT_EQ(found(""), "a:1 a:2 b:1 b:2");
}

TEST_F(Query, ComparesMetricsTagsAndConfiguration) {
  EXPECT_EQ(found("metrics.loss < 2"), "a:2 b:1");
  EXPECT_EQ(found("metrics.f1 = 0.9"), "a:2");
  EXPECT_EQ(found("tags.owner = \"ana\""), "a:1");
  EXPECT_EQ(found("tags.seed > 9"), "b:2");
  EXPECT_EQ(found("tags.seed = \"9\""), "b:1");
  EXPECT_EQ(found("tags.owner > 0"), "");
  EXPECT_EQ(found("config.model.hidden_size >= 256"), "a:1 a:2");
  EXPECT_EQ(found("config.model.hidden_size = '256'"), "");
  EXPECT_EQ(found("config.run.precision = 'bf16' and config.stage.train.steps = 400"), "a:1 a:2");
  EXPECT_EQ(found("config.run.precision > 5"), "");
  EXPECT_EQ(found("config.model.tie = true and config.model.type = 'llama'"), "a:1 a:2");
}

TEST_F(Query, JoinsConditionsByPrecedence) {
  EXPECT_EQ(found("step = 100 or step = 200 and name = 'b'"), "a:1");
  EXPECT_EQ(found("(step = 100 or step = 300) and name = 'b'"), "b:1");
  EXPECT_EQ(found("not step = 100 and name = 'a'"), "a:2");
  EXPECT_EQ(found("NOT (name = 'a' OR step > 500)"), "b:1");
}

TEST_F(Query, WhatIsMissingMeetsNoComparison) {
  EXPECT_EQ(found("tags.owner != 'ana'"), "b:1");
  EXPECT_EQ(found("not tags.owner = 'ana'"), "a:2 b:1 b:2");
  EXPECT_EQ(found("tags.owner is null"), "a:2 b:2");
  EXPECT_EQ(found("tags.owner is not missing"), "a:1 b:1");
  EXPECT_EQ(found("not metrics.loss < 2"), "a:1 b:2");
  EXPECT_EQ(found("config.model.hidden_size is null"), "b:1 b:2");
  EXPECT_EQ(found("not config.model.hidden_size = 256"), "b:1 b:2");
  EXPECT_EQ(found("run is null"), "b:1 b:2");
  EXPECT_EQ(found("not run = 'x'"), "a:1 a:2 b:1 b:2");
  EXPECT_EQ(found("step is null or stage is null"), "");
  registry_.set_metrics("b:2", {{"loss", std::nan("")}});
  EXPECT_EQ(found("metrics.loss is null"), "b:2");
}

TEST_F(Query, KnowsAliasesAndParents) {
  EXPECT_EQ(found("alias = 'best'"), "a:2");
  EXPECT_EQ(found("alias in ('prod', 'nothing')"), "a:2");
  EXPECT_EQ(found("alias != 'best'"), "a:1 b:1 b:2");
  EXPECT_EQ(found("alias = 'latest'"), "a:2 b:2");
  EXPECT_EQ(found("alias is null"), "a:1 b:1 b:2");
  EXPECT_EQ(found("alias like 'b%'"), "a:2");
  EXPECT_EQ(found("parent = 'a:1'"), "a:2");
  EXPECT_EQ(found("parent is null"), "a:1");
  EXPECT_EQ(found("parent != 'a:1'"), "a:1 b:1 b:2");
}

TEST_F(Query, KnowsLikeAndIn) {
  EXPECT_EQ(found("tags.owner like 'a%'"), "a:1");
  EXPECT_EQ(found("tags.owner not like 'a%'"), "a:2 b:1 b:2");
  EXPECT_EQ(found("step in (100, 300)"), "a:1 b:1");
  EXPECT_EQ(found("tags.owner not in ('ana', 'ben')"), "a:2 b:2");
  EXPECT_EQ(found("metrics.loss in (1.5, 1.25)"), "a:2 b:1");
}

TEST_F(Query, TakesBothCasesOfALetterForTheSameInAPattern) {
  registry_.tag("a:2", "owner", "Änne");
  registry_.tag("b:2", "owner", "BOB 9");
  EXPECT_EQ(found("tags.owner like 'b%'"), "b:1 b:2");
  EXPECT_EQ(found("tags.owner like 'BE_'"), "b:1");
  EXPECT_EQ(found("tags.owner like '%n%'"), "a:1 a:2 b:1");
  EXPECT_EQ(found("tags.owner like '_nne'"), "a:2");
  EXPECT_EQ(found("tags.owner like 'Ä%'"), "a:2");
  EXPECT_EQ(found("tags.seed like '1%'"), "b:2");
  EXPECT_EQ(found("tags.owner like ''"), "");
}

TEST_F(Query, OrdersAndLimits) {
  EXPECT_EQ(found("metrics.loss > 0 order by metrics.loss"), "b:1 a:2 a:1");
  EXPECT_EQ(found("order by metrics.loss desc limit 2"), "a:1 a:2");
  EXPECT_EQ(found("order by metrics.loss"), "b:1 a:2 a:1 b:2");  // what is missing comes last
  EXPECT_EQ(found("order by name desc, step"), "b:1 b:2 a:1 a:2");
  EXPECT_EQ(found("limit 3"), "a:2 b:1 b:2");  // of the newest, by name
  EXPECT_EQ(found("order by created desc, step limit 0"), "");
  EXPECT_EQ(found("order by config.model.hidden_size, tags.owner, parent limit 1"), "a:1");
  const QueryResult result = registry_.query("step > 0", 3);
  EXPECT_EQ(result.versions.size(), 3U);
  EXPECT_EQ(result.num_found, 4);
}

// Both ways to answer must give the same; which is taken is a matter of speed.
TEST_F(Query, AWalkAlongAMetricFindsTheSame) {
  Database database(home_ / "registry.sqlite", DatabaseAccess::read_only);
  const auto ids = [&](const query::Sql& sql) {
    Statement rows = database.prepare(sql.text);
    sql.bind(rows);
    std::string text;
    while (rows.step()) text += rows.text(0) + " ";
    return text;
  };
  for (const char* condition :
       {"", "metrics.loss < 2", "not (tags.owner = 'ana' or alias = 'latest')", "alias in ('prod', 'best')",
        "config.model.hidden_size > 1", "config.model.hidden_size is null",
        "tags.seed > 3 or tags.owner is null", "parent != 'a:1' and run is not null",
        "config.run.precision like 'b%' and alias != 'x'"}) {
    for (const char* order : {"", " desc"}) {
      const std::string with =
          (*condition == 0 ? "" : "(" + std::string(condition) + ") and ") + "metrics.loss is not null";
      const query::Query asked = query::parse_query(with + " order by metrics.loss" + order + " limit 9");
      ASSERT_TRUE(query::compile_walk(asked).has_value());
      EXPECT_EQ(ids(*query::compile_walk(asked)), ids(query::compile(asked))) << with << order;
    }
  }
  EXPECT_FALSE(query::compile_walk(query::parse_query("order by metrics.loss")).has_value());
  EXPECT_FALSE(query::compile_walk(query::parse_query("order by step limit 3")).has_value());
}

TEST_F(Query, ComparesTimesAsFarAsTheyAreWritten) {
  Database(home_ / "registry.sqlite", DatabaseAccess::read_write)
      .execute(
          "UPDATE versions SET created_at = '2026-11-01T12:30:00.500Z' WHERE id = 1;"
          "UPDATE versions SET created_at = '2026-11-02T00:00:00.000Z' WHERE id = 2;"
          "UPDATE versions SET created_at = '2026-12-31T23:59:59.999Z' WHERE id > 2");
  EXPECT_EQ(found("created = \"2026-11-01\""), "a:1");
  EXPECT_EQ(found("created > \"2026-11-01\""), "a:2 b:1 b:2");
  EXPECT_EQ(found("created <= '2026-11-01'"), "a:1");
  EXPECT_EQ(found("created < '2026-11-01'"), "");
  EXPECT_EQ(found("created >= '2026-11-01 12:30'"), "a:1 a:2 b:1 b:2");
  EXPECT_EQ(found("created > '2026-11-01T12:30:00.500Z'"), "a:2 b:1 b:2");
  EXPECT_EQ(found("created = '2026-11'"), "a:1 a:2");
  EXPECT_EQ(found("created != '2026-12' and created in ('2026-11-02', '2027')"), "a:2");
  EXPECT_EQ(found("created like '%T00:%'"), "a:2");
}

TEST_F(Query, SaysThatNobodyHasSuchAKey) {
  EXPECT_EQ(registry_.query("metrics.los < 1").note, "no version has a metric 'los': did you mean 'loss'?");
  EXPECT_EQ(registry_.query("config.model.hiden_size < 1").note,
            "no version has a configuration key 'model.hiden_size': did you mean 'model.hidden_size'?");
  EXPECT_EQ(registry_.query("metrics.loss < 1").note, "");
}

TEST_F(Query, TellsOfOneVersionWhetherItMatches) {
  EXPECT_TRUE(registry_.matches("metrics.loss < 2 and alias = 'best'", "a:2"));
  EXPECT_FALSE(registry_.matches("metrics.loss < 2", "a:1"));
  EXPECT_FALSE(registry_.matches("metrics.nothing < 2", "a"));
  EXPECT_TRUE(registry_.matches("metrics.nothing is null", "a@prod"));
  EXPECT_EQ(error_of([&] { registry_.matches("step > 1 limit 1", "a"); }).code(), ErrorCode::invalid_config);
  EXPECT_EQ(error_of([&] { registry_.matches("", "a"); }).code(), ErrorCode::invalid_config);
  EXPECT_EQ(error_of([&] { registry_.matches("step > 1", "a:9"); }).code(), ErrorCode::not_found);
}

TEST_F(Query, TextsAreNeverSql) {
  EXPECT_EQ(found("name = 'a'' OR 1=1 --'"), "");
  EXPECT_EQ(found("tags.owner = \"x\"\"; DROP TABLE versions; --\""), "");
  EXPECT_EQ(found("name = 'a'"), "a:1 a:2");
}

struct Refused {
  const char* query;
  const char* message;
  std::size_t column;  // of the first caret
  const char* hint;
};

TEST_F(Query, RefusesWithACaretUnderTheSpot) {
  const std::vector<Refused> cases = {
      {"loss < 2", "no field 'loss'", 0, "the fields are: name"},
      {"stepp < 2", "no field 'stepp'", 0, "did you mean 'step'?"},
      {"step > 1 and metric.loss < 2", "no field 'metric.loss'", 13, "did you mean 'metrics.loss'?"},
      {"step < 'x'", "a number, not a text", 7, "without quotes"},
      {"step < 1.5abc", "no number", 7, "write it like"},
      {"step < 99999999999999999999999999e999", "no number", 7, ""},
      {"name = x", "a value belongs here", 7, "put a text into quotes: \"x\""},
      {"name = 5", "a text, not a number", 7, "\"5\""},
      {"created > '1st of May'", "no date", 10, "UTC"},
      {"created > 2026", "no date", 10, "in quotes"},
      {"name = 'x", "has no end", 7, "close it"},
      {"step", "a comparison belongs here", 4, "= != <"},
      {"step ~ 5", "nothing begins with this", 5, ""},
      {"(step = 1", "')' belongs here", 9, "pairs"},
      {"step = 1)", "should end here", 8, ""},
      {"step = 1 limit", "a count belongs here", 14, "limit 10"},
      {"step = 1 limit -1", "a count belongs here", 15, "limit 10"},
      {"step = 1 limit 5 order by step", "should end here", 17, "in this order"},
      {"step = 1 order step", "'by' belongs here", 15, "order by"},
      {"order by alias", "by alias", 9, "several"},
      {"name like 5", "a pattern belongs here", 10, "%"},
      {"name is 5", "'null' belongs here", 8, ""},
      {"tags. = 5", "no field 'tags.'", 0, ""},
      {"name = 'ä' and x = 1", "no field 'x'", 15, ""},
      {"= 5", "a field belongs here", 0, "for example"},
      {"step in ()", "a value belongs here", 9, ""},
  };
  for (const Refused& refused : cases) {
    const Error error = error_of([&] { registry_.query(refused.query); });
    EXPECT_EQ(error.code(), ErrorCode::invalid_config) << refused.query;
    EXPECT_NE(error.message().find(refused.message), std::string::npos) << error.message();
    EXPECT_NE(error.hint().find(refused.hint), std::string::npos) << refused.query << ": " << error.hint();
    const std::string last = error.message().substr(error.message().rfind('\n') + 1);
    EXPECT_EQ(last.find('^'), refused.column + 2) << error.message();
  }
}

TEST_F(Query, IsLimitedInLengthAndDepth) {
  const Error deep = error_of([&] { registry_.query(std::string(500, '(') + "step = 1"); });
  EXPECT_NE(deep.message().find("nested more than 12 deep"), std::string::npos) << deep.message();
  const Error negated = error_of([&] {
    std::string nots;
    for (int i = 0; i < 100; ++i) nots += "not ";
    registry_.query(nots + "step = 1");
  });
  EXPECT_NE(negated.message().find("deep"), std::string::npos);
  const Error longer = error_of([&] { registry_.query("name = '" + std::string(5000, 'x') + "'"); });
  EXPECT_NE(longer.message().find("too long"), std::string::npos) << longer.message();
}

// SQLite's own limits on depth and size lie beyond ours.
TEST_F(Query, TheDeepestAndTheLongestOnesAreAnswered) {
  std::string deep = "step = 1";
  for (int i = 0; i < query::kMaxDepth - 1; ++i) deep = "not (step = 1 or step = 2 and " + deep + ")";
  // `not` and its parentheses are a level each.
  EXPECT_THROW(registry_.query(deep), Error);
  deep = "step = 1";
  for (int i = 0; i < query::kMaxDepth - 1; ++i) deep = "(name = 'x' or step = 2 and " + deep + ")";
  EXPECT_EQ(found(deep), "");
  for (const char* part : {"step=1", "tags.a=1", "alias='a'", "not config.a='b'", "parent='x'"}) {
    for (const char* word : {" or ", " and "}) {
      std::string wide = part;
      while (wide.size() + 30 < query::kMaxLength) wide += std::string(word) + part;
      EXPECT_NO_THROW(registry_.query(wide)) << part << word;
    }
  }
  std::string choices = "step in (1";
  while (choices.size() + 3 < query::kMaxLength) choices += ",1";
  EXPECT_NO_THROW(registry_.query(choices + ")"));
}

}  // namespace
}  // namespace easylm
