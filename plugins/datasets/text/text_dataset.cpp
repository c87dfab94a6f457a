// From a path to a corpus, and all that can be wrong with it.
#include "text_dataset.h"

#include <utility>

#include "easylm/error.h"
#include "text_files.h"

namespace easylm::datasets {

void TextDataset::Config::describe(Schema<Config>& s) {
  s.field("path", &Config::path, "a text file, or a folder: every *.txt below it, sorted by relative path")
      .must_exist()
      .required();
  describe_windows(s);
  s.field("add_bos", &Config::add_bos, "put the tokenizer's begin token before each file");
  s.field("add_eos", &Config::add_eos,
          "put the tokenizer's end token after each file; absent: if the tokenizer has one");
}

TextDataset::TextDataset(Host& host, const Config& config)
    : WindowDataset(host, "text", config.path.text, config), config_(config) {}

std::unique_ptr<TokenStream> TextDataset::open_stream(const DatasetOptions& options) {
  const DataFiles files = find_files();
  marks_ = choose_marks(*options.tokenizer);
  auto corpus = std::make_unique<Corpus>(files, *options.tokenizer, marks_, host().stop());
  require_text(*corpus);
  report(*corpus);
  content_hash_ = corpus->content_hash();
  tokenizer_ = options.tokenizer;
  return corpus;
}

DataFiles TextDataset::find_files() const {
  DataFiles files = find_data_files(config_.path.text, ".txt", "dataset text");
  if (files.files.empty()) {
    throw refusal(ErrorCode::not_found, "there is no *.txt file in " + config_.path.text,
                  "set `path` to a text file, or to a folder with *.txt files");
  }
  if (files.num_other > 0) {
    host().info("dataset", "files that are not *.txt are not read",
                {{"path", config_.path.text}, {"files", files.num_other}});
  }
  return files;
}

DocumentMarks TextDataset::choose_marks(const Tokenizer& tokenizer) const {
  const SpecialTokens& special = tokenizer.special();
  if (config_.add_bos && !special.bos) {
    throw refusal(ErrorCode::invalid_config, "add_bos is set, but the tokenizer has no begin token",
                  "remove add_bos, or choose a tokenizer that has one");
  }
  if (config_.add_eos.value_or(false) && !special.eos) {
    throw refusal(ErrorCode::invalid_config, "add_eos is set, but the tokenizer has no end token",
                  "remove add_eos, or choose a tokenizer that has one");
  }
  DocumentMarks marks;
  if (config_.add_bos) marks.before = special.bos;
  if (config_.add_eos.value_or(true)) marks.after = special.eos;
  return marks;
}

void TextDataset::require_text(const Corpus& corpus) const {
  const std::string& path = config_.path.text;
  if (corpus.num_bytes() == 0) {
    throw refusal(ErrorCode::invalid_config, "there is no text in " + path + ": it is empty",
                  "set `path` to a text file, or to a folder with *.txt files");
  }
  if (corpus.size() < 2) {
    throw refusal(ErrorCode::invalid_config,
                  "the text in " + path + " makes only " + std::to_string(corpus.size()) +
                      " token(s), and at least 2 are needed",
                  "use a longer text");
  }
}

void TextDataset::report(const Corpus& corpus) const {
  const std::int64_t length = config_.sequence_length;
  host().info("dataset", "opened",
              {{"path", config_.path.text},
               {"bytes", corpus.num_bytes()},
               {"tokens", corpus.size()},
               {"windows", (corpus.size() - 2 + length) / length},
               {"begin_tokens", marks_.before ? "yes" : "no"},
               {"end_tokens", marks_.after ? "yes" : "no"}});
  if (corpus.num_empty_files() > 0) {
    host().warn("dataset", "empty files are left out",
                {{"path", config_.path.text}, {"files", corpus.num_empty_files()}});
  }
}

std::string TextDataset::fingerprint() const {
  return "text/1 content=" + content_hash_ + window_fingerprint() + marks_fingerprint() +
         " tokenizer=" + tokenizer_->fingerprint();
}

std::string TextDataset::marks_fingerprint() const {
  return std::string(" begin_tokens=") + (marks_.before ? "yes" : "no") +
         " end_tokens=" + (marks_.after ? "yes" : "no");
}

void* TextDataset::extension(std::string_view id) {
  if (id == DocumentReader::kInterface) return static_cast<DocumentReader*>(this);
  return WindowDataset::extension(id);
}

void TextDataset::open_documents(std::shared_ptr<const Tokenizer> tokenizer) {
  tokenizer_ = std::move(tokenizer);
  files_ = find_files().files;
  marks_ = choose_marks(*tokenizer_);
  content_hash_ = content_fingerprint(files_);
}

bool TextDataset::next_document(Document& document) {
  std::string text;
  while (text.empty() && next_file_ < files_.size()) {
    const DataFile& file = files_[next_file_++];
    text = read_text_file(file.path);
    if (text.empty()) host().warn("dataset", "an empty file is left out", {{"file", file.name}});
  }
  if (text.empty()) return false;
  document.tokens.clear();
  if (marks_.before) document.tokens.push_back(*marks_.before);
  tokenizer_->encode(text, document.tokens);
  if (marks_.after) document.tokens.push_back(*marks_.after);
  document.mask.assign(document.tokens.size(), 1);
  if (marks_.before) document.mask.front() = 0;
  const bool is_first = !std::exchange(has_documents_, true);
  document_bytes_ += static_cast<std::int64_t>(text.size());
  if (is_first && !marks_.before) {
    document_bytes_ -= static_cast<std::int64_t>(tokenizer_->token_bytes(document.tokens.front()).size());
  }
  return true;
}

std::string TextDataset::documents_fingerprint() const {
  return "text/1 content=" + content_hash_ + marks_fingerprint();
}

}  // namespace easylm::datasets
