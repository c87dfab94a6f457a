// Writes records as JSON lines.
#include "jsonl_tracker.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <system_error>

#include "easylm/error.h"

namespace easylm::trackers {
namespace {

constexpr std::array<std::string_view, 4> kOwnKeys{"step", "tokens", "time", "stage"};

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", byte);
      out += escape.data();
    } else {
      out += c;
    }
  }
  return out + '"';
}

// The shortest text that reads back as the same number.
std::string number(double value) {
  if (!std::isfinite(value)) return "null";
  std::array<char, 32> text{};
  const auto result = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), result.ptr};
}

std::string milliseconds(double time) {
  if (!std::isfinite(time)) return "null";
  std::array<char, 400> text{};
  const auto result =
      std::to_chars(text.data(), text.data() + text.size(), time, std::chars_format::fixed, 3);
  return {text.data(), result.ptr};
}

[[noreturn]] void fail(const std::filesystem::path& path) {
  throw Error(ErrorCode::io, "cannot write " + path.string() + ": " + std::strerror(errno),
              "check free space and permissions");
}

}  // namespace

std::string json_line(const MetricRecord& record) {
  std::string line =
      "{\"step\":" + std::to_string(record.step) + ",\"tokens\":" + std::to_string(record.tokens);
  for (const Metric& metric : record.metrics) {
    if (std::find(kOwnKeys.begin(), kOwnKeys.end(), metric.name) != kOwnKeys.end()) {
      throw Error(ErrorCode::plugin, "stage '" + std::string(record.stage) + "' has a metric called '" +
                                         std::string(metric.name) +
                                         "', which is a key of its own in metrics.jsonl");
    }
    line += "," + in_quotes(metric.name) + ":" + number(metric.value);
  }
  return line + ",\"time\":" + milliseconds(record.time) + ",\"stage\":" + in_quotes(record.stage) + "}";
}

void JsonlTracker::open(const TrackerOptions& options) {
  path_ = options.folder / "metrics.jsonl";
  file_.reset(std::fopen(path_.c_str(), "abe"));
  if (!file_) fail(path_);
}

void JsonlTracker::log(const MetricRecord& record) {
  EASYLM_CHECK(file_ != nullptr, "tracker jsonl got a record while it was not open");
  const std::string line = json_line(record) + "\n";
  const bool written = std::fwrite(line.data(), 1, line.size(), file_.get()) == line.size();
  if (!written || std::fflush(file_.get()) != 0) fail(path_);
}

void JsonlTracker::close() {
  if (!file_) return;
  const bool synced = ::fsync(::fileno(file_.get())) == 0 || errno == EINVAL;  // EINVAL: not a file on a disk
  const bool closed = std::fclose(file_.release()) == 0;
  if (!synced || !closed) fail(path_);
}

}  // namespace easylm::trackers
