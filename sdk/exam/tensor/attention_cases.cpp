// Each dimension is a shuffled deck that is dealt until it is used up, and shuffled again.
#include "attention_cases.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "easylm/tensor/aten.h"

namespace easylm::exam {
namespace {

template <typename T>
class Deck {
 public:
  Deck(RandomStream random, std::span<const T> values)
      : random_(random), cards_(values.begin(), values.end()), next_(cards_.size()) {}

  T deal() {
    if (next_ == cards_.size()) {
      for (std::size_t i = cards_.size(); i > 1; --i) std::swap(cards_[i - 1], cards_[random_.below(i)]);
      next_ = 0;
    }
    return cards_[next_++];
  }

 private:
  RandomStream random_;
  std::vector<T> cards_;
  std::size_t next_;
};

constexpr std::array<std::int64_t, 3> kWidths{8, 64, 80};
constexpr std::array<std::int64_t, 4> kShared{1, 3, 4, 8};
constexpr std::array<std::int64_t, 2> kKeyHeads{1, 2};
constexpr std::array<std::int64_t, 2> kBatches{1, 3};
constexpr std::array<std::int64_t, 6> kWindows{0, 0, 0, 1, 5, 64};
constexpr std::array<at::ScalarType, 3> kTypes{at::kFloat, at::kFloat, at::kBFloat16};
constexpr std::array<char, 3> kOneInThree{0, 0, 1};
constexpr std::array<char, 3> kTwoInThree{0, 1, 1};

enum class Place { square, at_the_end, in_the_middle, at_the_start };
constexpr std::array<Place, 5> kPlaces{Place::square, Place::square, Place::at_the_end, Place::in_the_middle,
                                       Place::at_the_start};

// Where queries and keys lie to each other.
void place(AttentionCase& one, Place where) {
  switch (where) {
    case Place::square:
      one.keys = one.queries;
      break;
    case Place::at_the_end:
      if (one.keys < one.queries) std::swap(one.keys, one.queries);
      one.offset = one.keys - one.queries;
      break;
    case Place::in_the_middle:
      one.offset = one.keys / 2;
      break;
    case Place::at_the_start:
      break;
  }
}

// LibTorch's loops over bf16 are slow on a CPU that has no instructions for it.
void make_cheap(AttentionCase& one) {
  if (one.dtype == at::kFloat || std::max(one.queries, one.keys) <= 65) return;
  one.batch = one.key_heads = 1;
  one.shared = std::min<std::int64_t>(one.shared, 3);
}

// Document numbers of `length` tokens: documents of none, of 1 and of up to a third of them all.
std::vector<std::int32_t> documents(RandomStream& random, std::int64_t length) {
  std::vector<std::int32_t> numbers;
  numbers.reserve(static_cast<std::size_t>(length));
  std::int32_t document = 0;
  while (static_cast<std::int64_t>(numbers.size()) < length) {
    const auto longest = static_cast<std::uint64_t>(length / 3 + 1);
    const std::uint64_t size = document % 2 == 0 ? 1 + random.below(longest) : 1;
    for (std::uint64_t i = 0; i < size && static_cast<std::int64_t>(numbers.size()) < length; ++i) {
      numbers.push_back(document);
    }
    document += document % 4 == 1 ? 2 : 1;  // a number that no token has is a document of none
  }
  return numbers;
}

void add_documents(const Subject& subject, const AttentionCase& one, AttentionMask& mask) {
  const std::int64_t length = std::max(one.keys, one.offset + one.queries);
  RandomStream random = subject.random("documents of " + text_of(one));
  const at::Tensor all = aten::empty({one.batch, length}, at::kInt);
  for (std::int64_t b = 0; b < one.batch; ++b) {
    const std::vector<std::int32_t> row = documents(random, length);
    std::copy(row.begin(), row.end(), all.mutable_data_ptr<std::int32_t>() + b * length);
  }
  mask.segments_q_BT = all.narrow(1, one.offset, one.queries);
  mask.segments_k_BS = all.narrow(1, 0, one.keys);
}

}  // namespace

std::string text_of(const AttentionCase& one) {
  const auto number = [](std::int64_t x) { return std::to_string(x); };
  std::string text = number(one.queries) + " queries at " + number(one.offset) + " of " + number(one.keys) +
                     " keys, " + number(one.key_heads * one.shared) + " heads over " + number(one.key_heads) +
                     ", width " + number(one.width) + ", batch " + number(one.batch) + ", " +
                     c10::toString(one.dtype) + (one.causal ? ", causal" : "");
  if (one.window > 0) text += ", window " + number(one.window);
  return text + (one.segments ? ", segments" : "") + (one.keep ? ", keep" : "") + (one.lse ? ", lse" : "");
}

AttentionCall call_of(const Subject& subject, const AttentionCase& one) {
  const std::int64_t heads = one.key_heads * one.shared;
  AttentionCall call;
  call.q_BTNH = noise(subject, "queries", {one.batch, one.queries, heads, one.width}, one.dtype);
  call.k_BSKH = noise(subject, "keys", {one.batch, one.keys, one.key_heads, one.width}, one.dtype);
  call.v_BSKH = noise(subject, "values", {one.batch, one.keys, one.key_heads, one.width}, one.dtype);
  call.scale = 1 / std::sqrt(static_cast<double>(one.width));
  call.want_lse = one.lse;
  call.mask.causal = one.causal;
  call.mask.window = one.window;
  call.mask.query_offset = one.offset;
  if (one.segments) add_documents(subject, one, call.mask);
  if (one.keep) call.mask.keep_BS = noise(subject, "keep", {one.batch, one.keys}) > -0.5;
  return call;
}

std::vector<AttentionCase> sample_cases(const Subject& subject, std::size_t count,
                                        std::span<const std::int64_t> lengths) {
  const auto random = [&](const char* name) { return subject.random(std::string("deck of ") + name); };
  Deck<std::int64_t> queries(random("queries"), lengths), keys(random("keys"), lengths);
  Deck<std::int64_t> widths(random("widths"), kWidths), shared(random("shared"), kShared);
  Deck<std::int64_t> heads(random("heads"), kKeyHeads), batches(random("batches"), kBatches);
  Deck<std::int64_t> windows(random("windows"), kWindows);
  Deck<at::ScalarType> types(random("types"), kTypes);
  Deck<Place> places(random("places"), kPlaces);
  Deck<char> causal(random("causal"), kTwoInThree), segments(random("segments"), kOneInThree);
  Deck<char> keep(random("keep"), kOneInThree), lse(random("lse"), kOneInThree);
  std::vector<AttentionCase> cases;
  cases.reserve(count);
  while (cases.size() < count) {
    AttentionCase one{batches.deal(), queries.deal(), keys.deal(), heads.deal(),
                      shared.deal(),  widths.deal(),  0,           types.deal()};
    one.causal = causal.deal() != 0;
    one.window = windows.deal();
    one.segments = segments.deal() != 0;
    one.keep = keep.deal() != 0;
    one.lse = lse.deal() != 0;
    place(one, places.deal());
    make_cheap(one);
    cases.push_back(one);
  }
  return cases;
}

}  // namespace easylm::exam
