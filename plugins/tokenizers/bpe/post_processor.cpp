// The post-processors of a tokenizer.json.
#include "post_processor.h"

#include <algorithm>

#include "json_members.h"
#include "model.h"
#include "unicode.h"

namespace easylm::tokenizers::bpe {
namespace {

bool is_space_letter(char32_t code) {
  return code == letter_of_byte(' ') || (character_classes()[code] & kSpace) != 0;
}

std::size_t spaces_in_front(std::string_view token) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < token.size() && is_space_letter(char_at(token, at).code); ++count) {
    at += char_at(token, at).size;
  }
  return count;
}

std::size_t spaces_at_end(std::string_view token) {
  std::size_t count = 0;
  for (std::size_t end = token.size(); end > 0 && is_space_letter(char_before(token, end).code); ++count) {
    end -= char_before(token, end).size;
  }
  return count;
}

}  // namespace

PostProcessor::PostProcessor(const Table& json, std::int64_t num_ids, const std::string& where) {
  read(json, num_ids, where);
}

void PostProcessor::read(const Table& json, std::int64_t num_ids, const std::string& where) {
  const std::string& type = type_of(json, where);
  if (type == "Sequence") {
    for (const Value& step : member<List>(json, "processors", where))
      read(table_of(step, where), num_ids, where);
  } else if (type == "ByteLevel") {
    if (member<bool>(json, "trim_offsets", where)) {
      trims_.push_back({member<bool>(json, "add_prefix_space", where)});
    }
  } else if (type == "TemplateProcessing") {
    if (has_template_) throw_unsupported(where, "more than one TemplateProcessing");
    has_template_ = true;
    read_template(json, num_ids, where);
  } else {
    throw_unsupported(where, "the post-processor '" + type + "'");
  }
}

void PostProcessor::read_template(const Table& json, std::int64_t num_ids, const std::string& where) {
  marks_.clear();
  const Table& specials = member<Table>(json, "special_tokens", where);
  for (const Value& value : member<List>(json, "single", where)) {
    const Table& piece = table_of(value, where);
    if (piece.find("Sequence") != nullptr) {
      const Table& sequence = member<Table>(piece, "Sequence", where);
      if (member<std::string>(sequence, "id", where) != "A")
        throw_corrupt(where, "a single text has no part B");
      marks_.emplace_back(std::nullopt);
      continue;
    }
    const auto& name = member<std::string>(member<Table>(piece, "SpecialToken", where), "id", where);
    for (const Value& id : member<List>(member<Table>(specials, name, where), "ids", where)) {
      const auto* number = id.as<std::int64_t>();
      if (number == nullptr || *number < 0 || *number >= num_ids) {
        throw_corrupt(where, "the post-processor's token '" + name + "' has an id that no token has");
      }
      marks_.emplace_back(static_cast<TokenId>(*number));
    }
  }
}

void PostProcessor::trim(std::size_t i, std::string_view token, std::string_view text,
                         TextRange& range) const {
  for (const Trim& trim : trims_) {
    std::size_t front = spaces_in_front(token);
    const std::size_t back = spaces_at_end(token);
    // The one space that was put in front of the text is no part of it.
    if (front == 1 && trim.add_prefix_space && (i == 0 || range.begin == 0)) front = 0;
    for (; front > 0 && range.begin < range.end; --front) {
      range.begin += char_at(text, static_cast<std::size_t>(range.begin)).size;
    }
    for (std::size_t left = back; left > 0 && range.end > range.begin; --left) {
      range.end -= char_before(text, static_cast<std::size_t>(range.end)).size;
    }
  }
}

}  // namespace easylm::tokenizers::bpe
