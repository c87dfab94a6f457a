// Findings, notes and the lookup of suites.
#include <unistd.h>

#include <cstdio>

#include "easylm/error.h"
#include "exam.h"
#include "platform/child_process.h"

namespace easylm::exam {

void expect(bool holds, const std::string& seen) {
  if (!holds) throw Finding(seen);
}

Error expect_refusal(const std::string& what, std::initializer_list<ErrorCode> codes,
                     const std::function<void()>& action) {
  std::string wanted;
  for (const ErrorCode code : codes) wanted += (wanted.empty() ? "" : " or ") + std::string(name_of(code));
  try {
    action();
  } catch (const Error& error) {
    for (const ErrorCode code : codes) {
      if (error.code() == code) return error;
    }
    throw Finding(what + " should be refused with Error{" + wanted + "}, and was with Error{" +
                  std::string(name_of(error.code())) + "}: " + error.message());
  } catch (const std::exception& error) {
    throw Finding(what + " should be refused with Error{" + wanted +
                  "}, and threw something else: " + error.what());
  }
  throw Finding(what + " should be refused with Error{" + wanted + "}, and was accepted");
}

void note(const std::string& what) {
  const std::string line = "note " + what + "\n";
  if (write(kReportDescriptor, line.data(), line.size()) < 0) std::fprintf(stderr, "%s", line.c_str());
}

const Suite& suite_of(std::string_view kind) {
  for (const Suite& suite : suites()) {
    if (suite.kind == kind) return suite;
  }
  throw Error(ErrorCode::not_found, "this program examines no " + std::string(kind));
}

}  // namespace easylm::exam
