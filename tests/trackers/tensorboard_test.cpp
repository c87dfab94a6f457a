// TensorBoard's format: against bytes that its own writer made, and read back by an independent decoder.
#include "tensorboard/tensorboard_tracker.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <map>

#include "tracker_fixture.h"

namespace easylm::trackers {
namespace {

// tensorboard 2.x's RecordWriter: the version event at 1764000000.25, then step 300 at 1764000001.5 with
// train/loss 2.5 and train/lr 3e-4.
constexpr std::string_view kTheirBytes =
    "1800000000000000a37f4b2209000010402049da411a0d627261696e2e4576656e743a327b854a4b32000000"
    "00000000241956ec09000060402049da4110ac022a240a110a0a747261696e2f6c6f737315000020400a0f0a"
    "08747261696e2f6c721552499d390875fe13";

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    out += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4U];
    out += "0123456789abcdef"[static_cast<unsigned char>(c) & 15U];
  }
  return out;
}

// CRC32C bit by bit, as its definition reads.
std::uint32_t slow_crc32c(std::string_view bytes) {
  std::uint32_t crc = ~0U;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0x82F63B78U : 0U);
  }
  return ~crc;
}

std::uint32_t unmask(std::uint32_t masked) {
  const std::uint32_t rotated = masked - 0xa282ead8U;
  return rotated >> 17U | rotated << 15U;
}

// Takes bytes from the front.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  bool done() const { return bytes_.empty(); }
  std::string_view take(std::size_t size) {
    if (size > bytes_.size()) throw std::runtime_error("the bytes end early");
    const std::string_view out = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return out;
  }
  template <typename T>
  T fixed() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if (byte < 0x80) return value;
    }
  }
  std::string_view bytes() { return take(varint()); }

 private:
  std::string_view bytes_;
};

struct Event {
  double wall_time = 0;
  std::int64_t step = 0;
  std::string file_version;
  std::map<std::string, float> scalars;
};

void read_value(Event& event, std::string_view bytes) {
  Reader reader(bytes);
  std::string tag;
  while (!reader.done()) {
    switch (reader.varint()) {
      case 1 << 3 | 2:
        tag = reader.bytes();
        break;
      case 2 << 3 | 5:
        event.scalars[tag] = reader.fixed<float>();
        break;
      default:
        throw std::runtime_error("an unknown field of Summary.Value");
    }
  }
}

Event read_event(std::string_view bytes) {
  Reader reader(bytes);
  Event event;
  while (!reader.done()) {
    switch (reader.varint()) {
      case 1 << 3 | 1:
        event.wall_time = reader.fixed<double>();
        break;
      case 2 << 3 | 0:
        event.step = static_cast<std::int64_t>(reader.varint());
        break;
      case 3 << 3 | 2:
        event.file_version = reader.bytes();
        break;
      case 5 << 3 | 2:
        for (Reader summary(reader.bytes()); !summary.done();) {
          if (summary.varint() != (1 << 3 | 2)) throw std::runtime_error("an unknown field of Summary");
          read_value(event, summary.bytes());
        }
        break;
      default:
        throw std::runtime_error("an unknown field of Event");
    }
  }
  return event;
}

std::vector<Event> read_events(std::string_view file) {
  std::vector<Event> events;
  for (Reader reader(file); !reader.done();) {
    const std::string_view length = reader.take(8);
    EXPECT_EQ(unmask(reader.fixed<std::uint32_t>()), slow_crc32c(length));
    const std::string_view message = reader.take(Reader(length).fixed<std::uint64_t>());
    EXPECT_EQ(unmask(reader.fixed<std::uint32_t>()), slow_crc32c(message));
    events.push_back(read_event(message));
  }
  return events;
}

class TensorboardTest : public TrackerTest {
 protected:
  std::vector<std::filesystem::path> files() const {
    return {std::filesystem::directory_iterator(folder_), std::filesystem::directory_iterator()};
  }
  TensorboardTracker tracker_{host_, {}};
};

TEST_F(TensorboardTest, MakesTheBytesThatTensorboardMakes) {
  const std::string ours =
      record_of(version_event(1764000000.25)) +
      record_of(scalars_event(1764000001.5, 300, {{"train/loss", 2.5F}, {"train/lr", 3e-4F}}));
  EXPECT_EQ(hex(ours), kTheirBytes);
}

TEST_F(TensorboardTest, ComputesCastagnolisCrc) {
  EXPECT_EQ(crc32c(""), 0U);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);  // the check value of its definition
}

TEST_F(TensorboardTest, WritesOneFileThatReadsBack) {
  const std::vector<Metric> metrics{{"loss", 2.5}, {"learning_rate", 3e-4}};
  tracker_.open(options());
  tracker_.log(record(metrics));
  tracker_.close();
  ASSERT_EQ(files().size(), 1U);
  EXPECT_TRUE(files()[0].filename().string().starts_with("events.out.tfevents."));
  const auto events = read_events(contents(files()[0]));
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].file_version, "brain.Event:2");
  EXPECT_GT(events[0].wall_time, 1.7e9);
  EXPECT_EQ(events[1].wall_time, 1764000001.5);
  EXPECT_EQ(events[1].step, 300);
  EXPECT_EQ(events[1].scalars, (std::map<std::string, float>{{"train/loss", 2.5F}, {"train/lr", 3e-4F}}));
}

TEST_F(TensorboardTest, EachRecordIsInTheFileWhenLogReturns) {
  tracker_.open(options());
  EXPECT_EQ(read_events(contents(files()[0])).size(), 1U);
  tracker_.log(record({}));
  EXPECT_EQ(read_events(contents(files()[0])).size(), 2U);
}

TEST_F(TensorboardTest, LongNamesAndNumbersThatAreNoneSurvive) {
  const std::string name(300, 'n');
  const std::vector<Metric> metrics{{name, std::nan("")}, {"inf", INFINITY}};
  tracker_.open(options());
  tracker_.log(record(metrics));
  const auto scalars = read_events(contents(files()[0])).at(1).scalars;
  EXPECT_TRUE(std::isnan(scalars.at("train/" + name)));
  EXPECT_TRUE(std::isinf(scalars.at("train/inf")));
}

TEST_F(TensorboardTest, NeverWritesOverAnotherFile) {
  TensorboardTracker other(host_, {});
  tracker_.open(options());
  other.open(options());
  EXPECT_EQ(files().size(), 2U);
}

TEST_F(TensorboardTest, NamesCurvesByHabit) {
  const auto tag = [](std::string_view stage, std::string_view metric) {
    return scalar_of(stage, {metric, 1}).tag;
  };
  EXPECT_EQ(tag("train", "loss"), "train/loss");
  EXPECT_EQ(tag("train", "learning_rate"), "train/lr");
  EXPECT_EQ(tag("train", "gradient_norm"), "train/grad_norm");
  EXPECT_EQ(tag("train", "validation_loss"), "val/loss");
  EXPECT_EQ(tag("train", "validation_perplexity"), "val/perplexity");
  EXPECT_EQ(tag("train", "tokens_per_second"), "perf/tok_per_sec");
  EXPECT_EQ(tag("train", "peak_memory_bytes"), "mem/peak_gb");
  EXPECT_EQ(tag("train", "skipped_updates"), "train/skipped_updates");
  EXPECT_FLOAT_EQ(scalar_of("train", {"peak_memory_bytes", 1.9e9}).value, 1.9F);
}

TEST_F(TensorboardTest, TwoStagesNeverShareACurve) {
  const auto tag = [](std::string_view stage, std::string_view metric) {
    return scalar_of(stage, {metric, 1}).tag;
  };
  EXPECT_EQ(tag("evaluate", "loss"), "evaluate/loss");
  EXPECT_EQ(tag("finetune", "learning_rate"), "finetune/lr");
  EXPECT_EQ(tag("finetune", "validation_loss"), "finetune/val/loss");
}

TEST_F(TensorboardTest, SaysWhereItCannotWrite) {
  auto nowhere = options();
  nowhere.folder /= "missing";
  try {
    tracker_.open(nowhere);
    FAIL() << "a missing folder was written to";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::io);
    EXPECT_NE(error.message().find(nowhere.folder.string()), std::string::npos) << error.message();
  }
}

}  // namespace
}  // namespace easylm::trackers
