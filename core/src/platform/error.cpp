// Error and the checks for our own mistakes.
#include "easylm/error.h"

#include <utility>

namespace easylm {

std::string_view name_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_config:
      return "invalid_config";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::io:
      return "io";
    case ErrorCode::corrupt:
      return "corrupt";
    case ErrorCode::unsupported:
      return "unsupported";
    case ErrorCode::device:
      return "device";
    case ErrorCode::numeric:
      return "numeric";
    case ErrorCode::interrupted:
      return "interrupted";
    case ErrorCode::plugin:
      return "plugin";
    case ErrorCode::internal:
      return "internal";
  }
  return "unknown";
}

Error::Error(ErrorCode code, std::string message, std::string hint)
    : code_(code), message_(std::move(message)), hint_(std::move(hint)) {}
Error::Error(const Error&) = default;
Error& Error::operator=(const Error&) = default;
Error::~Error() = default;

const char* Error::what() const noexcept { return message_.c_str(); }

Error Error::within(std::string_view where) const {
  return {code_, std::string(where) + ": " + message_, hint_};
}

void check_failed(const char* file, int line, const char* condition, const std::string& message) {
  throw Error(ErrorCode::internal,
              message + " (" + condition + " is false at " + file + ":" + std::to_string(line) + ")",
              "this is a mistake in EasyLM or in a plugin, please report it");
}

}  // namespace easylm
