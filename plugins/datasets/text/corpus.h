// Text files as one stream of tokens in memory, which still knows where each token came from.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "easylm/data_files.h"
#include "easylm/host.h"
#include "easylm/tokenizer.h"
#include "easylm/window_dataset.h"

namespace easylm::datasets {

// Tokens put around each file.
struct DocumentMarks {
  std::optional<TokenId> before, after;
};

class Corpus : public TokenStream {
 public:
  // Reads and tokenises all files; empty ones are left out. Throws Error{interrupted} if `stop` is set
  // meanwhile.
  Corpus(const DataFiles& text, const Tokenizer& tokenizer, const DocumentMarks& marks,
         const StopToken& stop);

  std::int64_t size() const override { return static_cast<std::int64_t>(tokens_.size()); }
  void read(std::int64_t first, std::span<TokenId> ids, std::span<float> mask) const override;
  std::string where(std::int64_t index) const override;  // "romeo.txt, byte 1204"
  std::vector<LengthCount> document_lengths() const override;
  std::int64_t target_bytes() const override;

  std::int64_t num_bytes() const { return num_bytes_; }  // of text
  std::int64_t num_empty_files() const { return num_empty_files_; }

  // SHA-256 (its first 128 bits, in hex) of the files' sizes and contents in their order.
  const std::string& content_hash() const { return content_hash_; }

 private:
  struct Document {
    std::string name;
    std::int64_t first_token;
  };
  void append(const DataFile& file, std::string_view text, const Tokenizer& tokenizer,
              const DocumentMarks& marks);
  void index_document(const Document& document, const Tokenizer& tokenizer);
  std::int64_t token_length(TokenId id) const;  // bytes of text; 0 for marks. REQUIRES: id occurs

  static constexpr std::int64_t kMarkEvery = 1024;
  static constexpr std::int32_t kUnknownLength = -1;

  DocumentMarks marks_;
  std::vector<TokenId> tokens_;
  std::vector<std::int32_t> lengths_;  // bytes of text by id, as far as known
  std::vector<Document> documents_;
  std::vector<std::int64_t> byte_marks_;  // of every kMarkEvery-th token: its byte within its document
  std::int64_t num_bytes_ = 0;
  std::int64_t num_empty_files_ = 0;
  std::string content_hash_;
};

}  // namespace easylm::datasets
