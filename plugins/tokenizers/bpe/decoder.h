// The decoders of a tokenizer.json: texts of tokens to text.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/value.h"

namespace easylm::tokenizers::bpe {

class DecoderStep {
 public:
  DecoderStep() = default;
  virtual ~DecoderStep() = default;
  DecoderStep(const DecoderStep&) = delete;
  DecoderStep& operator=(const DecoderStep&) = delete;

  // Rewrites the texts of a whole sequence. [any-thread]
  virtual void apply(std::vector<std::string>& tokens) const = 0;

  // The bytes that one token alone stands for, wherever it stands. Default: the token. [any-thread]
  virtual std::string bytes_of(std::string token) const { return token; }
};

class Decoder {
 public:
  Decoder() = default;
  // Throws Error{unsupported} or Error{corrupt} that begins with `where`.
  Decoder(const Table& json, const std::string& where);

  std::string decode(std::vector<std::string> tokens) const;
  std::string bytes_of(std::string_view token) const;

 private:
  void add(const Table& json, const std::string& where);
  std::vector<std::unique_ptr<DecoderStep>> steps_;
  bool joins_by_spaces_ = true;  // as HF does without a decoder
};

}  // namespace easylm::tokenizers::bpe
