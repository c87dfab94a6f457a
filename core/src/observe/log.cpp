// Lines through spdlog to the console and the run's log file.
#include "observe/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/basic_file_sink.h>

#include <array>
#include <cstdio>
#include <mutex>

namespace easylm {
namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::string escaped(unsigned char c) {
  if (c == '\n') return "\\n";
  if (c == '\r') return "\\r";
  if (c == '\t') return "\\t";
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "\\x%02x", c);
  return text.data();
}

bool is_control(unsigned char c) { return c < 0x20 || c == 0x7F; }

// A message may have several lines, and nothing that drives a terminal.
std::string clean_message(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\n  ";
    } else if (is_control(static_cast<unsigned char>(c))) {
      out += escaped(static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out;
}

std::string format_value(std::string_view text) {
  std::string out;
  bool quote = text.empty();
  for (const char c : text) {
    quote =
        quote || c == ' ' || c == '"' || c == '=' || c == '\\' || is_control(static_cast<unsigned char>(c));
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (is_control(static_cast<unsigned char>(c))) {
      out += escaped(static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return quote ? '"' + out + '"' : out;
}

std::string format_value(const LogPair& pair) {
  if (const auto* integer = std::get_if<std::int64_t>(&pair.value)) return std::to_string(*integer);
  if (const auto* text = std::get_if<std::string_view>(&pair.value)) return format_value(*text);
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.6g", std::get<double>(pair.value));
  return text.data();
}

// spdlog's lines, one at a time, to our console.
class ConsoleSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit ConsoleSink(Console& console) : console_(console) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const std::string_view text(message.payload.data(), message.payload.size());
    const std::string_view colour = colour_of(message.level);
    if (console_.style().colour == Colour::never || colour.empty()) {
      console_.print(text);
    } else {
      console_.print(std::string(colour) + std::string(text) + "\x1b[0m");
    }
  }
  void flush_() override {}

 private:
  static std::string_view colour_of(spdlog::level::level_enum level) {
    if (level == spdlog::level::err) return "\x1b[31m";
    if (level == spdlog::level::warn) return "\x1b[33m";
    if (level == spdlog::level::debug) return "\x1b[2m";
    return {};
  }
  Console& console_;
};

}  // namespace

std::string format_log_line(LogLevel level, std::string_view word, std::string_view message,
                            std::span<const LogPair> pairs) {
  std::string line = "[" + clean_message(word) + "] ";
  if (level == LogLevel::warning) line += "warning: ";
  if (level == LogLevel::error) line += "error: ";
  line += clean_message(message);
  for (const LogPair& pair : pairs) {
    line += " " + clean_message(pair.key) + "=" + format_value(pair);
  }
  return line;
}

// Both sinks, each with a lock of its own; the list of sinks changes under `mutex`.
class Log::Sinks {
 public:
  Sinks(Console& console, LogLevel shown) : logger_("easylm") {
    auto sink = std::make_shared<ConsoleSink>(console);
    sink->set_level(to_spdlog(shown));
    logger_.sinks().push_back(std::move(sink));
    logger_.set_level(spdlog::level::debug);
    logger_.flush_on(spdlog::level::debug);
    // A full disk must not end a run that still trains; the console goes on showing lines.
    logger_.set_error_handler([&console](const std::string& message) {
      console.print(format_log_line(LogLevel::warning, "log", message, {}));
    });
  }

  void add_file(const std::filesystem::path& file) {
    try {
      auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file.string());
      sink->set_formatter(std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %l %v",
                                                                      spdlog::pattern_time_type::utc));
      const std::lock_guard lock(mutex_);
      logger_.sinks().push_back(std::move(sink));
    } catch (const spdlog::spdlog_ex& e) {
      throw Error(ErrorCode::io, "cannot write the log file " + file.string() + ": " + e.what(),
                  "check that its folder exists and may be written to");
    }
  }

  void write(LogLevel level, const std::string& line) {
    const std::lock_guard lock(mutex_);
    logger_.log(to_spdlog(level), spdlog::string_view_t(line));
  }

 private:
  std::mutex mutex_;
  spdlog::logger logger_;
};

Log::Log(Console& console, LogLevel shown) : sinks_(std::make_unique<Sinks>(console, shown)) {}
Log::~Log() = default;

void Log::add_file(const std::filesystem::path& file) { sinks_->add_file(file); }

void Log::write(LogLevel level, std::string_view word, std::string_view message,
                std::span<const LogPair> pairs) {
  sinks_->write(level, format_log_line(level, word, message, pairs));
}

void Log::write(std::string_view word, const Error& error) {
  std::string line = format_log_line(LogLevel::error, word, error.message(), {});
  if (!error.hint().empty()) line += "\n  hint: " + clean_message(error.hint());
  sinks_->write(LogLevel::error, line);
}

}  // namespace easylm
