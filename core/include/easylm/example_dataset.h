// A dataset of examples in files: all but reading the files. What datasets such as jsonl share.
//
// Examples become documents by the field language (example_encoder.h), documents rows by `packing`:
//   concatenate  EasyLM's: all documents make one stream of tokens; a batch is the next batch_size *
//                sequence_length of them, cut into rows, and its targets are one token later
//   best_fit     whole documents: `packing_window` of them are taken together, and each, the longest first,
//                goes into the fullest row that has room. `segments` keeps them apart, and no target lies
//                beyond a border
//   none         a document a row
// Places without a token are 0 with mask 0. Each rank reads all examples and keeps its own batches.
//
// A position is the place of one document, or of a window's first, and how much of it is used; to go there
// means to read that document or window again. Its `state` reads "file=0 offset=1204 line=16 example=16
// used=37 tokens=65536".
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "easylm/data_files.h"
#include "easylm/dataset.h"
#include "easylm/dataset_keys.h"
#include "easylm/example.h"
#include "easylm/example_encoder.h"
#include "easylm/export.h"
#include "easylm/host.h"

namespace easylm {

struct ExampleDatasetConfig : EncoderOptions {
  Path path;
  std::int64_t sequence_length = 0;
  std::int64_t batch_size = 0;
  bool always_start_with_bos = false;
  std::string packing = "concatenate";
  std::int64_t packing_window = 1024;
  std::string long_documents = "fail";
  std::string untrained_rows = "fail";
  std::string bad_examples = "skip";
  std::int64_t tokenizer_threads = 2;
  std::int64_t tokens_count_at_start = 0;
};

class EASYLM_API ExampleDataset : public Dataset, public DatasetCounter, public DocumentReader {
 public:
  using Dataset::kInterface;

  // `name` as in a config, "jsonl"; `extension` of its files, ".jsonl". Throws Error{invalid_config} if the
  // settings contradict one another.
  ExampleDataset(Host& host, std::string name, std::string extension, ExampleDatasetConfig config);
  ~ExampleDataset() override;

  void open(const DatasetOptions& options) override;
  bool next(TokenBatch& batch) override;
  DatasetPosition position() const override;
  void seek(const DatasetPosition& position) override;
  std::int64_t tokens_per_batch() const override { return config_.sequence_length * config_.batch_size; }
  std::string fingerprint() const override;
  void* extension(std::string_view id) override;
  DatasetCounts counts() const override;
  void open_documents(std::shared_ptr<const Tokenizer> tokenizer) override;
  bool next_document(Document& document) override;
  std::int64_t document_bytes() const override { return 0; }
  std::string documents_fingerprint() const override;

 protected:
  // A source of these files (at least one) that stands at the start. Called by open() and open_documents().
  virtual std::unique_ptr<ExampleSource> open_source(std::vector<DataFile> files,
                                                     const ExampleEncoder& encoder) = 0;

 private:
  struct Engine;
  DataFiles find_files() const;
  void open_stream(DatasetPass pass);
  bool is_open() const;  // for rows
  std::string who() const { return "dataset " + name_; }
  DatasetPosition position_of(std::int64_t batch) const;

  Host& host_;
  std::string name_, extension_;
  ExampleDatasetConfig config_;
  DatasetOptions options_;
  std::string content_;
  std::int64_t next_batch_ = 0;  // of all ranks together; this rank reads next_batch_ + rank
  std::unique_ptr<Engine> engine_;
};

// Describes the keys that all datasets of examples have. C derives from ExampleDatasetConfig.
template <typename C>
void describe_examples(Schema<C>& s, std::string path_doc) {
  s.field("path", inherited<C>(&C::path), std::move(path_doc)).must_exist().required();
  s.field("fields", inherited<C>(&C::fields),
          "what of an example becomes tokens, comma separated: a+b joins fields, [a] carries no loss, {a} is "
          "base64 of token ids, <|bos|> <|eos|> <|123|> are tokens");
  s.field("fields_from_example", inherited<C>(&C::fields_from_example),
          "the field of each example that holds its own list of fields, in place of `fields`");
  s.field("subfield_separator", inherited<C>(&C::subfield_separator), "stands between the fields of a+b");
  s.field("prepend_text", inherited<C>(&C::prepend_text), "goes before the text of the first field");
  s.field("base64_token_dtype", inherited<C>(&C::base64_token_dtype),
          "little-endian numbers that {a} holds, as NumPy calls them")
      .one_of({"i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"});
  s.field("add_bos_token", inherited<C>(&C::add_bos_token),
          "the begin token before each example, without loss");
  s.field("add_eos_token", inherited<C>(&C::add_eos_token), "the end token after each example, with loss");
  s.field("always_start_with_bos", inherited<C>(&C::always_start_with_bos),
          "overwrite the first input of each row with the begin token; with packing = \"concatenate\"");
  describe_batches(s);
  s.field("packing", inherited<C>(&C::packing),
          "concatenate: one stream of tokens, cut into rows; best_fit: several whole documents a row, which "
          "do not see each other; none: one document a row")
      .one_of({"concatenate", "best_fit", "none"});
  s.field("packing_window", inherited<C>(&C::packing_window), "with best_fit: how many are packed together")
      .at_least(1)
      .at_most(1 << 20)
      .unit("documents");
  s.field("long_documents", inherited<C>(&C::long_documents),
          "what becomes of one that is longer than a row, with best_fit and none; cut: it fills several rows")
      .one_of({"fail", "cut", "drop"});
  s.field("untrained_rows", inherited<C>(&C::untrained_rows),
          "what becomes of a row whose every target is without loss")
      .one_of({"fail", "allow"});
  s.field("bad_examples", inherited<C>(&C::bad_examples),
          "what becomes of one that can't be read or lacks a field; skip: it is reported and left out")
      .one_of({"skip", "fail"});
  s.field("tokenizer_threads", inherited<C>(&C::tokenizer_threads),
          "threads that tokenise ahead; 0: the training thread itself. The rows are the same")
      .at_least(0)
      .at_most(256);
}

}  // namespace easylm
