// EasyLM's field language: which fields of an example become tokens, and which of these carry loss.
//
// `fields` is a list, separated by commas. An element is
//   a+b          the texts of the fields a and b, joined by `subfield_separator`, tokenised as one text
//   {a}          the tokens themselves: base64 of little-endian numbers of type `base64_token_dtype`
//   <|bos|>, <|eos|>, <|123|>    a token
//   [element]    any of these, without loss
// In front stands the begin token without loss (`add_bos_token`), at the end the end token with loss
// (`add_eos_token`). `prepend_text` goes before the first element's text.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/dataset.h"
#include "easylm/error.h"
#include "easylm/example.h"
#include "easylm/export.h"
#include "easylm/tokenizer.h"

namespace easylm {

struct EncoderOptions {
  std::string fields;
  std::string fields_from_example;  // the field that holds `fields`; empty: `fields` above is for all
  std::string subfield_separator = " ";
  std::string prepend_text;
  std::string base64_token_dtype = "i4";
  bool add_bos_token = true;
  bool add_eos_token = true;
};

class EASYLM_API ExampleEncoder {
 public:
  // Throws Error{invalid_config}, beginning with `who`, if the options contradict themselves or the
  // tokenizer.
  ExampleEncoder(EncoderOptions options, std::shared_ptr<const Tokenizer> tokenizer, std::string_view who);

  // Replaces what is in `document`. Throws Error{corrupt} that says what is wrong with the example.
  // [any-thread]
  void encode(const Example& example, Document& document) const;

  // The fields that encode() asks for; empty if each example says which. [any-thread]
  const std::vector<std::string>& field_names() const { return field_names_; }

  // Whether encode() may ask for this field. [any-thread]
  bool reads(std::string_view field) const;

 private:
  enum class ElementKind { text, raw_tokens, token };
  struct Element {
    ElementKind kind = ElementKind::text;
    std::vector<std::string> names;  // of fields
    TokenId token = 0;
    float mask = 1;
  };

  std::vector<Element> parse(std::string_view list, ErrorCode code) const;
  Element parse_element(std::string_view text, ErrorCode code) const;
  TokenId parse_token(std::string_view name, ErrorCode code) const;
  TokenId special_token(std::string_view name, ErrorCode code) const;
  [[noreturn]] void fail(ErrorCode code, const std::string& message, std::string hint = {}) const;
  void append_all(const std::vector<Element>& elements, const Example& example, Document& document) const;
  void append_raw_tokens(const std::string& field, const Example& example,
                         std::vector<TokenId>& tokens) const;

  EncoderOptions options_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::string who_;
  std::vector<Element> elements_;  // of `fields`
  std::vector<std::string> field_names_;
};

}  // namespace easylm
