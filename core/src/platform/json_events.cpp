// JSON as a stream of events, from Boost.JSON's parser.
#include "easylm/json_events.h"

#include <boost/json/basic_parser_impl.hpp>
#include <limits>
#include <string>

#include "easylm/error.h"

namespace easylm {
namespace {

namespace json = boost::json;

// Puts the parser's pieces together. The names and the result types are the parser's.
class Handler {
 public:
  // NOLINTBEGIN(readability-identifier-naming)
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_key_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_string_size = std::numeric_limits<std::size_t>::max();
  // NOLINTEND(readability-identifier-naming)

  explicit Handler(JsonEvents& events) : events_(events) {}

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) { return tell(&JsonEvents::begin_object); }
  bool on_object_end(std::size_t, json::error_code&) { return tell(&JsonEvents::end_object); }
  bool on_array_begin(json::error_code&) { return tell(&JsonEvents::begin_array); }
  bool on_array_end(std::size_t, json::error_code&) { return tell(&JsonEvents::end_array); }
  bool on_key_part(json::string_view part, std::size_t, json::error_code&) { return append(part); }
  bool on_key(json::string_view part, std::size_t, json::error_code&) { return tell(&JsonEvents::key, part); }
  bool on_string_part(json::string_view part, std::size_t, json::error_code&) { return append(part); }
  bool on_string(json::string_view part, std::size_t, json::error_code&) {
    return tell(&JsonEvents::string, part);
  }
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t x, json::string_view, json::error_code&) {
    events_.integer(x);
    return true;
  }
  bool on_uint64(std::uint64_t x, json::string_view, json::error_code&) {
    events_.real(static_cast<double>(x));
    return true;
  }
  bool on_double(double x, json::string_view, json::error_code&) {
    events_.real(x);
    return true;
  }
  bool on_bool(bool x, json::error_code&) {
    events_.boolean(x);
    return true;
  }
  bool on_null(json::error_code&) { return tell(&JsonEvents::null); }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  bool tell(void (JsonEvents::*event)()) {
    (events_.*event)();
    return true;
  }
  // The last part of a text; most have no other.
  bool tell(void (JsonEvents::*event)(std::string_view), json::string_view part) {
    if (text_.empty()) {
      (events_.*event)({part.data(), part.size()});
      return true;
    }
    append(part);
    (events_.*event)(text_);
    text_.clear();
    return true;
  }
  bool append(json::string_view part) {
    text_.append(part.data(), part.size());
    return true;
  }

  JsonEvents& events_;
  std::string text_;
};

}  // namespace

JsonEvents::~JsonEvents() = default;

void read_json(std::string_view text, std::string_view where, JsonEvents& events) {
  json::basic_parser<Handler> parser(json::parse_options{}, events);  // its depth limit is 32
  json::error_code problem;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), problem);
  if (!problem && used < text.size()) problem = json::error::extra_data;
  if (problem) {
    throw Error(ErrorCode::corrupt,
                std::string(where) + " is not valid JSON: " + problem.message() + " near byte " +
                    std::to_string(used),
                "the file is damaged: get it again");
  }
}

}  // namespace easylm
