// What one model and its tokenizer do with a sample of text.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "easylm/host.h"
#include "easylm/tensor/model.h"
#include "easylm/tokenizer.h"

namespace easylm::stages {

struct Sample {
  std::vector<std::string> texts;    // what is encoded
  std::vector<std::string> prompts;  // what is continued
  std::int64_t logit_tokens = 0;     // of how many tokens, from the first on, the logits are kept
  std::int64_t new_tokens = 0;       // how long each continuation is
};

struct Observation {
  std::vector<std::vector<TokenId>> ids;  // of each text
  std::vector<at::Tensor> logits_TV;      // of each text, fp32 on the CPU; undefined beyond logit_tokens
  std::vector<std::string> answers;       // to each prompt, greedily
  std::int64_t answered_tokens = 0;
};

// A text cut at line ends into pieces of some hundred bytes, each a text of its own for a model.
std::vector<std::string> pieces_of(const std::string& text);

// A few sentences in many scripts, with code, numbers and blanks.
const std::vector<std::string>& sample_texts();
const std::vector<std::string>& sample_prompts();

// Throws Error{invalid_config} for an id that the model doesn't have, Error{interrupted} if told to stop.
Observation observe(const Host& host, Model& model, const Tokenizer& tokenizer, at::Device device,
                    const Sample& sample);

}  // namespace easylm::stages
