// The decoders of a tokenizer.json.
#include "decoder.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "json_members.h"
#include "model.h"
#include "pre_tokenizer.h"
#include "regex.h"
#include "unicode.h"

namespace easylm::tokenizers::bpe {
namespace {

std::string joined(const std::vector<std::string>& tokens, std::string_view between) {
  std::string text;
  for (const std::string& token : tokens) {
    if (&token != tokens.data()) text += between;
    text += token;
  }
  return text;
}

std::size_t size_of(const std::vector<std::string>& tokens) {
  std::size_t size = 0;
  for (const std::string& token : tokens) size += token.size();
  return size;
}

// The bytes that the letters of a token stand for; the token itself if it has other letters.
std::string bytes_of_letters(std::string token) {
  std::string bytes;
  for (std::size_t at = 0; at < token.size();) {
    const Utf8Char c = char_at(token, at);
    const int byte = byte_of_letter(c.code);
    if (byte < 0) return token;
    bytes += static_cast<char>(byte);
    at += c.size;
  }
  return bytes;
}

class ByteLevel final : public DecoderStep {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::string bytes;
    for (std::string& token : tokens) bytes += bytes_of_letters(std::move(token));
    tokens.assign(1, clean_utf8(bytes));
  }
  std::string bytes_of(std::string token) const override { return bytes_of_letters(std::move(token)); }
};

class ByteFallback final : public DecoderStep {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::vector<std::string> out;
    std::string bytes;
    const auto flush = [&] {
      if (bytes.empty()) return;
      std::string clean = clean_utf8(bytes);
      if (clean == bytes) {
        out.push_back(std::move(clean));
      } else {
        out.insert(out.end(), bytes.size(), std::string(kReplacement));
      }
      bytes.clear();
    };
    for (std::string& token : tokens) {
      if (const std::optional<char> byte = byte_named(token)) {
        bytes += *byte;
      } else {
        flush();
        out.push_back(std::move(token));
      }
    }
    flush();
    tokens = std::move(out);
  }
  std::string bytes_of(std::string token) const override {
    const std::optional<char> byte = byte_named(token);
    return byte ? std::string(1, *byte) : token;
  }

 private:
  // <0x0A>
  static std::optional<char> byte_named(std::string_view token) {
    if (token.size() != 6 || !token.starts_with("<0x") || !token.ends_with('>')) return std::nullopt;
    unsigned byte = 0;
    const std::string_view digits = token.substr(3, 2);
    // HF's reader of numbers takes a sign.
    const std::size_t sign = digits[0] == '+' ? 1 : 0;
    const auto [end, problem] = std::from_chars(digits.data() + sign, digits.data() + 2, byte, 16);
    if (problem != std::errc() || end != digits.data() + 2) return std::nullopt;
    return static_cast<char>(byte);
  }
};

class Fuse final : public DecoderStep {
 public:
  void apply(std::vector<std::string>& tokens) const override { tokens.assign(1, joined(tokens, "")); }
};

class Strip final : public DecoderStep {
 public:
  Strip(std::string content, std::int64_t start, std::int64_t stop)
      : content_(std::move(content)), start_(start), stop_(stop) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) {
      std::string_view rest = token;
      for (std::int64_t i = 0; i < start_ && rest.starts_with(content_); ++i)
        rest.remove_prefix(content_.size());
      for (std::int64_t i = 0; i < stop_ && rest.ends_with(content_); ++i)
        rest.remove_suffix(content_.size());
      token = std::string(rest);
    }
  }

 private:
  std::string content_;
  std::int64_t start_, stop_;
};

class Replace final : public DecoderStep {
 public:
  Replace(const PatternText& pattern, std::string content, const std::string& where)
      : pattern_(pattern), content_(std::move(content)) {
    if (pattern.is_regex) regex_ = std::make_unique<Regex>(pattern.text, where);
  }
  void apply(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) token = bytes_of(std::move(token));
  }
  std::string bytes_of(std::string token) const override {
    std::string out;
    for (const Part& part : regex_ ? parts_by_regex(*regex_, token) : parts_by_string(pattern_.text, token)) {
      out += part.is_match ? content_ : token.substr(part.begin, part.end - part.begin);
    }
    return out;
  }

 private:
  PatternText pattern_;
  std::string content_;
  std::unique_ptr<Regex> regex_;
};

class Metaspace final : public DecoderStep {
 public:
  explicit Metaspace(MetaspaceSettings settings) : settings_(std::move(settings)) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const bool drops = i == 0 && settings_.scheme != PrependScheme::never;
      tokens[i] = without_marks(tokens[i], drops ? "" : " ");
    }
  }
  std::string bytes_of(std::string token) const override { return without_marks(token, " "); }

 private:
  std::string without_marks(std::string_view token, std::string_view instead) const {
    std::string out;
    for (const Part& part : parts_by_string(settings_.replacement, token)) {
      out += part.is_match ? instead : token.substr(part.begin, part.end - part.begin);
    }
    return out;
  }
  MetaspaceSettings settings_;
};

std::unique_ptr<DecoderStep> make_strip(const Table& json, const std::string& where) {
  const auto start = member<std::int64_t>(json, "start", where);
  const auto stop = member<std::int64_t>(json, "stop", where);
  const auto& content = member<std::string>(json, "content", where);
  if (start < 0 || stop < 0 || content.empty()) throw_corrupt(where, "the decoder Strip counts below zero");
  return std::make_unique<Strip>(content, start, stop);
}

}  // namespace

Decoder::Decoder(const Table& json, const std::string& where) : joins_by_spaces_(false) { add(json, where); }

void Decoder::add(const Table& json, const std::string& where) {
  const std::string& type = type_of(json, where);
  if (type == "Sequence") {
    for (const Value& step : member<List>(json, "decoders", where)) add(table_of(step, where), where);
  } else if (type == "ByteLevel") {
    steps_.push_back(std::make_unique<ByteLevel>());
  } else if (type == "ByteFallback") {
    steps_.push_back(std::make_unique<ByteFallback>());
  } else if (type == "Fuse") {
    steps_.push_back(std::make_unique<Fuse>());
  } else if (type == "Strip") {
    steps_.push_back(make_strip(json, where));
  } else if (type == "Replace") {
    steps_.push_back(
        std::make_unique<Replace>(pattern_of(json, where), content_of(json, "content", where), where));
  } else if (type == "Metaspace") {
    steps_.push_back(std::make_unique<Metaspace>(metaspace_settings(json, where)));
  } else {
    throw_unsupported(where, "the decoder '" + type + "'");
  }
}

std::string Decoder::decode(std::vector<std::string> tokens) const {
  const std::size_t before = size_of(tokens);
  for (const auto& step : steps_) {
    step->apply(tokens);
    check_growth(before, size_of(tokens));
  }
  return joined(tokens, joins_by_spaces_ ? " " : "");
}

std::string Decoder::bytes_of(std::string_view token) const {
  std::string bytes(token);
  for (const auto& step : steps_) {
    bytes = step->bytes_of(std::move(bytes));
    check_growth(token.size(), bytes.size());
  }
  return bytes;
}

}  // namespace easylm::tokenizers::bpe
