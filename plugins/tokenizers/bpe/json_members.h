// Reading the small tables of a tokenizer.json: each member is asked for by name, and a wrong one is an error
// that names it.
#pragma once

#include <string>
#include <string_view>

#include "easylm/error.h"
#include "easylm/value.h"
#include "pieces.h"

namespace easylm::tokenizers::bpe {

[[noreturn]] inline void throw_corrupt(const std::string& where, const std::string& what) {
  throw Error(ErrorCode::corrupt, where + ": " + what, "get the file again");
}

[[noreturn]] inline void throw_unsupported(const std::string& where, const std::string& what) {
  throw Error(ErrorCode::unsupported, where + ": " + what + " is not supported",
              "docs/tokenizers.md lists what is");
}

template <typename T>
const T& member(const Table& json, std::string_view key, const std::string& where) {
  const Value* value = json.find(key);
  const T* typed = value == nullptr ? nullptr : value->as<T>();
  if (typed == nullptr) throw_corrupt(where, "'" + std::string(key) + "' is missing or of the wrong type");
  return *typed;
}

// The same where a missing (or null) one has a default.
template <typename T>
T member_or(const Table& json, std::string_view key, T otherwise, const std::string& where) {
  return json.find(key) == nullptr ? std::move(otherwise) : member<T>(json, key, where);
}

inline const std::string& type_of(const Table& json, const std::string& where) {
  return member<std::string>(json, "type", where);
}

inline const Table& table_of(const Value& value, const std::string& where) {
  const auto* table = value.as<Table>();
  if (table == nullptr) throw_corrupt(where, "a component is no object");
  return *table;
}

// {"String": …} or {"Regex": …}.
struct PatternText {
  std::string text;
  bool is_regex;
};
inline PatternText pattern_of(const Table& json, const std::string& where) {
  const Table& pattern = member<Table>(json, "pattern", where);
  const bool is_regex = pattern.find("Regex") != nullptr;
  PatternText found{member<std::string>(pattern, is_regex ? "Regex" : "String", where), is_regex};
  if (found.text.empty()) throw_unsupported(where, "an empty pattern");
  return found;
}

// What a Replace or Prepend puts into a text.
inline const std::string& content_of(const Table& json, std::string_view key, const std::string& where) {
  const auto& content = member<std::string>(json, key, where);
  if (content.size() > kLongestContent) {
    throw_unsupported(where, "a replacement of " + std::to_string(content.size()) + " bytes");
  }
  return content;
}

}  // namespace easylm::tokenizers::bpe
