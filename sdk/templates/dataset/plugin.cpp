// Numbers, counted from 0, a line each. Replace open_stream() by what reads your data.
#include <algorithm>

#include "easylm/sdk/plugin.h"
#include "easylm/window_dataset.h"
using namespace easylm;

struct @Name@Stream : TokenStream {
  std::int64_t size() const override { return static_cast<std::int64_t>(tokens.size()); }
  void read(std::int64_t first, std::span<TokenId> ids, std::span<float> mask) const override {
    std::copy_n(tokens.begin() + first, ids.size(), ids.begin());
    std::ranges::fill(mask, 1.0F);  // every token is learned
  }
  std::string where(std::int64_t index) const override { return "token " + std::to_string(index); }
  std::vector<LengthCount> document_lengths() const override { return {{size(), 1}}; }
  std::int64_t target_bytes() const override { return 0; }
  std::vector<TokenId> tokens;
};

struct @Name@ : WindowDataset {
  struct Config : WindowConfig {
    std::int64_t numbers = 1000;
    static void describe(Schema<Config>& s) {
      s.field("numbers", &Config::numbers, "how many there are").at_least(2).at_most(1e6);
      describe_windows(s);
    }
  };
  @Name@(Host& host, const Config& c) : WindowDataset(host, "@name@", "", c), numbers_(c.numbers) {}
  std::string fingerprint() const override { return std::to_string(numbers_) + window_fingerprint(); }
  std::unique_ptr<TokenStream> open_stream(const DatasetOptions& options) override {
    auto stream = std::make_unique<@Name@Stream>();
    for (int i = 0; i < numbers_; ++i) options.tokenizer->encode(std::to_string(i) + "\n", stream->tokens);
    return stream;
  }
  std::int64_t numbers_;
};

EASYLM_PLUGIN("@name@", "0.1.0") { registrar.component<@Name@>("@name@", "Numbers, counted from 0."); }
