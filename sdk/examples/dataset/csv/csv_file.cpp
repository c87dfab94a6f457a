// Reads records from the left.
#include "csv_file.h"

#include <algorithm>

#include "easylm/error.h"

namespace {

[[noreturn]] void fail(const char* message) { throw easylm::Error(easylm::ErrorCode::corrupt, message); }

// What stands between quotes; takes it, and the quotes, off the front of `record`.
std::string take_quoted(std::string_view& record) {
  std::string field;
  for (;;) {
    record.remove_prefix(1);
    const std::size_t quote = record.find('"');
    if (quote == std::string_view::npos) fail("a quote is opened and never closed");
    field += record.substr(0, quote);
    record.remove_prefix(quote + 1);
    if (!record.starts_with('"')) return field;
    field += '"';  // two of them stand for one
  }
}

std::string take_plain(std::string_view& record) {
  std::string field(record.substr(0, record.find(',')));
  if (field.find('"') != std::string::npos) fail("there is a quote in a field that does not begin with one");
  record.remove_prefix(field.size());
  return field;
}

}  // namespace

std::string_view first_record(std::string_view text) {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (text[i] == '\n' && !quoted) return text.substr(0, i + 1);
  }
  if (quoted) fail("a quote is opened and never closed");
  return text;
}

std::string_view without_line_end(std::string_view record) {
  if (record.ends_with('\n')) record.remove_suffix(1);
  if (record.ends_with('\r')) record.remove_suffix(1);
  return record;
}

std::vector<std::string> fields_of(std::string_view record) {
  std::vector<std::string> fields;
  for (;;) {
    fields.push_back(record.starts_with('"') ? take_quoted(record) : take_plain(record));
    if (record.empty()) return fields;
    if (record.front() != ',') fail("a field goes on after its closing quote");
    record.remove_prefix(1);
  }
}

CsvFile::CsvFile(const std::filesystem::path& path)
    : map(path),
      text(reinterpret_cast<const char*>(map.bytes().data()), map.bytes().size()),
      body(text.starts_with("\xEF\xBB\xBF") ? 3 : 0) {  // bytes that say that the rest is UTF-8
  const std::string_view header = first_record(text.substr(body));
  columns = fields_of(without_line_end(header));
  body += header.size();
  header_lines = std::ranges::count(header, '\n');
}
