// Plain text, cut into windows of tokens.
//
// All files make one stream of N tokens, each file between its marks. Window w has the inputs w*L … w*L + L -
// 1 and the targets one token later, so that every token but the first is a target in exactly one window. The
// last window is padded; its padding, and a begin mark as a target, have mask 0. Windows run across files, as
// one document a row. The stream is held in memory: four bytes a token.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "corpus.h"
#include "easylm/dataset.h"
#include "easylm/host.h"
#include "easylm/schema.h"
#include "permutation.h"

namespace easylm::datasets {

class TextDataset final : public Dataset, public DatasetCounter {
 public:
  using Dataset::kInterface;

  struct Config {
    Path path;
    std::int64_t sequence_length = 0;
    std::int64_t batch_size = 0;
    bool add_bos = false;
    std::optional<bool> add_eos = {};
    std::string shuffle = "windows";

    static void describe(Schema<Config>& s);
  };

  TextDataset(Host& host, const Config& config);

  void open(const DatasetOptions& options) override;

  // In an endless pass batches run on across epochs; each epoch has every window once. In a `once` pass all
  // ranks get equally many batches, so that they stay in step: the last ones may hold nothing but mask 0.
  bool next(TokenBatch& batch) override;

  DatasetPosition position() const override;
  void seek(const DatasetPosition& position) override;
  std::int64_t tokens_per_batch() const override { return config_.batch_size * config_.sequence_length; }
  std::int64_t text_bytes() const override;
  std::string fingerprint() const override;
  void* extension(std::string_view id) override;
  DatasetCounts counts() const override;

 private:
  DocumentMarks choose_marks() const;
  void require_text() const;
  void report() const;
  std::int64_t epoch_of(std::int64_t batch) const;
  DatasetPosition position_of(std::int64_t batch) const;
  std::int64_t window_of(std::int64_t row) const;
  const Permutation& order(std::int64_t epoch) const;
  std::string order_id(std::int64_t epoch) const;
  void fill_row(std::int64_t row, std::int64_t index_in_batch);

  Host& host_;
  Config config_;
  DatasetOptions options_;
  DocumentMarks marks_;
  Corpus corpus_;
  std::int64_t num_windows_ = 0;
  std::int64_t places_ = 0, padding_ = 0;  // see DatasetCounts
  std::int64_t next_batch_ = 0;            // of all ranks together; this rank reads next_batch_ + rank

  struct Order {
    std::int64_t epoch;
    Permutation permutation;
  };
  mutable std::optional<Order> order_;  // of the epoch last asked for

  std::vector<std::int32_t> inputs_, targets_;
  std::vector<float> mask_;
};

}  // namespace easylm::datasets
