// What an exam came to: for people, for scripts, for continuous integration.
#pragma once

#include <string>

#include "easylm/export.h"
#include "plugin/exam.h"

namespace easylm {

// A line for one result. `command` is what was typed, up to and with the plugin's file: a finding ends with
// how to see it again.
EASYLM_API std::string exam_line(const ExamResult& result, std::uint64_t seed, const std::string& command);

// The last line: "12 tests of lion 0.1.0: 11 passed, 1 failed".
EASYLM_API std::string exam_summary(const ExamReport& report);

// {"plugin","name","version","seed","ok","results":[{"component","test","rule","verdict","text","seconds"}]},
// on one line.
EASYLM_API std::string exam_json(const ExamReport& report);

// The XML that CI servers read, a <testcase> a result.
EASYLM_API std::string exam_junit(const ExamReport& report);

}  // namespace easylm
