// A search that grows, predicts, and closes in.
#include "swap/length_search.h"

#include <algorithm>
#include <optional>

namespace easylm {
namespace {

constexpr std::int64_t kPrecision = 32;  // the answer is off by less than its part in so many
constexpr std::int64_t kGrowth = 4;      // no trial is longer than so many times what is known to fit

class Search {
 public:
  explicit Search(const SearchSpace& space) : space_(space) {}

  std::optional<std::int64_t> next() {
    if (low_ == 0) return high_ > 0 ? std::nullopt : std::optional(space_.step);
    if (high_ > 0 && high_ - low_ <= precision()) return std::nullopt;
    if (high_ == 0 && low_ >= longest_allowed()) return std::nullopt;
    const std::int64_t ceiling = high_ > 0 ? high_ - space_.step : longest_allowed();
    return std::clamp(rounded(candidate()), low_ + space_.step, ceiling);
  }

  void take(std::int64_t length, const Trial& trial) {
    const bool fits = trial.end == TrialEnd::fits;
    stride_ = fits == last_fitted_ && strode_ ? stride_ * 2 : 1;
    last_fitted_ = fits;
    if (fits) {
      before_ = {low_, low_bytes_};
      low_ = length;
      low_bytes_ = trial.peak_bytes;
    } else {
      high_ = length;
    }
  }

 private:
  std::int64_t rounded(std::int64_t length) const { return length / space_.step * space_.step; }
  std::int64_t longest_allowed() const { return rounded(space_.most); }
  std::int64_t precision() const { return std::max(space_.step, low_ / kPrecision); }

  // Where the line through the two longest that fitted meets the limit.
  std::optional<std::int64_t> predicted() const {
    const auto [length, bytes] = before_;
    if (length == 0 || low_bytes_ <= bytes) return std::nullopt;
    const double slope = static_cast<double>(low_bytes_ - bytes) / static_cast<double>(low_ - length);
    const double left = static_cast<double>(space_.memory_bytes - low_bytes_);
    return low_ + static_cast<std::int64_t>(std::min(left / slope, 1e12));
  }

  // What the peaks say, as long as the last one is news; else a stride from the end that was met last, no
  // farther than the middle.
  std::int64_t candidate() {
    const std::optional<std::int64_t> end = predicted();
    const std::int64_t farthest = high_ > 0 ? high_ - space_.step : kGrowth * low_;
    strode_ = !last_fitted_ || !end || *end <= low_ + precision();
    if (!strode_) return std::min(*end, farthest);
    if (high_ == 0) return !end ? 2 * low_ : std::min(low_ + stride_ * precision(), farthest);
    const std::int64_t middle = low_ + (high_ - low_) / 2;
    const std::int64_t stride = stride_ * precision();
    return last_fitted_ ? std::min(low_ + stride, middle) : std::max(high_ - stride, middle);
  }

  SearchSpace space_;
  std::int64_t low_ = 0, low_bytes_ = 0;
  std::pair<std::int64_t, std::int64_t> before_{0, 0};  // what fitted before: length, bytes
  std::int64_t high_ = 0;                               // that does not fit; 0: unknown
  std::int64_t stride_ = 1;                             // doubles while trials end alike
  bool strode_ = false;                                 // to the last trial
  bool last_fitted_ = true;
};

}  // namespace

SearchResult longest_length(const SearchSpace& space,
                            const std::function<Trial(std::int64_t length)>& try_length) {
  SearchResult result;
  Search search(space);
  while (const std::optional<std::int64_t> length = search.next()) {
    result.trials.emplace_back(*length, try_length(*length));
    const Trial& trial = result.trials.back().second;
    search.take(*length, trial);
    if (trial.end == TrialEnd::fits) {
      result.longest = *length;
    } else {
      result.beyond = *length;
      result.beyond_end = trial.end;
    }
    if (trial.end == TrialEnd::failed) break;
  }
  return result;
}

}  // namespace easylm
