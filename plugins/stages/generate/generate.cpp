// Continues a prompt with a model, and prints the text as it comes.
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "easylm/json.h"
#include "easylm/sdk/plugin.h"
#include "easylm/stage.h"
#include "easylm/tensor/decoder.h"
#include "easylm/tensor/device.h"
#include "easylm/tensor/model_store.h"
#include "easylm/tensor/sampler.h"
#include "text_stream.h"

namespace easylm::stages {
namespace {

struct Generated {
  std::vector<TokenId> tokens;
  std::vector<double> log_probabilities;
  std::string text;
  std::string finish_reason;
};

template <typename T>
List list_of(const std::vector<T>& numbers) {
  List list(numbers.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if constexpr (std::is_integral_v<T>) {
      list[i].data = std::int64_t{numbers[i]};
    } else {
      list[i].data = numbers[i];
    }
  }
  return list;
}

class Generate : public Stage {
 public:
  struct Config {
    std::string prompt;
    std::int64_t max_new_tokens = 200;
    double temperature = 1.0;
    std::int64_t top_k = 0;
    double top_p = 1.0;
    double min_p = 0.0;
    double repetition_penalty = 1.0;
    std::optional<std::int64_t> seed;
    std::vector<std::string> stop;
    bool add_bos = false;
    bool echo = true;
    std::string output = "text";

    static void describe(Schema<Config>& s) {
      s.field("prompt", &Config::prompt, "the text to continue").required();
      s.field("max_new_tokens", &Config::max_new_tokens, "when to end at the latest")
          .at_least(1)
          .unit("tokens");
      s.field("temperature", &Config::temperature, "0: always the most probable token").at_least(0);
      s.field("top_k", &Config::top_k, "choose among the k most probable tokens; 0: all").at_least(0);
      s.field("top_p", &Config::top_p,
              "choose among the most probable tokens that together have this probability")
          .above(0)
          .at_most(1);
      s.field("min_p", &Config::min_p, "choose among tokens with this share of the greatest probability")
          .at_least(0)
          .at_most(1);
      s.field("repetition_penalty", &Config::repetition_penalty,
              "above 1: tokens that were seen become less likely")
          .above(0);
      s.field("seed", &Config::seed, "of the choices; the run's if absent");
      s.field("stop", &Config::stop, "texts that end the answer; they are not part of it");
      s.field("add_bos", &Config::add_bos, "put the tokenizer's first token before the prompt");
      s.field("echo", &Config::echo, "print the prompt before its continuation");
      s.field("output", &Config::output, "text: printed as it comes; json: one object at the end")
          .one_of({"text", "json"});
      s.needs("model");
      s.needs("tokenizer");
    }
  };

  Generate(Host& host, Config config) : host_(host), config_(std::move(config)) {}

  void run(StageContext& context) override {
    prepare_torch(context.run());
    const at::NoGradGuard no_grad;
    const auto tokenizer = obtain_tokenizer(context);
    const std::vector<TokenId> prompt = prompt_ids(*tokenizer);
    const at::Device device = select_device(context.run().device);
    const ReadyModel ready = obtain_model(context, device, compute_dtype(context.run().precision));
    check_fits(prompt, *ready.model);
    Decoder decoder(*ready.model, *tokenizer, device);
    if (!as_json() && config_.echo) context.print(valid_utf8(config_.prompt));
    const Generated result = generate(context, *tokenizer, decoder, prompt);
    if (as_json()) {
      context.print(json_text(to_table(prompt, result)));
    } else if (!result.text.ends_with('\n')) {
      context.print("\n");
    }
  }

 private:
  bool as_json() const { return config_.output == "json"; }

  std::vector<TokenId> prompt_ids(const Tokenizer& tokenizer) const {
    std::vector<TokenId> ids;
    if (config_.add_bos) {
      if (!tokenizer.special().bos) {
        throw Error(ErrorCode::invalid_config, "add_bos is set, but the tokenizer has no such token",
                    "take add_bos out");
      }
      ids.push_back(*tokenizer.special().bos);
    }
    tokenizer.encode(config_.prompt, ids);
    if (!ids.empty()) return ids;
    throw Error(ErrorCode::invalid_config, "the prompt is empty", "give at least one character");
  }

  static void check_fits(const std::vector<TokenId>& prompt, const Model& model) {
    const ModelFacts& facts = model.facts();
    if (static_cast<std::int64_t>(prompt.size()) > facts.max_positions) {
      throw Error(ErrorCode::invalid_config,
                  "the prompt has " + std::to_string(prompt.size()) + " tokens, the model has " +
                      std::to_string(facts.max_positions) + " positions",
                  "shorten the prompt");
    }
    for (const TokenId id : prompt) {
      if (id >= 0 && id < facts.vocabulary_size) continue;
      throw Error(ErrorCode::invalid_config,
                  "the prompt holds token " + std::to_string(id) + ", the model's vocabulary has " +
                      std::to_string(facts.vocabulary_size) + " tokens",
                  "use the tokenizer that the model was trained with");
    }
  }

  Sampler make_sampler() const {
    const RandomStream random = config_.seed
                                    ? RandomStream(static_cast<std::uint64_t>(*config_.seed), "generate", 0)
                                    : host_.random("generate", 0);
    return {{config_.temperature, config_.top_k, config_.top_p, config_.min_p, config_.repetition_penalty},
            random};
  }

  Generated generate(StageContext& context, const Tokenizer& tokenizer, Decoder& decoder,
                     const std::vector<TokenId>& prompt) const {
    Generated result;
    Sampler sampler = make_sampler();
    TextStream stream(config_.stop);
    const auto show = [&](const std::string& text) {
      result.text += text;
      if (!as_json() && !text.empty()) context.print(text);
    };
    std::vector<TokenId> seen = prompt;
    std::string text;
    std::size_t streamed = 0;  // bytes of it that the stream has
    at::Tensor logits_V = decoder.feed(prompt);
    while (result.finish_reason.empty()) {
      if (host_.stop().requested()) throw Error(ErrorCode::interrupted, "stopped while generating");
      const SampledToken token = sampler.next(logits_V, seen);
      if (std::ranges::count(tokenizer.special().stop, token.id) > 0) {
        result.finish_reason = "stop";
        break;
      }
      seen.push_back(token.id);
      result.tokens.push_back(token.id);
      result.log_probabilities.push_back(token.log_probability);
      text = tokenizer.decode(result.tokens);
      const std::string_view certain = settled(text);
      if (certain.size() > streamed) show(stream.push(certain.substr(streamed)));
      streamed = std::max(streamed, certain.size());
      result.finish_reason = reason_to_end(stream, decoder, result);
      if (result.finish_reason.empty()) logits_V = decoder.feed(std::array{token.id});
    }
    if (streamed < text.size()) show(stream.push(std::string_view(text).substr(streamed)));
    show(stream.finish());
    return result;
  }

  // Empty: go on.
  std::string reason_to_end(const TextStream& stream, const Decoder& decoder, const Generated& result) const {
    if (stream.stopped()) return "stop";
    if (static_cast<std::int64_t>(result.tokens.size()) >= config_.max_new_tokens) return "length";
    if (!decoder.full()) return {};
    host_.warn("generate", "ended the answer: all of the model's positions are used");
    return "length";
  }

  Table to_table(const std::vector<TokenId>& prompt, const Generated& result) const {
    Table table;
    table.set("prompt", {valid_utf8(config_.prompt), {}});
    table.set("prompt_tokens", {list_of(prompt), {}});
    table.set("text", {result.text, {}});
    table.set("tokens", {list_of(result.tokens), {}});
    table.set("logprobs", {list_of(result.log_probabilities), {}});
    table.set("finish_reason", {result.finish_reason, {}});
    return table;
  }

  Host& host_;
  Config config_;
};

}  // namespace
}  // namespace easylm::stages

EASYLM_PLUGIN("easylm-stage-generate", "0.1.0") {
  registrar.component<easylm::stages::Generate>("generate", "Continues a prompt with a model.");
}
