// Datasets that each break one rule. A component is called like the test that must find it.
#include "easylm/dataset.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "easylm/error.h"
#include "easylm/sdk/plugin.h"

namespace easylm {
namespace {

constexpr std::int64_t kTokens = 75;

// What the others break a rule of: windows over 75 tokens, of which the last is not full.
class Good : public Dataset, public DatasetCounter, public DocumentReader {
 public:
  using Dataset::kInterface;
  struct Config {
    std::int64_t sequence_length = 8, batch_size = 2;
    static void describe(Schema<Config>& s) {
      s.field("sequence_length", &Config::sequence_length, "length of a row").at_least(1).at_most(64);
      s.field("batch_size", &Config::batch_size, "rows of a batch").at_least(1).at_most(64);
    }
  };
  Good(Host& /*host*/, const Config& config) : length_(config.sequence_length), rows_(config.batch_size) {}

  void open(const DatasetOptions& options) override { options_ = options; }
  bool next(TokenBatch& batch) override {
    if (is_at_end()) return false;
    const std::int64_t mine = next_ + options_.rank;
    inputs_.assign(static_cast<std::size_t>(rows_ * length_), 0);
    targets_ = inputs_;
    mask_.assign(inputs_.size(), 0);
    for (std::int64_t row = 0; row < rows_; ++row) fill(row, mine * rows_ + row);
    batch = {rows_, length_, inputs_, targets_, mask_, {}, position_at(mine)};
    next_ += options_.world;
    return true;
  }
  DatasetPosition position() const override { return position_at(next_); }
  void seek(const DatasetPosition& position) override {
    if (position.batch < 0 || !position.state.empty() ||
        position.epoch != position_at(position.batch).epoch) {
      throw Error(ErrorCode::corrupt, "this is no position");
    }
    next_ = position.batch;
  }
  std::int64_t tokens_per_batch() const override { return rows_ * length_; }
  std::string fingerprint() const override { return "zoo " + std::to_string(length_); }

  void* extension(std::string_view id) override {
    if (id == DatasetCounter::kInterface) return static_cast<DatasetCounter*>(this);
    return id == DocumentReader::kInterface ? static_cast<DocumentReader*>(this) : nullptr;
  }
  DatasetCounts counts() const override {
    DatasetCounts counts;
    counts.documents = 1;
    counts.tokens = kTokens;
    counts.lengths = {{kTokens, 1}};
    counts.places = places_;
    counts.padding = places_ - used_;
    return counts;
  }
  void open_documents(std::shared_ptr<const Tokenizer> /*tokenizer*/) override {}
  bool next_document(Document& document) override {
    if (std::exchange(is_read_, true)) return false;
    document = {};
    for (std::int64_t at = 0; at < kTokens; ++at) document.tokens.push_back(token(at));
    document.mask.assign(document.tokens.size(), 1);
    return true;
  }
  std::int64_t document_bytes() const override { return 0; }
  std::string documents_fingerprint() const override { return "zoo"; }

 protected:
  std::int64_t windows() const { return (kTokens - 1 + length_ - 1) / length_; }
  virtual bool is_at_end() const { return options_.pass == DatasetPass::once && next_ * rows_ >= windows(); }
  virtual TokenId token(std::int64_t at) const { return static_cast<TokenId>(at * 7 % 50); }
  virtual DatasetPosition position_at(std::int64_t batch) const {
    const bool is_once = options_.pass == DatasetPass::once;
    return {is_once ? 0 : batch * rows_ / windows(), batch, {}, {}};
  }
  virtual float padding_mask() const { return 0; }

  void fill(std::int64_t row, std::int64_t which) {
    places_ += length_;
    const bool is_beyond = options_.pass == DatasetPass::once && which >= windows();
    for (std::int64_t i = 0; i < length_; ++i) {
      const std::int64_t at = which % windows() * length_ + i;
      const auto place = static_cast<std::size_t>(row * length_ + i);
      mask_[place] = padding_mask();
      if (is_beyond || at + 1 >= kTokens) continue;
      ++used_;
      inputs_[place] = token(at);
      targets_[place] = token(at + 1);
      mask_[place] = 1;
    }
  }

  std::int64_t length_, rows_, next_ = 0, places_ = 0, used_ = 0;
  bool is_read_ = false;
  DatasetOptions options_;
  std::vector<std::int32_t> inputs_, targets_;
  std::vector<float> mask_;
};

struct Foreign : Good {
  using Good::Good;
  TokenId token(std::int64_t at) const override { return at == 70 ? 100'000 : Good::token(at); }
};

struct Negative : Good {
  using Good::Good;
  float padding_mask() const override { return -1; }
};

struct Miscounts : Good {
  using Good::Good;
  std::int64_t tokens_per_batch() const override { return length_; }
};

struct HiddenState : Good {
  HiddenState(Host& host, const Config& config) : Good(host, config) {
    static std::int64_t made = 0;
    first_ = ++made;
  }
  TokenId token(std::int64_t at) const override { return Good::token(at + first_); }
  std::int64_t first_;
};

struct OneOff : Good {
  using Good::Good;
  void seek(const DatasetPosition& position) override {
    Good::seek(position);
    ++next_;
  }
};

struct Behind : Good {
  using Good::Good;
  DatasetPosition position() const override { return position_at(std::max<std::int64_t>(next_ - 1, 0)); }
};

struct Wordy : Good {
  using Good::Good;
  DatasetPosition position_at(std::int64_t batch) const override {
    DatasetPosition position = Good::position_at(batch);
    position.where = std::string(5000, 'x');
    return position;
  }
};

struct Credulous : Good {
  using Good::Good;
  void seek(const DatasetPosition& position) override { next_ = std::max<std::int64_t>(position.batch, 0); }
};

struct Rude : Good {
  using Good::Good;
  void seek(const DatasetPosition& position) override {
    if (position.batch < 0) throw std::out_of_range("batch");
    Good::seek(position);
  }
};

struct BeginsAgain : Good {
  using Good::Good;
  bool next(TokenBatch& batch) override {
    if (Good::next(batch)) return true;
    next_ = 0;
    return false;
  }
};

struct Endless : Good {
  using Good::Good;
  bool is_at_end() const override { return false; }
  DatasetPosition position_at(std::int64_t batch) const override {
    return {batch * rows_ / windows(), batch, {}, {}};
  }
};

struct Lonely : Good {
  using Good::Good;
  void open(const DatasetOptions& options) override { Good::open({options.tokenizer, options.pass, 0, 1}); }
};

struct TrainsPadding : Good {
  using Good::Good;
  float padding_mask() const override { return 1; }
};

struct OutOfStep : Good {
  using Good::Good;
  bool is_at_end() const override {
    return options_.pass == DatasetPass::once && (next_ + options_.rank) * rows_ >= windows();
  }
};

struct CountsItsOwn : Good {
  using Good::Good;
  DatasetPosition position() const override { return position_at(next_ / options_.world); }
};

struct Anonymous : Good {
  using Good::Good;
  std::string fingerprint() const override { return "zoo"; }
};

struct Imagines : Good {
  struct Config : Good::Config {
    Path path{"/"};
    static void describe(Schema<Config>& s) { s.field("path", &Config::path, "where its data is"); }
  };
  Imagines(Host& host, const Config& config) : Good(host, config) {}
};

struct Ragged : Good {
  using Good::Good;
  bool next_document(Document& document) override {
    if (!Good::next_document(document)) return false;
    document.mask.pop_back();
    return true;
  }
};

struct Optimist : Good {
  using Good::Good;
  DatasetCounts counts() const override {
    DatasetCounts counts = Good::counts();
    ++counts.documents;
    return counts;
  }
};

}  // namespace
}  // namespace easylm

EASYLM_PLUGIN("zoo-dataset", "1.0.0") {
  registrar.component<easylm::Foreign>("rows_are_whole", "Has an id that the tokenizer hasn't.");
  registrar.component<easylm::Negative>("rows_are_whole-mask", "Its padding has a negative weight.");
  registrar.component<easylm::Miscounts>("rows_are_whole-size", "Counts the tokens of a row only.");
  registrar.component<easylm::HiddenState>("is_deterministic", "Remembers how many were made.");
  registrar.component<easylm::OneOff>("seek_is_exact", "Goes a batch too far.");
  registrar.component<easylm::Behind>("seek_is_exact-position", "Says where it was, not where it is.");
  registrar.component<easylm::Wordy>("positions_are_small", "Has a long story of where it stands.");
  registrar.component<easylm::Credulous>("refuses_strange_positions", "Goes anywhere.");
  registrar.component<easylm::Rude>("refuses_strange_positions-foreign", "Throws what is no Error.");
  registrar.component<easylm::BeginsAgain>("a_pass_ends", "Begins a `once` pass again.");
  registrar.component<easylm::Endless>("a_pass_ends-never", "Knows no `once` pass.");
  registrar.component<easylm::Lonely>("ranks_share_the_stream", "Every rank reads everything.");
  registrar.component<easylm::TrainsPadding>("ranks_share_a_pass", "Its padding has loss weight.");
  registrar.component<easylm::OutOfStep>("ranks_share_a_pass-steps", "Some ranks end before others.");
  registrar.component<easylm::CountsItsOwn>("resumes_on_other_ranks", "Counts the batches of its rank only.");
  registrar.component<easylm::Anonymous>("fingerprint_says_what_it_is", "Is the same under any settings.");
  registrar.component<easylm::Imagines>("refuses_missing_data", "Needs no data.");
  registrar.component<easylm::Ragged>("documents_are_whole", "A token has no loss weight.");
  registrar.component<easylm::Optimist>("counts_add_up", "Counts a document too many.");
}
