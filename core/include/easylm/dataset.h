// A resumable, rank-sharded stream of training batches.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/component.h"
#include "easylm/tokenizer.h"

namespace easylm {

// Where a stream stands. Small and exact; only the dataset that made it can read `state`.
struct DatasetPosition {
  std::int64_t epoch = 0;
  std::int64_t batch = 0;  // batches of all ranks together since the start
  std::string where;       // for people: "romeo.txt, byte 1204"
  std::string state;       // (optional) whatever else the dataset needs
};

// One batch of rows; the spans are valid until the next call of next() or seek().
struct TokenBatch {
  std::int64_t num_rows = 0;
  std::int64_t length = 0;
  std::span<const std::int32_t> inputs, targets;  // [num_rows * length], row by row
  std::span<const float> mask;                    // loss weight of each target, 0 or more
  std::span<const std::int32_t> segments;         // document number within a row; empty: one document a row
  DatasetPosition first;                          // where this batch began
};

enum class DatasetPass { endless, once };

struct DatasetOptions {
  std::shared_ptr<const Tokenizer> tokenizer;
  DatasetPass pass = DatasetPass::endless;
  std::int64_t rank = 0, world = 1;  // this rank reads batches rank, rank + world, …
};

// Used by one thread at a time.
class EASYLM_API Dataset : public Component {
 public:
  static constexpr std::string_view kKind = "dataset";
  static constexpr std::string_view kInterface = "easylm.dataset/1";
  ~Dataset() override;

  // Reads what it needs and stands at the start. Throws Error if there is no data. Called once. [setup]
  virtual void open(const DatasetOptions& options) = 0;

  // The next batch of this rank; false only in a `once` pass that is exhausted. In a `once` pass every token
  // is seen exactly once; the last rows are padded with mask 0. Endless passes begin again. [train-loop]
  virtual bool next(TokenBatch& batch) = 0;

  // The position from which next() will read; the union over ranks of what follows does not depend on
  // `world`.
  virtual DatasetPosition position() const = 0;

  // Goes there, exactly, in O(1), without reading what lies before. Throws Error{corrupt} if it can't be one
  // of ours.
  virtual void seek(const DatasetPosition& position) = 0;

  virtual std::int64_t tokens_per_batch() const = 0;  // num_rows * length, of one rank

  // (optional) UTF-8 bytes of text behind the targets of one `once` pass, for bits per byte; 0 if unknown.
  // Default 0.
  virtual std::int64_t text_bytes() const;

  // Of content and settings: a resume with another one is refused.
  virtual std::string fingerprint() const = 0;
};

// What a file, a line or a row became. `mask` is the loss weight of each token as a target.
struct Document {
  std::vector<TokenId> tokens;
  std::vector<float> mask;
};

// (extension of Dataset) Its documents one after another, rather than rows: to store them, for example.
class EASYLM_API DocumentReader {
 public:
  static constexpr std::string_view kInterface = "easylm.dataset.documents/1";
  virtual ~DocumentReader();

  // In place of Dataset::open(). Throws Error if there is no data. Called once. [setup]
  virtual void open_documents(std::shared_ptr<const Tokenizer> tokenizer) = 0;

  // The next document; false at the end.
  virtual bool next_document(Document& document) = 0;

  // UTF-8 bytes of text behind all tokens handed out so far but the first, as Dataset::text_bytes() would
  // count them; 0 if unknown.
  virtual std::int64_t document_bytes() const = 0;

  // Of the content and of what made documents of it.
  virtual std::string documents_fingerprint() const = 0;
};

struct LengthCount {
  std::int64_t length = 0, documents = 0;
};

// What a dataset met since it was opened. Documents are counted as they are read, which may be some time
// before their rows come; read twice (after a seek), they count twice.
struct DatasetCounts {
  std::int64_t documents = 0, tokens = 0;  // tokens of them, marks too
  std::int64_t bad = 0;                    // examples that could not be used
  std::int64_t cut = 0;                    // documents too long for a row, that were divided among several
  std::int64_t dropped = 0;                // documents left out: too long for a row, or without any target
  std::int64_t places = 0, padding = 0;    // of the rows that were made; those without a token
  std::vector<LengthCount> lengths;        // of the documents, in tokens, ascending
};

// (extension of Dataset) What became of the data.
class EASYLM_API DatasetCounter {
 public:
  static constexpr std::string_view kInterface = "easylm.dataset.counts/1";
  virtual ~DatasetCounter();
  virtual DatasetCounts counts() const = 0;  // [train-loop]
};

}  // namespace easylm
