// Each record is one line of JSON, at once.
#include "jsonl/jsonl_tracker.h"

#include <boost/json.hpp>
#include <cmath>
#include <limits>

#include "tracker_fixture.h"

namespace easylm::trackers {
namespace {

class JsonlTest : public TrackerTest {
 protected:
  std::filesystem::path file() const { return folder_ / "metrics.jsonl"; }
  JsonlTracker tracker_{host_, {}};
};

TEST_F(JsonlTest, WritesTheKeysOfTheContractInOrder) {
  const std::vector<Metric> metrics{{"loss", 2.5}, {"learning_rate", 3e-4}};
  EXPECT_EQ(json_line(record(metrics)),
            R"({"step":300,"tokens":1228800,"loss":2.5,"learning_rate":3e-04,"time":1764000001.500,)"
            R"("stage":"train"})");
}

TEST_F(JsonlTest, EachLineIsInTheFileWhenLogReturns) {
  const std::vector<Metric> metrics{{"loss", 2.5}};
  tracker_.open(options());
  tracker_.log(record(metrics));
  EXPECT_EQ(contents(file()), json_line(record(metrics)) + "\n");
  tracker_.log(record(metrics));
  tracker_.close();
  EXPECT_EQ(contents(file()), json_line(record(metrics)) + "\n" + json_line(record(metrics)) + "\n");
}

TEST_F(JsonlTest, AppendsToWhatIsThere) {
  std::ofstream(file()) << "{\"step\":1}\n";
  tracker_.open(options());
  tracker_.log(record({}));
  tracker_.close();
  EXPECT_TRUE(contents(file()).starts_with("{\"step\":1}\n{\"step\":300"));
}

TEST_F(JsonlTest, NumbersReadBackExactly) {
  for (const double value : {0.1, 1.0 / 3, 1e-300, 1e300, 5e-324, -0.0, 41234.5678, 1764000000.0}) {
    const std::vector<Metric> metrics{{"x", value}};
    const auto parsed = boost::json::parse(json_line(record(metrics))).as_object();
    EXPECT_EQ(parsed.at("x").to_number<double>(), value);
  }
}

TEST_F(JsonlTest, NumbersThatJsonHasNoWordForAreNull) {
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<Metric> metrics{{"a", std::nan("")}, {"b", infinity}, {"c", -infinity}};
  const auto parsed = boost::json::parse(json_line(record(metrics))).as_object();
  for (const char* key : {"a", "b", "c"}) EXPECT_TRUE(parsed.at(key).is_null()) << key;
}

TEST_F(JsonlTest, NamesAreEscaped) {
  const std::vector<Metric> metrics{{"a\"b\\c\n", 1}};
  const auto parsed = boost::json::parse(json_line(record(metrics, "st\"age"))).as_object();
  EXPECT_TRUE(parsed.contains("a\"b\\c\n"));
  EXPECT_EQ(parsed.at("stage"), "st\"age");
}

TEST_F(JsonlTest, RefusesAMetricThatWouldHideAnotherKey) {
  const std::vector<Metric> metrics{{"step", 1}};
  EXPECT_THROW(json_line(record(metrics)), Error);
}

TEST_F(JsonlTest, SaysWhichFileItCannotWrite) {
  std::filesystem::create_directory(file());
  try {
    tracker_.open(options());
    FAIL() << "a folder was opened as a file";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::io);
    EXPECT_NE(error.message().find(file().string()), std::string::npos) << error.message();
  }
}

TEST_F(JsonlTest, ReportsAFullDisk) {
  std::filesystem::create_symlink("/dev/full", file());
  tracker_.open(options());
  EXPECT_THROW(tracker_.log(record({})), Error);
}

}  // namespace
}  // namespace easylm::trackers
