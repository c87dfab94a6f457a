// Windows over shards of tokens, which are mapped: runs on one machine share their memory.
#pragma once

#include <memory>
#include <string>

#include "easylm/host.h"
#include "easylm/schema.h"
#include "easylm/token_shards.h"
#include "easylm/window_dataset.h"

namespace easylm::datasets {

class TokensDataset final : public WindowDataset {
 public:
  struct Config : WindowConfig {
    Path path;

    static void describe(Schema<Config>& s);
  };

  TokensDataset(Host& host, const Config& config);

  std::string fingerprint() const override;

 protected:
  // Throws Error{invalid_config} if the shards were made with another tokenizer.
  std::unique_ptr<TokenStream> open_stream(const DatasetOptions& options) override;

 private:
  std::string path_;
  TokenFacts facts_;
};

}  // namespace easylm::datasets
