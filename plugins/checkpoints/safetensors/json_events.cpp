// JSON as a stream of events, from Boost.JSON's parser.
#include "json_events.h"

#include <boost/json/basic_parser_impl.hpp>
#include <limits>
#include <utility>

#include "easylm/error.h"

namespace easylm::safetensors {
namespace {

namespace json = boost::json;

// Puts the parser's pieces together. The names and the result types are the parser's.
class Handler {
 public:
  // NOLINTBEGIN(readability-identifier-naming)
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_key_size = std::size_t{1} << 16U;
  static constexpr std::size_t max_string_size = std::size_t{1} << 24U;
  // NOLINTEND(readability-identifier-naming)

  explicit Handler(JsonEvents& events) : events_(events) {}

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) { return tell(&JsonEvents::begin_object); }
  bool on_object_end(std::size_t, json::error_code&) { return tell(&JsonEvents::end_object); }
  bool on_array_begin(json::error_code&) { return tell(&JsonEvents::begin_array); }
  bool on_array_end(std::size_t, json::error_code&) { return tell(&JsonEvents::end_array); }
  bool on_key_part(json::string_view part, std::size_t, json::error_code&) { return append(part); }
  bool on_key(json::string_view part, std::size_t, json::error_code&) {
    append(part);
    events_.key(std::exchange(text_, {}));
    return true;
  }
  bool on_string_part(json::string_view part, std::size_t, json::error_code&) { return append(part); }
  bool on_string(json::string_view part, std::size_t, json::error_code&) {
    append(part);
    events_.string(std::exchange(text_, {}));
    return true;
  }
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t x, json::string_view, json::error_code&) {
    events_.integer(x);
    return true;
  }
  bool on_uint64(std::uint64_t, json::string_view, json::error_code&) { return other("too large a number"); }
  bool on_double(double, json::string_view, json::error_code&) {
    return other("a number that is no integer");
  }
  bool on_bool(bool x, json::error_code&) { return other(x ? "true" : "false"); }
  bool on_null(json::error_code&) { return other("null"); }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  bool tell(void (JsonEvents::*event)()) {
    (events_.*event)();
    return true;
  }
  bool append(json::string_view part) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool other(std::string_view what) {
    events_.other(what);
    return true;
  }

  JsonEvents& events_;
  std::string text_;
};

}  // namespace

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

}  // namespace easylm::safetensors
