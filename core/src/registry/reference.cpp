// How versions are named.
#include "registry/reference.h"

#include <algorithm>
#include <charconv>

#include "easylm/error.h"

namespace easylm {
namespace {

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// A positive number of digits only; 0 if it is none.
std::int64_t parse_number(std::string_view text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, problem] = std::from_chars(text.data(), end, number);
  return problem == std::errc() && stopped == end && number > 0 ? number : 0;
}

}  // namespace

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > 100 || (!is_letter_or_digit(text[0]) && text[0] != '_')) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-'; });
}

std::optional<Reference> try_parse_reference(std::string_view text) {
  const std::size_t mark = text.find_first_of(":@");
  Reference reference{std::string(text.substr(0, mark)), 0, {}};
  if (!is_name(reference.name)) return std::nullopt;
  if (mark == std::string_view::npos) {
    reference.alias = kLatest;
    return reference;
  }
  const std::string_view rest = text.substr(mark + 1);
  if (text[mark] == ':') {
    reference.number = parse_number(rest);
    if (reference.number == 0) return std::nullopt;
  } else {
    if (!is_name(rest)) return std::nullopt;
    reference.alias = rest;
  }
  return reference;
}

Reference parse_reference(std::string_view text) {
  std::optional<Reference> reference = try_parse_reference(text);
  if (!reference) {
    throw Error(ErrorCode::invalid_config, "'" + std::string(text) + "' is not a reference to a version",
                "write NAME, NAME:3, NAME@ALIAS or NAME@latest");
  }
  return *std::move(reference);
}

std::string uri_of(std::string_view name, std::int64_t number) {
  return std::string(name) + ":" + std::to_string(number);
}

std::filesystem::path version_folder(std::string_view name, std::int64_t number) {
  std::string digits = std::to_string(number);
  if (digits.size() < 6) digits.insert(0, 6 - digits.size(), '0');
  return std::filesystem::path("checkpoints") / name / ("v" + digits);
}

std::int64_t number_of_folder(std::string_view folder_name) {
  if (folder_name.size() < 7 || folder_name[0] != 'v') return 0;
  const std::int64_t number = parse_number(folder_name.substr(1));
  return number > 0 && version_folder("x", number).filename() == folder_name ? number : 0;
}

}  // namespace easylm
