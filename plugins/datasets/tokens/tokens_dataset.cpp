// Opens shards, if they are of this run's tokenizer.
#include "tokens_dataset.h"

#include "easylm/error.h"

namespace easylm::datasets {

void TokensDataset::Config::describe(Schema<Config>& s) {
  s.field("path", &Config::path, "a folder that `easylm tokenize` made").must_exist().required();
  describe_windows(s);
}

TokensDataset::TokensDataset(Host& host, const Config& config)
    : WindowDataset(host, "tokens", config.path.text, config), path_(config.path.text) {}

std::unique_ptr<TokenStream> TokensDataset::open_stream(const DatasetOptions& options) {
  auto shards = std::make_unique<TokenShards>(path_);
  facts_ = shards->facts();
  if (const std::string mine = options.tokenizer->fingerprint(); mine != facts_.tokenizer) {
    throw refusal(
        ErrorCode::invalid_config,
        path_ + " was made with the tokenizer '" + facts_.tokenizer + "', and this run's is '" + mine + "'",
        "use that tokenizer, or make the tokens again with `easylm tokenize`");
  }
  host().info("dataset", "opened",
              {{"path", path_}, {"tokens", facts_.tokens}, {"documents", facts_.documents}});
  return shards;
}

std::string TokensDataset::fingerprint() const {
  return "tokens/1 content=" + facts_.content + window_fingerprint() + " tokenizer=" + facts_.tokenizer;
}

}  // namespace easylm::datasets
