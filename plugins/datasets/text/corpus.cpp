// Reads, tokenises and hashes text files, and maps tokens back to bytes.
#include "corpus.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>

#include "easylm/error.h"
#include "text_files.h"

namespace easylm::datasets {
namespace {

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new()) {
    EASYLM_CHECK(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1,
                 "SHA-256 is missing");
  }
  void add(std::string_view bytes) {
    EASYLM_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1, "SHA-256 failed");
  }
  // The first 128 bits, in hex.
  std::string finish() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    EASYLM_CHECK(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1, "SHA-256 failed");
    std::string hex;
    for (std::size_t i = 0; i < 16; ++i) {
      hex += "0123456789abcdef"[digest[i] >> 4U];
      hex += "0123456789abcdef"[digest[i] & 15U];
    }
    return hex;
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

}  // namespace

Corpus::Corpus(const DataFiles& text, const Tokenizer& tokenizer, const DocumentMarks& marks,
               const StopToken& stop)
    : marks_(marks), lengths_(static_cast<std::size_t>(tokenizer.vocabulary_size()), kUnknownLength) {
  for (const auto mark : {marks.before, marks.after}) {
    if (mark) lengths_.at(static_cast<std::size_t>(*mark)) = 0;
  }
  Sha256 hash;
  for (const DataFile& file : text.files) {
    if (stop.requested()) {
      throw Error(ErrorCode::interrupted, "dataset text: stopped while reading " + file.name);
    }
    const std::string contents = read_text_file(file.path);
    if (contents.empty()) {
      ++num_empty_files_;
      continue;
    }
    hash.add(std::to_string(contents.size()) + "\n");
    hash.add(contents);
    num_bytes_ += static_cast<std::int64_t>(contents.size());
    append(file, contents, tokenizer, marks);
  }
  content_hash_ = hash.finish();
}

void Corpus::append(const DataFile& file, std::string_view text, const Tokenizer& tokenizer,
                    const DocumentMarks& marks) {
  documents_.push_back({file.name, static_cast<std::int64_t>(tokens_.size())});
  if (marks.before) tokens_.push_back(*marks.before);
  tokenizer.encode(text, tokens_);
  if (marks.after) tokens_.push_back(*marks.after);
  index_document(documents_.back(), tokenizer);
}

void Corpus::index_document(const Document& document, const Tokenizer& tokenizer) {
  std::int64_t byte = 0;
  for (auto i = document.first_token; i < static_cast<std::int64_t>(tokens_.size()); ++i) {
    if (i % kMarkEvery == 0) byte_marks_.push_back(byte);
    const TokenId id = tokens_[static_cast<std::size_t>(i)];
    if (id < 0 || static_cast<std::size_t>(id) >= lengths_.size()) {
      throw Error(ErrorCode::plugin, "the tokenizer made id " + std::to_string(id) + " in " + document.name +
                                         ", outside its vocabulary of " + std::to_string(lengths_.size()));
    }
    std::int32_t& length = lengths_[static_cast<std::size_t>(id)];
    if (length == kUnknownLength) length = static_cast<std::int32_t>(tokenizer.token_bytes(id).size());
    byte += length;
  }
}

std::int64_t Corpus::token_length(TokenId id) const { return lengths_.at(static_cast<std::size_t>(id)); }

void Corpus::read(std::int64_t first, std::span<TokenId> ids, std::span<float> mask) const {
  std::copy_n(tokens_.begin() + first, ids.size(), ids.begin());
  std::ranges::transform(ids, mask.begin(), [this](TokenId id) { return id == marks_.before ? 0.0F : 1.0F; });
}

std::vector<LengthCount> Corpus::document_lengths() const {
  std::map<std::int64_t, std::int64_t> documents;
  for (std::size_t i = 0; i < documents_.size(); ++i) {
    const bool is_last = i + 1 == documents_.size();
    const std::int64_t end = is_last ? size() : documents_[i + 1].first_token;
    ++documents[end - documents_[i].first_token];
  }
  std::vector<LengthCount> lengths;
  lengths.reserve(documents.size());
  for (const auto& [length, count] : documents) lengths.push_back({length, count});
  return lengths;
}

std::int64_t Corpus::target_bytes() const { return num_bytes_ - token_length(tokens_.front()); }

std::string Corpus::where(std::int64_t index) const {
  auto document = std::upper_bound(documents_.begin(), documents_.end(), index,
                                   [](std::int64_t i, const Document& d) { return i < d.first_token; });
  --document;
  // From the nearest mark, or from the document's first token if that is nearer.
  std::int64_t token = document->first_token;
  std::int64_t byte = 0;
  const std::int64_t mark = index / kMarkEvery;
  if (mark * kMarkEvery >= token) {
    token = mark * kMarkEvery;
    byte = byte_marks_[static_cast<std::size_t>(mark)];
  }
  for (; token < index; ++token) byte += token_length(tokens_[static_cast<std::size_t>(token)]);
  return document->name + ", byte " + std::to_string(byte);
}

}  // namespace easylm::datasets
