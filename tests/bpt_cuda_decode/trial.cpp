// Makes numbers, lays them out in pages, runs the kernel, and computes the same plainly.
#include "trial.h"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "cuda_emulation/emulation/half.h"

namespace easylm::bpt_cuda {
namespace {

constexpr int kPadding = 8;     // numbers between tokens that no stride shall reach
constexpr int kEmptyPages = 3;  // that no row uses

std::size_t index_of(std::int64_t number) { return static_cast<std::size_t>(number); }

class Numbers {
 public:
  explicit Numbers(std::uint32_t seed) : state_(seed) {}
  float next() {  // in [-1, 1), a multiple of 1/128
    state_ = state_ * 1664525U + 1013904223U;
    return static_cast<float>(static_cast<int>(state_ >> 24) - 128) / 128.0F;
  }

 private:
  std::uint32_t state_;
};

std::uint16_t bits_of(Element element, float x) {
  return element == Element::kBf16 ? emulation::bfloat16_bits(x) : emulation::half_bits(x);
}

float value_of(Element element, std::uint16_t bits) {
  return element == Element::kBf16 ? emulation::bfloat16_value(bits) : emulation::half_value(bits);
}

int pages_of(const DecodeTrial& trial, int length) {
  return (length + trial.page_tokens - 1) / trial.page_tokens;
}

// All memory of a call.
class Memory {
 public:
  explicit Memory(const DecodeTrial& trial) : trial_(trial) {
    const Shape& shape = trial.shape;
    const auto queries = index_of(shape.batch * shape.num_queries * shape.num_heads);
    q_.resize(queries * index_of(shape.head_dim));
    o_.resize(q_.size(), emulation::kNan16);
    lse_.resize(queries, std::numeric_limits<float>::quiet_NaN());
    Numbers numbers(7);
    for (std::uint16_t& x : q_) x = bits_of(shape.element, numbers.next());
    trial.page_tokens > 0 ? lay_out_pages() : lay_out_rows();
    fill();
    partial_.resize(decode_scratch_bytes(shape, trial.num_splits) / sizeof(float),
                    std::numeric_limits<float>::quiet_NaN());
  }

  DecodeCall call() {
    const Shape& shape = trial_.shape;
    const std::int64_t width = shape.head_dim, heads = shape.num_heads, queries = shape.num_queries;
    DecodeCall call;
    call.shape = shape;
    call.window = trial_.window;
    call.scale = scale();
    const std::int64_t token = token_stride();
    call.q = {q_.data(), {queries * heads * width, heads * width, width}};
    call.k = {k_.data(), {page_tokens_ * token, token, width}};
    call.v = {v_.data(), call.k.strides};
    call.o = {o_.data(), call.q.strides};
    call.lse = {lse_.data(), heads * queries, queries};
    if (!table_.empty()) {
      call.lengths = trial_.lengths.data();
      call.table = table_.data();
      call.page_tokens = trial_.page_tokens;
      call.table_width = static_cast<int>(table_.size()) / shape.batch;
    }
    const int longest = *std::max_element(trial_.lengths.begin(), trial_.lengths.end());
    call.shape.num_keys = std::min(longest, trial_.most_keys);
    call.num_splits = trial_.num_splits;
    call.partial = partial_.empty() ? nullptr : partial_.data();
    return call;
  }

  Decoded take() { return {std::move(o_), std::move(lse_)}; }

  float scale() const { return 1.0F / std::sqrt(static_cast<float>(trial_.shape.head_dim)); }
  int length(int row) const { return trial_.lengths[table_.empty() ? 0 : index_of(row)]; }
  double query(int row, int token, int head, int column) const {
    const Shape& shape = trial_.shape;
    const std::size_t at =
        index_of(((row * shape.num_queries + token) * shape.num_heads + head) * shape.head_dim + column);
    return value_of(shape.element, q_[at]);
  }
  double key(int row, int token, int head, int column) const { return at(k_, row, token, head, column); }
  double value(int row, int token, int head, int column) const { return at(v_, row, token, head, column); }

 private:
  std::int64_t token_stride() const {
    return std::int64_t{trial_.shape.num_key_value_heads} * trial_.shape.head_dim + kPadding;
  }

  void lay_out_rows() {
    page_tokens_ = trial_.lengths[0];
    num_pages_ = trial_.shape.batch;
  }

  // From the last page to the first, with some between that belong to nobody.
  void lay_out_pages() {
    page_tokens_ = trial_.page_tokens;
    int widest = 1;
    for (const int length : trial_.lengths) widest = std::max(widest, pages_of(trial_, length));
    num_pages_ = kEmptyPages;
    for (const int length : trial_.lengths) num_pages_ += pages_of(trial_, length);
    int next = num_pages_ - 1;
    for (const int length : trial_.lengths) {
      for (int i = 0; i < widest; ++i) {
        const bool used = i < pages_of(trial_, length);
        table_.push_back(used ? next : -1'000'000);  // reading there would be seen
        if (used) next -= next == num_pages_ / 2 ? 1 + kEmptyPages : 1;
      }
    }
    if (next < -1) throw std::logic_error("there are too few pages");
  }

  void fill() {
    const std::size_t size = index_of(num_pages_ * page_tokens_ * token_stride());
    k_.assign(size, emulation::kNan16);
    v_.assign(size, emulation::kNan16);
    Numbers numbers(11);
    const Shape& shape = trial_.shape;
    for (int row = 0; row < shape.batch; ++row) {
      for (int token = 0; token < length(row); ++token) {
        for (int i = 0; i < shape.num_key_value_heads * shape.head_dim; ++i) {
          const std::size_t at = start(row, token) + index_of(i);
          k_[at] = bits_of(shape.element, trial_.loudness * numbers.next());
          v_[at] = bits_of(shape.element, numbers.next());
        }
      }
    }
  }

  std::size_t start(int row, int token) const {
    std::int64_t page = row, in_page = token;
    if (!table_.empty()) {
      const int width = static_cast<int>(table_.size()) / trial_.shape.batch;
      page = table_[index_of(row * width + token / trial_.page_tokens)];
      in_page = token % trial_.page_tokens;
    }
    return index_of((page * page_tokens_ + in_page) * token_stride());
  }

  double at(const std::vector<std::uint16_t>& numbers, int row, int token, int head, int column) const {
    const auto offset = index_of(head * trial_.shape.head_dim + column);
    return value_of(trial_.shape.element, numbers[start(row, token) + offset]);
  }

  const DecodeTrial& trial_;
  std::int64_t page_tokens_ = 0;
  int num_pages_ = 0;
  std::vector<std::uint16_t> q_, k_, v_, o_;
  std::vector<float> lse_, partial_;
  std::vector<int> table_;
};

struct Attended {
  std::vector<double> output;
  double lse = -std::numeric_limits<double>::infinity();
};

struct Query {
  int row, token, head;
};

Attended attend(const DecodeTrial& trial, const Memory& memory, const Query& query) {
  const Shape& shape = trial.shape;
  const int length = memory.length(query.row), position = length - shape.num_queries + query.token;
  const int head_kv = query.head / (shape.num_heads / shape.num_key_value_heads);
  const int first = trial.window > 0 ? std::max(0, position - trial.window + 1) : 0;
  Attended result{std::vector<double>(index_of(shape.head_dim)), {}};
  std::vector<double> scores;
  for (int key = first; key <= position; ++key) {
    double score = 0;
    for (int i = 0; i < shape.head_dim; ++i) {
      score += memory.query(query.row, query.token, query.head, i) * memory.key(query.row, key, head_kv, i);
    }
    scores.push_back(score * memory.scale());
  }
  result.lse = -std::numeric_limits<double>::infinity();
  if (scores.empty()) return result;
  const double largest = *std::max_element(scores.begin(), scores.end());
  double total = 0;
  for (const double score : scores) total += std::exp(score - largest);
  result.lse = largest + std::log(total);
  for (std::size_t j = 0; j < scores.size(); ++j) {
    const double weight = std::exp(scores[j] - result.lse);
    for (int i = 0; i < shape.head_dim; ++i) {
      result.output[index_of(i)] += weight * memory.value(query.row, first + static_cast<int>(j), head_kv, i);
    }
  }
  return result;
}

double distance(double found, double wanted) {
  if (found == wanted) return 0;  // both may be -inf
  const double difference = std::abs(found - wanted);
  return std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference;
}

}  // namespace

std::string name_of(const DecodeTrial& trial) {
  const Shape& shape = trial.shape;
  std::string text = shape.element == Element::kBf16 ? "bf16" : "fp16";
  text += " width " + std::to_string(shape.head_dim) + ", heads " + std::to_string(shape.num_heads) + "/" +
          std::to_string(shape.num_key_value_heads) + ", queries " + std::to_string(shape.num_queries) +
          ", window " + std::to_string(trial.window) + ", splits " + std::to_string(trial.num_splits) +
          ", page " + std::to_string(trial.page_tokens) + ", lengths";
  for (const int length : trial.lengths) text += " " + std::to_string(length);
  return text;
}

Decoded decode_emulated(const DecodeTrial& trial, const emulation::Schedule& schedule) {
  Memory memory(trial);
  CUstream_st stream{schedule};
  const int status = decode(memory.call(), &stream);
  if (status != 0) throw std::runtime_error("the launch was refused: " + std::to_string(status));
  return memory.take();
}

Difference difference_to_formula(const DecodeTrial& trial, const Decoded& found) {
  const Memory memory(trial);
  const Shape& shape = trial.shape;
  Difference difference;
  double largest = 1e-30;
  for (int row = 0; row < shape.batch; ++row) {
    for (int token = 0; token < shape.num_queries; ++token) {
      for (int head = 0; head < shape.num_heads; ++head) {
        const Attended wanted = attend(trial, memory, {row, token, head});
        const auto query = index_of((row * shape.num_queries + token) * shape.num_heads + head);
        const auto of_lse = index_of((row * shape.num_heads + head) * shape.num_queries + token);
        difference.lse = std::max(difference.lse, distance(found.lse_BNT[of_lse], wanted.lse));
        for (std::size_t i = 0; i < wanted.output.size(); ++i) {
          const float output = value_of(shape.element, found.o_BTNH[query * wanted.output.size() + i]);
          difference.output = std::max(difference.output, distance(output, wanted.output[i]));
          largest = std::max(largest, std::abs(wanted.output[i]));
        }
      }
    }
  }
  difference.output /= largest;
  return difference;
}

std::vector<emulation::Schedule> all_schedules() {
  using emulation::Copies;
  using emulation::WarpOrder;
  std::vector<emulation::Schedule> schedules;
  for (const WarpOrder order :
       {WarpOrder::ascending, WarpOrder::descending, WarpOrder::alternating, WarpOrder::shuffled}) {
    for (const Copies copies : {Copies::early, Copies::late}) schedules.push_back({order, copies});
  }
  return schedules;
}

std::string find_fault() {
  DecodeTrial trial;
  trial.shape.batch = 3;
  trial.shape.num_queries = 5;
  trial.shape.num_heads = 6;
  trial.shape.num_key_value_heads = 2;
  trial.lengths = {200, 17, 0};
  trial.window = 150;
  trial.num_splits = 2;
  try {
    for (const emulation::Schedule& schedule : all_schedules()) {
      const Difference difference = difference_to_formula(trial, decode_emulated(trial, schedule));
      if (difference.output > 1.0 / 128) return "outputs differ from the formula's";
      if (difference.lse > 2e-5) return "log-sum-exps differ from the formula's";
    }
  } catch (const emulation::Fault& fault) {
    return fault.what();
  }
  return {};
}

}  // namespace easylm::bpt_cuda
