// The one exception type of EasyLM, and checks for our own mistakes.
#pragma once

#include <exception>
#include <string>
#include <string_view>

#include "easylm/export.h"

namespace easylm {

enum class ErrorCode {
  invalid_config,  // the user's mistake; exit code 2
  not_found,       // a file, a version, a component that isn't there
  io,              // the operating system said no
  corrupt,         // a file that isn't what it claims to be
  unsupported,     // understood, and not possible here
  device,          // no such device, or it failed
  numeric,         // training diverged
  interrupted,     // a signal asked us to stop
  plugin,          // a plugin broke its contract
  internal,        // our own mistake
};

// The name of a code as scripts see it, for example "not_found". [any-thread]
EASYLM_API std::string_view name_of(ErrorCode code);

// Something that failed: what and where in `message`, what to do about it in `hint` (may be empty).
class EASYLM_API Error : public std::exception {
 public:
  Error(ErrorCode code, std::string message, std::string hint = {});
  Error(const Error&);
  Error& operator=(const Error&);
  ~Error() override;

  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }
  const std::string& hint() const { return hint_; }
  const char* what() const noexcept override;  // the message alone

  // The same error with "where: " before its message. Used by fences to name stage or plugin.
  Error within(std::string_view where) const;

 private:
  ErrorCode code_;
  std::string message_;
  std::string hint_;
};

// Throws Error{internal} that names the place. Called by EASYLM_CHECK only.
[[noreturn]] EASYLM_API void check_failed(const char* file, int line, const char* condition,
                                          const std::string& message);

}  // namespace easylm

// Our own mistake if `condition` is false: throws Error{internal}. Never for the user's mistakes.
#define EASYLM_CHECK(condition, message) \
  ((condition) ? (void)0 : ::easylm::check_failed(__FILE__, __LINE__, #condition, (message)))
