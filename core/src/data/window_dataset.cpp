// Which window comes when, and what is in it.
#include "easylm/window_dataset.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>

#include "data/permutation.h"
#include "easylm/error.h"

namespace easylm {

namespace {

// The same for all datasets of windows: the same tokens come in the same order.
constexpr std::string_view kShufflePurpose = "dataset.text.shuffle";

}  // namespace

struct WindowDataset::Order {
  Order(std::int64_t which, std::int64_t num_windows, RandomStream random)
      : epoch(which), permutation(num_windows, random) {}

  std::int64_t epoch;
  Permutation permutation;
};

TokenStream::~TokenStream() = default;

WindowDataset::WindowDataset(Host& host, std::string name, std::string path, WindowConfig config)
    : host_(host), name_(std::move(name)), path_(std::move(path)), config_(std::move(config)) {}

WindowDataset::~WindowDataset() = default;

Error WindowDataset::refusal(ErrorCode code, const std::string& message, std::string hint) const {
  return {code, "dataset " + name_ + ": " + message, std::move(hint)};
}

void WindowDataset::open(const DatasetOptions& options) {
  EASYLM_CHECK(options.tokenizer != nullptr, "a dataset was opened without a tokenizer");
  EASYLM_CHECK(options.world > 0 && options.rank >= 0 && options.rank < options.world, "no such rank");
  options_ = options;
  stream_ = open_stream(options);
  const std::int64_t num_targets = stream_->size() - 1;
  EASYLM_CHECK(num_targets > 0, "a stream of windows has at least two tokens");
  num_windows_ = (num_targets + config_.sequence_length - 1) / config_.sequence_length;
  const auto size = static_cast<std::size_t>(tokens_per_batch());
  inputs_.resize(size);
  targets_.resize(size);
  mask_.resize(size);
  window_.resize(static_cast<std::size_t>(config_.sequence_length) + 1);
  window_mask_.resize(window_.size());
  if (num_targets < config_.sequence_length) {
    host_.warn("dataset", "the whole text is shorter than one row; the rest of the row is padding",
               {{"path", path_}, {"tokens", num_targets + 1}, {"sequence_length", config_.sequence_length}});
  }
}

bool WindowDataset::next(TokenBatch& batch) {
  EASYLM_CHECK(num_windows_ > 0, "a dataset was read before it was opened");
  const std::int64_t first_row = next_batch_ * config_.batch_size;
  if (options_.pass == DatasetPass::once && first_row >= num_windows_) return false;
  const std::int64_t mine = next_batch_ + options_.rank;
  for (std::int64_t i = 0; i < config_.batch_size; ++i) fill_row(mine * config_.batch_size + i, i);
  batch = {config_.batch_size, config_.sequence_length, inputs_, targets_, mask_, {}, position_of(mine)};
  next_batch_ += options_.world;
  return true;
}

void WindowDataset::fill_row(std::int64_t row, std::int64_t index_in_batch) {
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

  const std::int64_t first = window_of(row) * length;
  const std::int64_t used = std::min(length, stream_->size() - 1 - first);
  padding_ -= used;
  const auto taken = static_cast<std::size_t>(used) + 1;
  stream_->read(first, std::span(window_).first(taken), std::span(window_mask_).first(taken));
  std::copy_n(window_.begin(), used, inputs);
  std::copy_n(window_.begin() + 1, used, targets);
  std::copy_n(window_mask_.begin() + 1, used, mask);
}

// Row `row` of the whole pass: every window once, then, in an endless pass, again in another order.
std::int64_t WindowDataset::window_of(std::int64_t row) const {
  if (options_.pass == DatasetPass::once || config_.shuffle == "none") return row % num_windows_;
  return order(row / num_windows_).permutation(row % num_windows_);
}

const WindowDataset::Order& WindowDataset::order(std::int64_t epoch) const {
  if (!order_ || order_->epoch != epoch) {
    const auto index = static_cast<std::uint64_t>(epoch);
    order_ = std::make_unique<Order>(epoch, num_windows_, host_.random(kShufflePurpose, index));
  }
  return *order_;
}

// Names the order of an epoch, so that a position is not read under another seed.
std::string WindowDataset::order_id(std::int64_t epoch) const {
  if (options_.pass == DatasetPass::once || config_.shuffle == "none") return {};
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "order %016llx",
                static_cast<unsigned long long>(
                    host_.random(kShufflePurpose, static_cast<std::uint64_t>(epoch)).key()));
  return text.data();
}

std::int64_t WindowDataset::epoch_of(std::int64_t batch) const {
  return options_.pass == DatasetPass::once ? 0 : batch * config_.batch_size / num_windows_;
}

DatasetPosition WindowDataset::position_of(std::int64_t batch) const {
  const std::int64_t row = batch * config_.batch_size;
  const std::int64_t epoch = epoch_of(batch);
  const bool at_end = options_.pass == DatasetPass::once && row >= num_windows_;
  return {epoch, batch, at_end ? "end" : stream_->where(window_of(row) * config_.sequence_length),
          order_id(epoch)};
}

DatasetPosition WindowDataset::position() const {
  EASYLM_CHECK(num_windows_ > 0, "a dataset was asked for its position before it was opened");
  return position_of(next_batch_);
}

void WindowDataset::seek(const DatasetPosition& position) {
  EASYLM_CHECK(num_windows_ > 0, "a dataset was moved before it was opened");
  const std::int64_t largest = std::numeric_limits<std::int64_t>::max() / config_.batch_size - options_.world;
  if (position.batch < 0 || position.batch > largest || position.epoch != epoch_of(position.batch)) {
    throw refusal(ErrorCode::corrupt,
                  "epoch " + std::to_string(position.epoch) + ", batch " + std::to_string(position.batch) +
                      " is no position in " + path_,
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

std::int64_t WindowDataset::text_bytes() const {
  EASYLM_CHECK(num_windows_ > 0, "a dataset was asked for its size before it was opened");
  return stream_->target_bytes();
}

void* WindowDataset::extension(std::string_view id) {
  return id == DatasetCounter::kInterface ? static_cast<DatasetCounter*>(this) : nullptr;
}

DatasetCounts WindowDataset::counts() const {
  EASYLM_CHECK(num_windows_ > 0, "a dataset was asked for its counts before it was opened");
  DatasetCounts counts;
  counts.lengths = stream_->document_lengths();
  for (const LengthCount& length : counts.lengths) {
    counts.documents += length.documents;
    counts.tokens += length.length * length.documents;
  }
  counts.places = places_;
  counts.padding = padding_;
  return counts;
}

std::string WindowDataset::window_fingerprint() const {
  EASYLM_CHECK(num_windows_ > 0, "a dataset was asked for its fingerprint before it was opened");
  return " sequence_length=" + std::to_string(config_.sequence_length) +
         " batch_size=" + std::to_string(config_.batch_size) + " shuffle=" + config_.shuffle;
}

}  // namespace easylm
