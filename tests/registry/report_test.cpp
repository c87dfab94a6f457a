// What the registry's verbs print.
#include "registry/report.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>

namespace easylm {
namespace {

VersionRecord sample(std::int64_t number) {
  VersionRecord version;
  version.name = "shakespeare";
  version.number = number;
  version.run = "20261124T192617Z-0badcafe";
  version.stage = "train";
  version.format = "safetensors";
  version.status = "committed";
  version.created_at = "2026-11-24T19:26:17.123Z";
  version.step = 400;
  version.tokens = 1638400;
  version.bytes = 11234567;
  version.path = "/home/ana/runs/checkpoints/shakespeare/v000001";
  version.metrics = {{"loss", 1.53219}, {"perplexity", 4.628}};
  return version;
}

TEST(Report, ListsVersionsInColumnsAndLeavesOutEmptyOnes) {
  VersionRecord second = sample(12);
  second.aliases = {"best", "prod"};
  const std::vector<VersionRecord> versions = {sample(1), second};
  EXPECT_EQ(list_text(versions),
            "VERSION         STEP     TOKENS     SIZE  CREATED (UTC)     STAGE  METRICS                      "
            "ALIASES\n"
            "shakespeare:1    400  1,638,400  11.2 MB  2026-11-24 19:26  train  loss=1.532 perplexity=4.628\n"
            "shakespeare:12   400  1,638,400  11.2 MB  2026-11-24 19:26  train  loss=1.532 perplexity=4.628  "
            "best prod\n");
}

TEST(Report, AnEmptyListIsEmpty) {
  EXPECT_EQ(list_json({}), "[]\n");
  EXPECT_EQ(list_text({}), "VERSION  STEP  TOKENS  SIZE  CREATED (UTC)  STAGE  METRICS  ALIASES  TAGS\n");
}

TEST(Report, JsonHasEveryKeyOfTheContract) {
  VersionDetails details;
  details.version = sample(1);
  details.version.parent = "base:2";
  details.version.tags = {{"owner", "ana \"x\""}};
  details.version.metrics = {{"loss", std::nan("")}, {"steps", 2.0}};
  details.files = {{"config.json", 3, 0xAB, std::string(64, 'f')}};
  details.config = "[run]\nname = \"shakespeare\"\n";
  details.plugins = {{"easylm-llama", "0.1.0"}};
  const boost::json::object object = boost::json::parse(show_json(details)).as_object();
  for (const char* key : {"name",       "version", "uri",   "step",   "tokens",  "run",     "stage",
                          "created_at", "bytes",   "path",  "format", "status",  "aliases", "tags",
                          "metrics",    "parent",  "files", "config", "dataset", "plugins"}) {
    EXPECT_TRUE(object.contains(key)) << key;
  }
  EXPECT_EQ(object.at("uri").as_string(), "shakespeare:1");
  EXPECT_EQ(object.at("parent").as_string(), "base:2");
  EXPECT_EQ(object.at("tags").at("owner").as_string(), "ana \"x\"");
  EXPECT_TRUE(object.at("metrics").at("loss").is_null());
  EXPECT_EQ(object.at("metrics").at("steps").as_double(), 2.0);
  EXPECT_EQ(object.at("files").at(0).at("crc32c").as_string(), "000000ab");
  EXPECT_EQ(object.at("plugins").at("easylm-llama").as_string(), "0.1.0");
  EXPECT_TRUE(boost::json::parse(list_json(std::vector{sample(1)})).at(0).at("parent").is_null());
}

TEST(Report, ShowNamesFactsFilesAndConfig) {
  VersionDetails details;
  details.version = sample(1);
  details.files = {{"config.json", 3, 0xAB, std::string(64, 'f')}};
  details.config = "[run]\n";
  const std::string text = show_text(details);
  for (const char* part :
       {"version            shakespeare:1\n", "tokens             1,638,400\n", "metric perplexity  4.628\n",
        "config.json   3 B  000000ab  ffffffffffffffff\n", "\n[run]\n"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "in\n" << text;
  }
  EXPECT_EQ(text.find("parent"), std::string::npos);
}

TEST(Report, WritesSizesWithThreeDigits) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(1000), "1.0 kB");
  EXPECT_EQ(bytes_text(123456), "123 kB");
  EXPECT_EQ(bytes_text(999999), "1.0 MB");
  EXPECT_EQ(bytes_text(1600000000), "1.6 GB");
}

}  // namespace
}  // namespace easylm
