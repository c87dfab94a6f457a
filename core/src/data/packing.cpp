// The three ways to fill rows.
#include "data/packing.h"

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

namespace easylm {
namespace {

bool any_above_zero(const std::vector<float>& mask, std::int64_t begin, std::int64_t end) {
  return std::any_of(mask.begin() + begin, mask.begin() + end, [](float x) { return x > 0; });
}

// What both packers do.
class RowChecks {
 public:
  RowChecks(PackingOptions options, DocumentStream& documents)
      : options_(std::move(options)), documents_(documents) {}

 protected:
  [[noreturn]] void fail(const StreamPlace& at, const std::string& message, std::string hint) const {
    throw Error(ErrorCode::invalid_config, options_.who + ": " + documents_.where(at) + ": " + message,
                std::move(hint));
  }

  // Row `row` has its first `used` places filled, from `at` on.
  void finish_row(BatchBuffers& batch, std::int64_t row, std::int64_t used, const StreamPlace& at) {
    const std::int64_t begin = row * options_.length;
    if (options_.first_input) batch.inputs[static_cast<std::size_t>(begin)] = *options_.first_input;
    counts_.padding -= used;
    if (options_.untrained_rows == UntrainedRows::allow) return;
    if (any_above_zero(batch.mask, begin, begin + used)) return;
    fail(at, "the row of " + std::to_string(options_.length) + " tokens from here on has none to train on",
         "make sequence_length larger than what carries no loss, or set untrained_rows = \"allow\"");
  }

  // All places are padding until finish_row() says otherwise.
  void begin_batch(BatchBuffers& batch) {
    const std::int64_t size = options_.num_rows * options_.length;
    batch.clear(static_cast<std::size_t>(size), options_.packing == Packing::best_fit);
    counts_.places += size;
    counts_.padding += size;
  }

  [[noreturn]] void fail_seek(const PackPlace& place) const {
    throw Error(ErrorCode::corrupt,
                options_.who + ": no batch begins at " + documents_.where(place.stream) + ", " +
                    std::to_string(place.used) + " further on",
                "resume with the data and the dataset settings that the run began with");
  }

  PackingOptions options_;
  DocumentStream& documents_;
  PackCounts counts_;
};

class Concatenation final : public Packer, private RowChecks {
 public:
  using RowChecks::RowChecks;

  bool next(BatchBuffers& batch) override {
    const std::int64_t size = options_.num_rows * options_.length;
    gather(size + 1);
    if (available_ < 2) return false;
    begin_batch(batch);
    const std::int64_t used = std::min(available_ - 1, size);  // less than `size`: the last of a pass
    const std::vector<StreamPlace> row_places = copy(used, batch);
    for (std::int64_t row = 0; row * options_.length < used; ++row) {
      finish_row(batch, row, std::min(options_.length, used - row * options_.length),
                 row_places[static_cast<std::size_t>(row)]);
    }
    drop(used < size ? available_ : used);
    return true;
  }

  PackPlace place() const override {
    if (pending_.empty()) return {documents_.place(), 0};
    return {pending_.front().place, front_used_};
  }

  void seek(const PackPlace& place) override {
    documents_.seek(place.stream);
    pending_.clear();
    available_ = front_used_ = 0;
    if (place.used == 0) return;
    gather(1);
    if (pending_.empty() || pending_.front().place != place.stream || place.used >= available_)
      fail_seek(place);
    drop(place.used);
  }

  PackCounts counts() const override { return counts_; }

 private:
  void gather(std::int64_t wanted) {
    PlacedDocument document;
    while (available_ < wanted && documents_.next(document)) {
      if (document.document.tokens.empty()) continue;
      available_ += static_cast<std::int64_t>(document.document.tokens.size());
      pending_.push_back(std::move(document));
    }
  }

  // The next `used` + 1 tokens: each but the last is an input, each but the first a target. Returns where
  // each row begins.
  std::vector<StreamPlace> copy(std::int64_t used, BatchBuffers& batch) const {
    std::vector<StreamPlace> row_places;
    std::int64_t at = 0;
    auto from = static_cast<std::size_t>(front_used_);
    for (const PlacedDocument& placed : pending_) {
      const Document& document = placed.document;
      for (std::size_t i = from; i < document.tokens.size() && at <= used; ++i, ++at) {
        const auto place = static_cast<std::size_t>(at);
        if (at < used) {
          if (at % options_.length == 0) row_places.push_back(placed.place);
          batch.inputs[place] = document.tokens[i];
        }
        if (at > 0) {
          batch.targets[place - 1] = document.tokens[i];
          batch.mask[place - 1] = document.mask[i];
        }
      }
      if (at > used) break;
      from = 0;
    }
    return row_places;
  }

  void drop(std::int64_t count) {
    available_ -= count;
    front_used_ += count;
    while (!pending_.empty()) {
      const auto size = static_cast<std::int64_t>(pending_.front().document.tokens.size());
      if (front_used_ < size) return;
      front_used_ -= size;
      pending_.pop_front();
    }
  }

  std::deque<PlacedDocument> pending_;
  std::int64_t available_ = 0;   // tokens in pending_ that weren't used
  std::int64_t front_used_ = 0;  // tokens of its first document that were
};

// A window of documents becomes rows at once, so that a position is a window and a row of it.
class WholeDocuments final : public Packer, private RowChecks {
 public:
  using RowChecks::RowChecks;

  bool next(BatchBuffers& batch) override {
    if (!has_row()) return false;
    begin_batch(batch);
    for (std::int64_t row = 0; row < options_.num_rows && has_row(); ++row) fill(batch, row);
    return true;
  }

  PackPlace place() const override {
    if (next_row_ == rows_.size()) return {documents_.place(), 0};
    return {window_place_, static_cast<std::int64_t>(next_row_)};
  }

  void seek(const PackPlace& place) override {
    documents_.seek(place.stream);
    rows_.clear();
    next_row_ = 0;
    if (place.used == 0) return;
    read_window();
    if (place.used >= static_cast<std::int64_t>(rows_.size())) fail_seek(place);
    next_row_ = static_cast<std::size_t>(place.used);
  }

  PackCounts counts() const override { return counts_; }

 private:
  // `size` inputs and targets of a document; it has one token more than that.
  struct Piece {
    std::size_t document = 0;
    std::int64_t begin = 0, size = 0;
  };
  using Row = std::vector<Piece>;

  bool has_row() {
    const std::int64_t epoch = documents_.place().epoch;
    while (next_row_ == rows_.size()) {
      if (!read_window()) return false;
      if (rows_.empty() && documents_.place().epoch > epoch + 1) {
        fail(window_place_, "two passes went by without a document that fits a row",
             "documents of fewer than two tokens are left out, longer ones by long_documents = \"drop\"");
      }
    }
    return true;
  }

  bool read_window() {
    window_place_ = documents_.place();
    window_.clear();
    PlacedDocument document;
    while (static_cast<std::int64_t>(window_.size()) < options_.window && documents_.next(document)) {
      window_.push_back(std::move(document));
    }
    rows_.clear();
    next_row_ = 0;
    if (window_.empty()) return false;
    pack(pieces());
    return true;
  }

  std::vector<Piece> pieces() {
    std::vector<Piece> found;
    for (std::size_t i = 0; i < window_.size(); ++i) {
      const auto size = static_cast<std::int64_t>(window_[i].document.tokens.size()) - 1;
      const bool is_long = size > options_.length;
      if (is_long && options_.long_documents == LongDocuments::fail) {
        fail(window_[i].place,
             "the document has " + std::to_string(size + 1) + " tokens, and a row takes " +
                 std::to_string(options_.length + 1),
             "raise sequence_length, or set long_documents = \"cut\" or \"drop\"");
      }
      if (size < 1 || (is_long && options_.long_documents == LongDocuments::drop)) {
        ++counts_.dropped;
        continue;
      }
      if (is_long) ++counts_.cut;
      for (std::int64_t begin = 0; begin < size; begin += options_.length) {
        found.push_back({i, begin, std::min(options_.length, size - begin)});
      }
    }
    return found;
  }

  // The longest first, each into the fullest row that has room for it.
  void pack(std::vector<Piece> pieces) {
    std::ranges::stable_sort(pieces, std::greater(), &Piece::size);
    std::multimap<std::int64_t, std::size_t> rows_by_room;
    for (const Piece& piece : pieces) {
      auto found = rows_by_room.lower_bound(piece.size);
      std::int64_t room = options_.length;
      std::size_t row = rows_.size();
      if (options_.packing == Packing::none || found == rows_by_room.end()) {
        rows_.emplace_back();
      } else {
        std::tie(room, row) = *found;
        rows_by_room.erase(found);
      }
      rows_[row].push_back(piece);
      rows_by_room.emplace(room - piece.size, row);
    }
    const auto order = [](const Piece& piece) { return std::pair(piece.document, piece.begin); };
    for (Row& row : rows_) std::ranges::sort(row, {}, order);
    std::ranges::sort(rows_, {}, [&](const Row& row) { return order(row.front()); });
  }

  void fill(BatchBuffers& batch, std::int64_t row) {
    std::int64_t at = row * options_.length;
    std::int32_t segment = 0;
    const Row& pieces = rows_[next_row_];
    for (const Piece& piece : pieces) {
      const Document& document = window_[piece.document].document;
      std::copy_n(document.tokens.begin() + piece.begin, piece.size, batch.inputs.begin() + at);
      std::copy_n(document.tokens.begin() + piece.begin + 1, piece.size, batch.targets.begin() + at);
      std::copy_n(document.mask.begin() + piece.begin + 1, piece.size, batch.mask.begin() + at);
      if (!batch.segments.empty()) std::fill_n(batch.segments.begin() + at, piece.size, segment++);
      at += piece.size;
    }
    const std::int64_t end = (row + 1) * options_.length;
    if (!batch.segments.empty()) std::fill_n(batch.segments.begin() + at, end - at, segment);
    finish_row(batch, row, at - row * options_.length, window_[pieces.front().document].place);
    ++next_row_;
  }

  std::vector<PlacedDocument> window_;
  StreamPlace window_place_;
  std::vector<Row> rows_;  // of the window
  std::size_t next_row_ = 0;
};

}  // namespace

Packer::~Packer() = default;

void BatchBuffers::clear(std::size_t size, bool with_segments) {
  inputs.assign(size, 0);
  targets.assign(size, 0);
  mask.assign(size, 0.0F);
  segments.assign(with_segments ? size : 0, 0);
}

std::unique_ptr<Packer> make_packer(PackingOptions options, DocumentStream& documents) {
  EASYLM_CHECK(options.num_rows > 0 && options.length > 0, "a batch has rows of some length");
  if (options.packing == Packing::concatenate) {
    return std::make_unique<Concatenation>(std::move(options), documents);
  }
  if (options.packing == Packing::none) options.window = 1;
  return std::make_unique<WholeDocuments>(std::move(options), documents);
}

}  // namespace easylm
