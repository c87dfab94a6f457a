// What tokenizers are asked to encode, and the tests of what they say of a text beside its ids.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "easylm/tokenizer.h"
#include "exam.h"

namespace easylm::exam {

// Well-formed texts: empty, long, in many scripts, code, white space.
std::span<const std::string_view> plain_texts();

// Bytes that are no UTF-8 in every way, and some at random.
std::vector<std::string> broken_texts(const Subject& subject);

std::vector<TokenId> ids_of(const Tokenizer& tokenizer, std::string_view text);

// Those that there are, by name: "bos", "eos", "pad".
std::vector<std::pair<std::string, TokenId>> named(const SpecialTokens& special);

// Tests of TextEncoder.
void encoder_agrees(const Subject& subject);
void encoder_reads_special_tokens(const Subject& subject);

}  // namespace easylm::exam
