// A CSV file and its grammar, RFC 4180: records end with a line, fields with a comma, and quotes protect
// both.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/mapped_file.h"

// The record that `text` begins with, and its line end; a line end between quotes is a part of it. Throws
// Error{corrupt} if a quote is never closed.
std::string_view first_record(std::string_view text);

// LF or CRLF.
std::string_view without_line_end(std::string_view record);

// The fields of a record without its line end. Throws Error{corrupt} that says which rule it breaks.
std::vector<std::string> fields_of(std::string_view record);

// A file in memory, whose first record names the columns.
struct CsvFile {
  explicit CsvFile(const std::filesystem::path& path);

  easylm::MappedFile map;
  std::string_view text;
  std::size_t body;  // where the other records begin
  std::int64_t header_lines = 0;
  std::vector<std::string> columns;
};
