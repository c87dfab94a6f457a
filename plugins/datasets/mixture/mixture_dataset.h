// Rows of several datasets.
//
// In an endless pass each row comes from a source that a random number picks by weight; which one depends on
// the run's seed and the number of the row alone. In a `once` pass all rows of all sources come, one source
// after the other in the order of their names. Each rank reads all sources whole and keeps its own batches. A
// position's `state` is JSON: where each source stands, and how many rows of that batch of its are taken.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "easylm/dataset.h"
#include "easylm/host.h"
#include "easylm/schema.h"
#include "row_source.h"

namespace easylm::datasets {

class MixtureDataset final : public Dataset, public DatasetCounter {
 public:
  using Dataset::kInterface;

  struct Source {
    double weight = 1;
    Table dataset;

    static void describe(Schema<Source>& s);
  };
  struct Config {
    std::vector<std::pair<std::string, Source>> sources;

    static void describe(Schema<Config>& s);
  };

  // Throws Error{invalid_config} if there is no source.
  MixtureDataset(Host& host, Config config);

  void open(const DatasetOptions& options) override;
  bool next(TokenBatch& batch) override;
  DatasetPosition position() const override;
  void seek(const DatasetPosition& position) override;
  std::int64_t tokens_per_batch() const override;
  std::int64_t text_bytes() const override;
  std::string fingerprint() const override;
  void* extension(std::string_view id) override;
  DatasetCounts counts() const override;

 private:
  using Places = std::vector<RowSource::Place>;  // one for each source

  struct Buffers {
    std::vector<std::int32_t> inputs, targets, segments;
    std::vector<float> mask;
  };
  void learn_shapes();
  bool fill(Buffers& buffers, std::int64_t batch);
  void copy_row(const RowSource& source, std::int64_t row, Buffers& buffers) const;
  RowSource* source_of(std::int64_t row);
  Places places() const;
  DatasetPosition position_of(std::int64_t batch) const;
  Places places_in(const DatasetPosition& position) const;
  void move_to(const Places& places);

  Host& host_;
  Config config_;
  DatasetOptions options_;
  std::vector<RowSource> sources_;
  std::int64_t num_rows_ = 0, length_ = 0;
  bool with_segments_ = false;   // some source has them
  std::int64_t next_batch_ = 0;  // of all ranks together; this rank reads next_batch_ + rank
  Buffers mine_, other_;
};

}  // namespace easylm::datasets
