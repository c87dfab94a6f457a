// Encodes, computes logits, continues greedily.
#include "observation.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <array>
#include <span>

#include "easylm/error.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/decoder.h"

namespace easylm::stages {
namespace {

constexpr std::size_t kPieceBytes = 400;

void stop_if_told(const Host& host) {
  if (host.stop().requested()) throw Error(ErrorCode::interrupted, "stopped while comparing");
}

void check_ids(std::span<const TokenId> ids, const Model& model) {
  for (const TokenId id : ids) {
    if (id >= 0 && id < model.facts().vocabulary_size) continue;
    throw Error(ErrorCode::invalid_config,
                "the tokenizer gives id " + std::to_string(id) + ", the model's vocabulary has " +
                    std::to_string(model.facts().vocabulary_size) + " tokens",
                "name the tokenizer that the model was trained with");
  }
}

std::vector<TokenId> encoded(const Tokenizer& tokenizer, const std::string& text, const Model& model) {
  std::vector<TokenId> ids;
  tokenizer.encode(text, ids);
  check_ids(ids, model);
  return ids;
}

std::span<const TokenId> that_fit(const std::vector<TokenId>& ids, std::int64_t most) {
  return std::span(ids).first(std::min(ids.size(), static_cast<std::size_t>(most)));
}

std::string answer(const Host& host, Model& model, const Tokenizer& tokenizer, at::Device device,
                   const std::vector<TokenId>& prompt, std::int64_t most, std::int64_t& count) {
  Decoder decoder(model, tokenizer, device);
  std::vector<TokenId> ids;
  at::Tensor logits_V = decoder.feed(that_fit(prompt, model.facts().max_positions));
  while (static_cast<std::int64_t>(ids.size()) < most) {
    stop_if_told(host);
    const auto id = static_cast<TokenId>(logits_V.argmax().item<std::int64_t>());
    if (std::ranges::count(tokenizer.special().stop, id) > 0) break;
    ids.push_back(id);
    if (decoder.full()) break;
    logits_V = decoder.feed(std::array{id});
  }
  count += static_cast<std::int64_t>(ids.size());
  return tokenizer.decode(ids);
}

}  // namespace

std::vector<std::string> pieces_of(const std::string& text) {
  std::vector<std::string> pieces;
  std::size_t begin = 0;
  while (begin < text.size()) {
    std::size_t end = text.find('\n', std::min(begin + kPieceBytes, text.size()));
    end = end == std::string::npos ? text.size() : end + 1;
    pieces.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return pieces;
}

const std::vector<std::string>& sample_texts() {
  static const std::vector<std::string> kTexts = {
      "The quick brown fox jumps over the lazy dog. It's 3:14 p.m., isn't it?\n",
      "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich.\n",
      "Voix ambiguë d'un cœur qui, au zéphyr, préfère les jattes de kiwis.\n",
      "Съешь же ещё этих мягких французских булок, да выпей чаю.\n",
      "我能吞下玻璃而不伤身体。いろはにほへと ちりぬるを。키스의 고유조건은 입술끼리 만나야 한다.\n",
      "نص حكيم له سر قاطع وذو شأن عظيم. עטלף אבק נס דרך מזגן.\n",
      "ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण का सर्वनाश करने वाले।\n",
      "def f(x: int) -> int:\n\treturn x ** 2 if x else 0  # 100%\n",
      "  leading blanks,   many   blanks, trailing blanks   \n\n\n",
      "1234567890 3.14159 1e-10 0xDEADBEEF 2026-11-25 €19.99 ½ ² 🎉👩‍👩‍👧‍👦 ok\n"};
  return kTexts;
}

const std::vector<std::string>& sample_prompts() {
  static const std::vector<std::string> kPrompts = {"Once upon a time", "Die Antwort ist", "def main("};
  return kPrompts;
}

Observation observe(const Host& host, Model& model, const Tokenizer& tokenizer, at::Device device,
                    const Sample& sample) {
  const at::NoGradGuard no_grad;
  Observation seen;
  std::int64_t left = sample.logit_tokens;
  for (const std::string& text : sample.texts) {
    stop_if_told(host);
    const std::vector<TokenId>& ids = seen.ids.emplace_back(encoded(tokenizer, text, model));
    const auto part = that_fit(ids, std::min(left, model.facts().max_positions));
    at::Tensor& logits_TV = seen.logits_TV.emplace_back();
    if (part.empty()) continue;
    logits_TV = Decoder(model, tokenizer, device).feed_all(part).to(at::kCPU, at::kFloat);
    left -= static_cast<std::int64_t>(part.size());
  }
  for (const std::string& prompt : sample.prompts) {
    const std::vector<TokenId> ids = encoded(tokenizer, prompt, model);
    if (ids.empty())
      throw Error(ErrorCode::invalid_config, "a prompt is empty", "give at least one character");
    seen.answers.push_back(
        answer(host, model, tokenizer, device, ids, sample.new_tokens, seen.answered_tokens));
  }
  return seen;
}

}  // namespace easylm::stages
