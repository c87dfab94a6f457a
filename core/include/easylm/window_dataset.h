// A dataset of windows over one long stream of tokens: all but where the tokens lie. What text and tokens
// share.
//
// Window w of a stream of N tokens has the inputs w*L … w*L + L - 1 and the targets one token later, so that
// every token but the first is a target in exactly one window. The last window is padded; its padding has
// mask 0. Windows run across documents, as one document a row.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "easylm/dataset.h"
#include "easylm/dataset_keys.h"
#include "easylm/export.h"
#include "easylm/host.h"

namespace easylm {

// Documents, one after another. Used by one thread at a time.
class EASYLM_API TokenStream {
 public:
  virtual ~TokenStream();

  virtual std::int64_t size() const = 0;  // tokens, at least 2

  // Tokens first, first + 1, … and the loss weight of each as a target. REQUIRES: ids and mask are of one
  // size and end within the stream.
  virtual void read(std::int64_t first, std::span<TokenId> ids, std::span<float> mask) const = 0;

  // For people: "romeo.txt, byte 1204".
  virtual std::string where(std::int64_t index) const = 0;

  virtual std::vector<LengthCount> document_lengths() const = 0;  // in tokens, ascending

  // UTF-8 bytes of text behind all tokens but the first; 0 if unknown.
  virtual std::int64_t target_bytes() const = 0;
};

struct WindowConfig {
  std::int64_t sequence_length = 0;
  std::int64_t batch_size = 0;
  std::string shuffle = "windows";
};

class EASYLM_API WindowDataset : public Dataset, public DatasetCounter {
 public:
  using Dataset::kInterface;

  // `name` as in a config, "text"; `path` for messages.
  WindowDataset(Host& host, std::string name, std::string path, WindowConfig config);
  ~WindowDataset() override;

  void open(const DatasetOptions& options) override;

  // In an endless pass batches run on across epochs; each epoch has every window once. In a `once` pass all
  // ranks get equally many batches, so that they stay in step: the last ones may hold nothing but mask 0.
  bool next(TokenBatch& batch) override;

  DatasetPosition position() const override;
  void seek(const DatasetPosition& position) override;
  std::int64_t tokens_per_batch() const override { return config_.batch_size * config_.sequence_length; }
  std::int64_t text_bytes() const override;
  void* extension(std::string_view id) override;
  DatasetCounts counts() const override;

 protected:
  // Called by open().
  virtual std::unique_ptr<TokenStream> open_stream(const DatasetOptions& options) = 0;

  // The part of a fingerprint that is about windows: " sequence_length=8 batch_size=2 shuffle=windows".
  std::string window_fingerprint() const;

  Host& host() const { return host_; }
  Error refusal(ErrorCode code, const std::string& message, std::string hint) const;  // names the dataset

 private:
  struct Order;
  std::int64_t epoch_of(std::int64_t batch) const;
  DatasetPosition position_of(std::int64_t batch) const;
  std::int64_t window_of(std::int64_t row) const;
  const Order& order(std::int64_t epoch) const;
  std::string order_id(std::int64_t epoch) const;
  void fill_row(std::int64_t row, std::int64_t index_in_batch);

  Host& host_;
  std::string name_, path_;
  WindowConfig config_;
  DatasetOptions options_;
  std::unique_ptr<TokenStream> stream_;
  std::int64_t num_windows_ = 0;
  std::int64_t places_ = 0, padding_ = 0;  // see DatasetCounts
  std::int64_t next_batch_ = 0;            // of all ranks together; this rank reads next_batch_ + rank
  mutable std::unique_ptr<Order> order_;   // of the epoch last asked for
  std::vector<std::int32_t> inputs_, targets_, window_;
  std::vector<float> mask_, window_mask_;
};

// Describes the keys that all datasets of windows have. C derives from WindowConfig.
template <typename C>
void describe_windows(Schema<C>& s) {
  describe_batches(s);
  s.field("shuffle", inherited<C>(&C::shuffle),
          "order of an endless pass: windows (a new random order of windows each epoch) or none")
      .one_of({"windows", "none"});
}

}  // namespace easylm
