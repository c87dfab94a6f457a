// Findings, notes and the lookup of suites.
#include <unistd.h>

#include <array>
#include <cstdio>
#include <exception>
#include <thread>
#include <vector>

#include "easylm/error.h"
#include "exam.h"
#include "platform/child.h"

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

std::string shown(std::string_view bytes) {
  constexpr std::size_t kMost = 60;
  std::string text = "\"";
  for (const char c : bytes.substr(0, kMost)) {
    std::array<char, 8> hex{};
    std::snprintf(hex.data(), hex.size(), "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
    text += c >= ' ' && c <= '~' ? std::string(1, c) : hex.data();
  }
  return text + (bytes.size() > kMost ? "\"…" : "\"");
}

void in_threads(int count, const std::function<void(int)>& action) {
  std::vector<std::exception_ptr> thrown(static_cast<std::size_t>(count));
  std::vector<std::thread> threads;
  threads.reserve(thrown.size());
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      try {
        action(i);
      } catch (...) {
        thrown[static_cast<std::size_t>(i)] = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::exception_ptr& failure : thrown) {
    if (failure) std::rethrow_exception(failure);
  }
}

const Suite& suite_of(std::string_view kind) {
  for (const Suite& suite : suites()) {
    if (suite.kind == kind) return suite;
  }
  throw Error(ErrorCode::not_found, "this program examines no " + std::string(kind));
}

}  // namespace easylm::exam
