// Writes an exam's results as text, JSON and JUnit's XML.
#include "plugin/exam_report.h"

#include <boost/json.hpp>
#include <cstdio>
#include <sstream>

namespace easylm {
namespace {

std::string indented(const std::string& text, const std::string& indent) {
  std::string out = indent;
  for (const char c : text) {
    out += c;
    if (c == '\n') out += indent;
  }
  while (!out.empty() && (out.back() == ' ' || out.back() == '\n')) out.pop_back();
  return out + "\n";
}

std::string in_xml(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:  // XML 1.0 has no way to write other control characters
        out += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? '?' : c;
    }
  }
  return out;
}

std::string seconds_text(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", seconds);
  return text;
}

std::string name_in(const ExamReport& report) {
  return report.name.empty() ? report.plugin.filename().string() : report.name + " " + report.version;
}

}  // namespace

std::string exam_line(const ExamResult& result, std::uint64_t seed, const std::string& command) {
  const std::string what = result.component + ": " + result.test;
  switch (result.verdict) {
    case Verdict::passed:
      return "  ok    " + what + "\n";
    case Verdict::skipped:
      return "  -     " + what + " (" + result.text + ")\n";
    case Verdict::failed:
      break;
  }
  std::string text = "  FAIL  " + what + "\n" + indented("rule:  " + result.rule, "          ") +
                     indented("found: " + result.text, "          ");
  if (result.component != "file") {
    text += indented("again: " + command + " --reproduce " + reproduce_text(result, seed), "          ");
  }
  return text;
}

std::string exam_summary(const ExamReport& report) {
  std::ostringstream out;
  out << report.results.size() << (report.results.size() == 1 ? " test" : " tests") << " of "
      << name_in(report) << ": " << report.count(Verdict::passed) << " passed, "
      << report.count(Verdict::failed) << " failed";
  if (const std::size_t skipped = report.count(Verdict::skipped)) out << ", " << skipped << " do not apply";
  out << "\n";
  return out.str();
}

std::string exam_json(const ExamReport& report) {
  boost::json::array results;
  for (const ExamResult& result : report.results) {
    results.push_back({{"component", result.component},
                       {"test", result.test},
                       {"rule", result.rule},
                       {"verdict", name_of(result.verdict)},
                       {"text", result.text},
                       {"seconds", result.seconds}});
  }
  return boost::json::serialize(boost::json::object{{"plugin", report.plugin.string()},
                                                    {"name", report.name},
                                                    {"version", report.version},
                                                    {"seed", report.seed},
                                                    {"ok", report.count(Verdict::failed) == 0},
                                                    {"results", std::move(results)}}) +
         "\n";
}

std::string exam_junit(const ExamReport& report) {
  std::ostringstream out;
  out << "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"" << in_xml(name_in(report))
      << "\" tests=\"" << report.results.size() << "\" failures=\"" << report.count(Verdict::failed)
      << "\" skipped=\"" << report.count(Verdict::skipped) << "\">\n";
  for (const ExamResult& result : report.results) {
    out << "  <testcase classname=\"" << in_xml(result.component) << "\" name=\"" << in_xml(result.test)
        << "\" time=\"" << seconds_text(result.seconds) << "\"";
    if (result.verdict == Verdict::passed) {
      out << "/>\n";
      continue;
    }
    const char* element = result.verdict == Verdict::failed ? "failure" : "skipped";
    out << "><" << element << " message=\"" << in_xml(result.text) << "\"/></testcase>\n";
  }
  out << "</testsuite>\n";
  return out.str();
}

}  // namespace easylm
