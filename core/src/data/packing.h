// Documents into rows of equal length, with positions from which the same rows come again.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/document_stream.h"
#include "easylm/export.h"
#include "easylm/tokenizer.h"

namespace easylm {

enum class Packing {
  concatenate,  // one stream of tokens, cut every sequence_length; rows run across documents
  best_fit,     // whole documents, several a row
  none,         // one document a row
};
enum class LongDocuments { fail, cut, drop };
enum class UntrainedRows { fail, allow };

struct PackingOptions {
  std::string who;
  std::int64_t num_rows = 1, length = 1;  // of a batch
  Packing packing = Packing::concatenate;
  std::int64_t window = 1;                             // best_fit: documents that are packed together
  LongDocuments long_documents = LongDocuments::fail;  // best_fit and none
  UntrainedRows untrained_rows = UntrainedRows::fail;
  std::optional<TokenId> first_input = {};  // put into column 0 of the inputs
};

// The spans of a TokenBatch. `segments` is empty where a row is one document or one stream.
struct BatchBuffers {
  std::vector<std::int32_t> inputs, targets, segments;
  std::vector<float> mask;

  void clear(std::size_t size, bool with_segments);  // padding everywhere
};

// Where the next batch begins.
struct PackPlace {
  StreamPlace stream;     // a document, or the first of a window
  std::int64_t used = 0;  // tokens of the document, or rows of the window, that went into earlier batches
};

struct PackCounts {
  std::int64_t cut = 0, dropped = 0;     // documents
  std::int64_t places = 0, padding = 0;  // in rows; those without a token
};

class EASYLM_API Packer {
 public:
  virtual ~Packer();

  // The next batch; false only at the end of a `once` pass. Throws Error{invalid_config} that names the
  // place for a document that is too long and a row without a token to train on.
  virtual bool next(BatchBuffers& batch) = 0;

  virtual PackPlace place() const = 0;

  // Reads at most one document, or one window. Throws Error{corrupt} if a batch can't begin there.
  virtual void seek(const PackPlace& place) = 0;

  virtual PackCounts counts() const = 0;
};

// `documents` outlives the result.
EASYLM_API std::unique_ptr<Packer> make_packer(PackingOptions options, DocumentStream& documents);

}  // namespace easylm
