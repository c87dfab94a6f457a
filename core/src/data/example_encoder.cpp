// Parses the field language once, and turns examples into tokens by it.
#include "easylm/example_encoder.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "data/base64.h"

namespace easylm {
namespace {

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// What stands between `open` and `close`; none if the text has not both.
std::optional<std::string_view> inside(std::string_view text, std::string_view open, std::string_view close) {
  if (text.size() < open.size() + close.size() || !text.starts_with(open) || !text.ends_with(close)) {
    return std::nullopt;
  }
  text.remove_prefix(open.size());
  text.remove_suffix(close.size());
  return text;
}

std::string in_quotes(std::string_view text) { return "'" + std::string(text) + "'"; }

}  // namespace

const std::string& Example::text(std::string_view name) const {
  const auto found = std::ranges::find(fields, name, &ExampleField::name);
  if (found == fields.end()) throw Error(ErrorCode::corrupt, "there is no field " + in_quotes(name));
  if (!found->other.empty()) {
    throw Error(ErrorCode::corrupt,
                "the field " + in_quotes(name) + " is " + std::string(found->other) + ", not a text");
  }
  return found->text;
}

ExampleSource::~ExampleSource() = default;

ExampleEncoder::ExampleEncoder(EncoderOptions options, std::shared_ptr<const Tokenizer> tokenizer,
                               std::string_view who)
    : options_(std::move(options)), tokenizer_(std::move(tokenizer)), who_(who) {
  const std::string& list = options_.fields;
  if (list.empty() == options_.fields_from_example.empty()) {
    fail(ErrorCode::invalid_config,
         list.empty() ? "neither fields nor fields_from_example is set"
                      : "fields and fields_from_example are both set",
         R"(say which fields to read, for example fields = "[prompt],completion")");
  }
  const SpecialTokens& special = tokenizer_->special();
  if (options_.add_bos_token && !special.bos) {
    fail(ErrorCode::invalid_config, "add_bos_token is on, but the tokenizer has no begin token",
         "set add_bos_token = false, or choose a tokenizer that has one");
  }
  if (options_.add_eos_token && !special.eos) {
    fail(ErrorCode::invalid_config, "add_eos_token is on, but the tokenizer has no end token",
         "set add_eos_token = false, or choose a tokenizer that has one");
  }
  if (list.empty()) return;
  elements_ = parse(list, ErrorCode::invalid_config);
  for (const Element& element : elements_) {
    field_names_.insert(field_names_.end(), element.names.begin(), element.names.end());
  }
}

void ExampleEncoder::fail(ErrorCode code, const std::string& message, std::string hint) const {
  const bool is_config = code == ErrorCode::invalid_config;
  throw Error(code, (is_config ? who_ + ": " : "") + message, std::move(hint));
}

std::vector<ExampleEncoder::Element> ExampleEncoder::parse(std::string_view list, ErrorCode code) const {
  std::vector<Element> elements;
  for (const std::string& part : split(list, ',')) elements.push_back(parse_element(part, code));
  if (!options_.prepend_text.empty() && elements.front().kind != ElementKind::text) {
    fail(code, "prepend_text is set, but the first of the fields " + in_quotes(list) + " is no text",
         "put a text field first, or take prepend_text out");
  }
  return elements;
}

ExampleEncoder::Element ExampleEncoder::parse_element(std::string_view text, ErrorCode code) const {
  Element element;
  std::string_view rest = text;
  if (const auto masked = inside(rest, "[", "]")) {
    element.mask = 0;
    rest = *masked;
  }
  if (const auto token = inside(rest, "<|", "|>")) {
    element.kind = ElementKind::token;
    element.token = parse_token(*token, code);
    return element;
  }
  if (const auto name = inside(rest, "{", "}")) {
    element.kind = ElementKind::raw_tokens;
    element.names = {std::string(*name)};
  } else {
    element.names = split(rest, '+');
  }
  for (const std::string& name : element.names) {
    if (name.empty()) {
      fail(code, "a field of " + in_quotes(text) + " has no name", "take the extra ',' or '+' out");
    }
    if (name.find_first_of("[]{}") != std::string::npos || name.starts_with("<|") || name.ends_with("|>")) {
      fail(code, in_quotes(text) + " is no field: its brackets don't match",
           "brackets go around one element of the list: [a+b] or [a],[b]");
    }
  }
  return element;
}

TokenId ExampleEncoder::parse_token(std::string_view name, ErrorCode code) const {
  if (name == "bos" || name == "eos") return special_token(name, code);
  std::int64_t id = -1;
  const auto [end, problem] = std::from_chars(name.data(), name.data() + name.size(), id);
  if (problem != std::errc() || end != name.data() + name.size() || name.empty()) {
    fail(code, "there is no token <|" + std::string(name) + "|>",
         "it may be <|bos|>, <|eos|> or a number, such as <|123|>");
  }
  if (id < 0 || id >= tokenizer_->vocabulary_size()) {
    fail(code, "token <|" + std::string(name) + "|> is outside of the tokenizer's vocabulary of " +
                   std::to_string(tokenizer_->vocabulary_size()));
  }
  return static_cast<TokenId>(id);
}

TokenId ExampleEncoder::special_token(std::string_view name, ErrorCode code) const {
  const auto& token = name == "bos" ? tokenizer_->special().bos : tokenizer_->special().eos;
  if (!token) {
    fail(code, "fields has <|" + std::string(name) + "|>, but the tokenizer has no such token",
         "take it out of the fields, or choose a tokenizer that has one");
  }
  return *token;
}

bool ExampleEncoder::reads(std::string_view field) const {
  return field_names_.empty() || std::ranges::find(field_names_, field) != field_names_.end();
}

void ExampleEncoder::encode(const Example& example, Document& document) const {
  document.tokens.clear();
  document.mask.clear();
  const auto add_special = [&](const std::optional<TokenId>& token, float mask) {
    document.tokens.push_back(*token);
    document.mask.push_back(mask);
  };
  if (options_.add_bos_token) add_special(tokenizer_->special().bos, 0);
  if (options_.fields_from_example.empty()) {
    append_all(elements_, example, document);
  } else {
    append_all(parse(example.text(options_.fields_from_example), ErrorCode::corrupt), example, document);
  }
  if (options_.add_eos_token) add_special(tokenizer_->special().eos, 1);
}

void ExampleEncoder::append_all(const std::vector<Element>& elements, const Example& example,
                                Document& document) const {
  std::string text = options_.prepend_text;
  for (const Element& element : elements) {
    if (element.kind == ElementKind::token) {
      document.tokens.push_back(element.token);
    } else if (element.kind == ElementKind::raw_tokens) {
      append_raw_tokens(element.names.front(), example, document.tokens);
    } else {
      for (std::size_t i = 0; i < element.names.size(); ++i) {
        if (i > 0) text += options_.subfield_separator;
        text += example.text(element.names[i]);
      }
      tokenizer_->encode(text, document.tokens);
      text.clear();
    }
    document.mask.resize(document.tokens.size(), element.mask);
  }
}

void ExampleEncoder::append_raw_tokens(const std::string& field, const Example& example,
                                       std::vector<TokenId>& tokens) const {
  const auto bytes = decode_base64(example.text(field));
  if (!bytes) fail(ErrorCode::corrupt, "the field " + in_quotes(field) + " is not base64");
  const auto ids = read_integers(*bytes, options_.base64_token_dtype);
  if (!ids) {
    fail(ErrorCode::corrupt, "the field " + in_quotes(field) + " holds " + std::to_string(bytes->size()) +
                                 " bytes, which is no whole number of " + options_.base64_token_dtype);
  }
  for (const std::int64_t id : *ids) {
    if (id < 0 || id >= tokenizer_->vocabulary_size()) {
      fail(ErrorCode::corrupt, "the field " + in_quotes(field) + " holds token " + std::to_string(id) +
                                   ", outside of the tokenizer's vocabulary of " +
                                   std::to_string(tokenizer_->vocabulary_size()));
    }
    tokens.push_back(static_cast<TokenId>(id));
  }
}

}  // namespace easylm
