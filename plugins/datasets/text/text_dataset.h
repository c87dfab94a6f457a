// Plain text files, cut into windows of tokens: each file between its marks, all of them one stream, held in
// memory at four bytes a token. A begin mark as a target has mask 0.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corpus.h"
#include "easylm/host.h"
#include "easylm/schema.h"
#include "easylm/window_dataset.h"

namespace easylm::datasets {

class TextDataset final : public WindowDataset, public DocumentReader {
 public:
  using Dataset::kInterface;

  struct Config : WindowConfig {
    Path path;
    bool add_bos = false;
    std::optional<bool> add_eos = {};

    static void describe(Schema<Config>& s);
  };

  TextDataset(Host& host, const Config& config);

  std::string fingerprint() const override;
  void* extension(std::string_view id) override;

  // A file at a time, so that more can be read than memory holds.
  void open_documents(std::shared_ptr<const Tokenizer> tokenizer) override;
  bool next_document(Document& document) override;
  std::int64_t document_bytes() const override { return document_bytes_; }
  std::string documents_fingerprint() const override;

 protected:
  std::unique_ptr<TokenStream> open_stream(const DatasetOptions& options) override;

 private:
  DataFiles find_files() const;
  DocumentMarks choose_marks(const Tokenizer& tokenizer) const;
  void require_text(const Corpus& corpus) const;
  void report(const Corpus& corpus) const;
  std::string marks_fingerprint() const;

  Config config_;
  DocumentMarks marks_;
  std::string content_hash_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::vector<DataFile> files_;  // of documents
  std::size_t next_file_ = 0;
  bool has_documents_ = false;  // were any handed out?
  std::int64_t document_bytes_ = 0;
};

}  // namespace easylm::datasets
