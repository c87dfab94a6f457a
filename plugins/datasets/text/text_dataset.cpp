// Windows over a corpus: which one comes when, and what is in it.
#include "text_dataset.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>
#include <map>

#include "easylm/error.h"

namespace easylm::datasets {
namespace {

constexpr std::string_view kShufflePurpose = "dataset.text.shuffle";

Error refusal(ErrorCode code, const std::string& message, std::string hint) {
  return {code, "dataset text: " + message, std::move(hint)};
}

}  // namespace

void TextDataset::Config::describe(Schema<Config>& s) {
  s.field("path", &Config::path, "a text file, or a folder: every *.txt below it, sorted by relative path")
      .must_exist()
      .required();
  s.field("sequence_length", &Config::sequence_length, "length of a row")
      .at_least(1)
      .unit("tokens")
      .required();
  s.field("batch_size", &Config::batch_size, "rows of a batch, on each rank")
      .at_least(1)
      .unit("rows")
      .required();
  s.field("add_bos", &Config::add_bos, "put the tokenizer's begin token before each file");
  s.field("add_eos", &Config::add_eos,
          "put the tokenizer's end token after each file; absent: if the tokenizer has one");
  s.field("shuffle", &Config::shuffle,
          "order of an endless pass: windows (a new random order of windows each epoch) or none")
      .one_of({"windows", "none"});
  s.fact("tokens_per_batch", "sequence_length * batch_size");
  s.require(
      "sequence_length * batch_size <= 2147483647", "batch_size",
      "sequence_length = {sequence_length} times batch_size = {batch_size} is more than a batch can hold",
      "lower batch_size");
}

TextDataset::TextDataset(Host& host, const Config& config) : host_(host), config_(config) {}

void TextDataset::open(const DatasetOptions& options) {
  EASYLM_CHECK(options.tokenizer != nullptr, "dataset text was opened without a tokenizer");
  EASYLM_CHECK(options.world > 0 && options.rank >= 0 && options.rank < options.world, "no such rank");
  options_ = options;
  const DataFiles files = find_data_files(config_.path.text, ".txt", "dataset text");
  if (files.files.empty()) {
    throw refusal(ErrorCode::not_found, "there is no *.txt file in " + config_.path.text,
                  "set `path` to a text file, or to a folder with *.txt files");
  }
  if (files.num_other > 0) {
    host_.info("dataset", "files that are not *.txt are not read",
               {{"path", config_.path.text}, {"files", files.num_other}});
  }
  marks_ = choose_marks();
  corpus_ = Corpus(files, *options.tokenizer, marks_, host_.stop());
  require_text();
  const auto num_targets = static_cast<std::int64_t>(corpus_.tokens().size()) - 1;
  num_windows_ = (num_targets + config_.sequence_length - 1) / config_.sequence_length;
  const auto size = static_cast<std::size_t>(tokens_per_batch());
  inputs_.resize(size);
  targets_.resize(size);
  mask_.resize(size);
  report();
}

DocumentMarks TextDataset::choose_marks() const {
  const SpecialTokens& special = options_.tokenizer->special();
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

void TextDataset::require_text() const {
  const std::string& path = config_.path.text;
  if (corpus_.num_bytes() == 0) {
    throw refusal(ErrorCode::invalid_config, "there is no text in " + path + ": it is empty",
                  "set `path` to a text file, or to a folder with *.txt files");
  }
  if (corpus_.tokens().size() < 2) {
    throw refusal(ErrorCode::invalid_config,
                  "the text in " + path + " makes only " + std::to_string(corpus_.tokens().size()) +
                      " token(s), and at least 2 are needed",
                  "use a longer text");
  }
}

void TextDataset::report() const {
  const auto num_tokens = static_cast<std::int64_t>(corpus_.tokens().size());
  host_.info("dataset", "opened",
             {{"path", config_.path.text},
              {"bytes", corpus_.num_bytes()},
              {"tokens", num_tokens},
              {"windows", num_windows_},
              {"begin_tokens", marks_.before ? "yes" : "no"},
              {"end_tokens", marks_.after ? "yes" : "no"}});
  if (corpus_.num_empty_files() > 0) {
    host_.warn("dataset", "empty files are left out",
               {{"path", config_.path.text}, {"files", corpus_.num_empty_files()}});
  }
  if (num_tokens - 1 < config_.sequence_length) {
    host_.warn(
        "dataset", "the whole text is shorter than one row; the rest of the row is padding",
        {{"path", config_.path.text}, {"tokens", num_tokens}, {"sequence_length", config_.sequence_length}});
  }
}

bool TextDataset::next(TokenBatch& batch) {
  EASYLM_CHECK(num_windows_ > 0, "dataset text was read before it was opened");
  const std::int64_t first_row = next_batch_ * config_.batch_size;
  if (options_.pass == DatasetPass::once && first_row >= num_windows_) return false;
  const std::int64_t mine = next_batch_ + options_.rank;
  for (std::int64_t i = 0; i < config_.batch_size; ++i) fill_row(mine * config_.batch_size + i, i);
  batch = {config_.batch_size, config_.sequence_length, inputs_, targets_, mask_, {}, position_of(mine)};
  next_batch_ += options_.world;
  return true;
}

void TextDataset::fill_row(std::int64_t row, std::int64_t index_in_batch) {
  const std::int64_t length = config_.sequence_length;
  const auto offset = static_cast<std::ptrdiff_t>(index_in_batch * length);
  const auto inputs = inputs_.begin() + offset;
  const auto targets = targets_.begin() + offset;
  const auto mask = mask_.begin() + offset;
  std::fill_n(inputs, length, 0);
  std::fill_n(targets, length, 0);
  std::fill_n(mask, length, 0.0F);
  places_ += length;
  padding_ += length;
  if (options_.pass == DatasetPass::once && row >= num_windows_) return;

  const std::span<const TokenId> tokens = corpus_.tokens();
  const std::int64_t first = window_of(row) * length;
  const std::int64_t used = std::min(length, static_cast<std::int64_t>(tokens.size()) - 1 - first);
  padding_ -= used;
  std::copy_n(tokens.begin() + first, used, inputs);
  std::copy_n(tokens.begin() + first + 1, used, targets);
  for (std::int64_t i = 0; i < used; ++i) {
    mask[i] = marks_.before && targets[i] == *marks_.before ? 0.0F : 1.0F;
  }
}

// Row `row` of the whole pass: every window once, then, in an endless pass, again in another order.
std::int64_t TextDataset::window_of(std::int64_t row) const {
  if (options_.pass == DatasetPass::once || config_.shuffle == "none") return row % num_windows_;
  return order(row / num_windows_)(row % num_windows_);
}

const Permutation& TextDataset::order(std::int64_t epoch) const {
  if (!order_ || order_->epoch != epoch) {
    const auto index = static_cast<std::uint64_t>(epoch);
    order_ = Order{epoch, Permutation(num_windows_, host_.random(kShufflePurpose, index))};
  }
  return order_->permutation;
}

// Names the order of an epoch, so that a position is not read under another seed.
std::string TextDataset::order_id(std::int64_t epoch) const {
  if (options_.pass == DatasetPass::once || config_.shuffle == "none") return {};
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "order %016llx",
                static_cast<unsigned long long>(
                    host_.random(kShufflePurpose, static_cast<std::uint64_t>(epoch)).key()));
  return text.data();
}

std::int64_t TextDataset::epoch_of(std::int64_t batch) const {
  return options_.pass == DatasetPass::once ? 0 : batch * config_.batch_size / num_windows_;
}

DatasetPosition TextDataset::position_of(std::int64_t batch) const {
  const std::int64_t row = batch * config_.batch_size;
  const std::int64_t epoch = epoch_of(batch);
  const bool at_end = options_.pass == DatasetPass::once && row >= num_windows_;
  return {epoch, batch, at_end ? "end" : corpus_.where(window_of(row) * config_.sequence_length),
          order_id(epoch)};
}

DatasetPosition TextDataset::position() const {
  EASYLM_CHECK(num_windows_ > 0, "dataset text was asked for its position before it was opened");
  return position_of(next_batch_);
}

void TextDataset::seek(const DatasetPosition& position) {
  EASYLM_CHECK(num_windows_ > 0, "dataset text was moved before it was opened");
  const std::int64_t largest = std::numeric_limits<std::int64_t>::max() / config_.batch_size - options_.world;
  if (position.batch < 0 || position.batch > largest || position.epoch != epoch_of(position.batch)) {
    throw refusal(ErrorCode::corrupt,
                  "epoch " + std::to_string(position.epoch) + ", batch " + std::to_string(position.batch) +
                      " is no position in " + config_.path.text,
                  "resume with the dataset settings that the run began with");
  }
  if (position.state != order_id(position.epoch)) {
    throw refusal(ErrorCode::corrupt,
                  "the position was saved under another order of windows ('" + position.state + "', here '" +
                      order_id(position.epoch) + "')",
                  "resume with the seed and the dataset settings that the run began with");
  }
  next_batch_ = position.batch;
}

// The first token is never a target.
std::int64_t TextDataset::text_bytes() const {
  EASYLM_CHECK(num_windows_ > 0, "dataset text was asked for its size before it was opened");
  return corpus_.num_bytes() - corpus_.token_length(corpus_.tokens().front());
}

void* TextDataset::extension(std::string_view id) {
  return id == DatasetCounter::kInterface ? static_cast<DatasetCounter*>(this) : nullptr;
}

DatasetCounts TextDataset::counts() const {
  std::map<std::int64_t, std::int64_t> lengths;
  DatasetCounts counts;
  for (const std::int64_t length : corpus_.document_lengths()) {
    ++counts.documents;
    counts.tokens += length;
    ++lengths[length];
  }
  counts.places = places_;
  counts.padding = padding_;
  for (const auto& [length, documents] : lengths) counts.lengths.push_back({length, documents});
  return counts;
}

std::string TextDataset::fingerprint() const {
  EASYLM_CHECK(num_windows_ > 0, "dataset text was asked for its fingerprint before it was opened");
  return "text/1 content=" + corpus_.content_hash() +
         " sequence_length=" + std::to_string(config_.sequence_length) +
         " batch_size=" + std::to_string(config_.batch_size) + " shuffle=" + config_.shuffle +
         " begin_tokens=" + (marks_.before ? "yes" : "no") + " end_tokens=" + (marks_.after ? "yes" : "no") +
         " tokenizer=" + options_.tokenizer->fingerprint();
}

}  // namespace easylm::datasets
