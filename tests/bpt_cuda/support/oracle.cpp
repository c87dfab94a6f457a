// What attention is, in fp64, and what is left of it with intermediates rounded as the kernels round them.
#include <algorithm>
#include <cmath>
#include <limits>

#include "problem.h"

namespace easylm::bpt_cuda_test {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Dense [batch, token, head, width] numbers.
struct Numbers {
  const Dimensions& dimensions;
  std::vector<double>& data;

  double* row(int batch, int token, int head) const {
    const Dimensions& d = dimensions;
    return data.data() + ((static_cast<std::size_t>(batch) * d.tokens + token) * d.heads + head) * d.width;
  }
};

// One row of the batch, or one sequence.
struct Span {
  int index, batch, first_query, num_queries, first_key, num_keys;
};

std::vector<Span> spans_of(const Case& example) {
  std::vector<Span> spans;
  for (int i = 0; i < example.shape.batch; ++i) {
    if (example.starts_q.empty()) {
      spans.push_back({i, i, 0, example.shape.num_queries, 0, example.shape.num_keys});
    } else {
      spans.push_back({i, 0, example.starts_q[i], example.starts_q[i + 1] - example.starts_q[i],
                       example.starts_k[i], example.starts_k[i + 1] - example.starts_k[i]});
    }
  }
  return spans;
}

class Oracle {
 public:
  Oracle(const Case& example, const Inputs& inputs, Arithmetic arithmetic)
      : example_(example),
        inputs_(inputs),
        rounds_(arithmetic == Arithmetic::kRounded),
        q_(numbers_of(inputs.q)),
        k_(numbers_of(inputs.k)),
        v_(numbers_of(inputs.v)),
        do_(numbers_of(inputs.d_o)) {
    result_.o.assign(q_.size(), 0);
    result_.dq = result_.o;
    result_.dk.assign(k_.size(), 0);
    result_.dv = result_.dk;
    for (const std::vector<double>* numbers : {&q_, &k_}) {
      for (const double number : *numbers) largest_input_ = std::max(largest_input_, std::abs(number));
    }
    result_.lse.assign(q_.size() / example.shape.head_dim, 0);
  }

  Reference compute() {
    for (const Span& span : spans_of(example_)) {
      for (int head = 0; head < example_.shape.num_heads; ++head) {
        for (int t = 0; t < span.num_queries; ++t) attend(span, head, t);
      }
    }
    for (std::vector<double>* numbers : {&result_.o, &result_.dq, &result_.dk, &result_.dv}) {
      for (double& number : *numbers) number = element(number);
    }
    return result_;
  }

 private:
  double element(double value) const { return rounds_ ? rounded(value, example_.shape.element) : value; }
  double single(double value) const { return rounds_ ? static_cast<float>(value) : value; }

  double dot(const double* a, const double* b) const {
    double sum = 0;
    for (int i = 0; i < example_.shape.head_dim; ++i) sum += a[i] * b[i];
    return sum;
  }

  // to += factor * from
  void add(double* to, double factor, const double* from) const {
    for (int i = 0; i < example_.shape.head_dim; ++i) to[i] += factor * from[i];
  }

  // p * (dp - delta) * q or k, before anything cancels.
  void note_term(double p, const double* d_o, const double* v, const double* o) {
    double sum = 0;
    for (int i = 0; i < example_.shape.head_dim; ++i)
      sum += std::abs(d_o[i]) * (std::abs(v[i]) + std::abs(o[i]));
    result_.largest_term = std::max(result_.largest_term, p * sum * inputs_.scale * largest_input_);
  }

  void attend(const Span& span, int head, int t) {
    const Dimensions &of_queries = inputs_.q.dimensions(), &of_keys = inputs_.k.dimensions();
    const int head_kv = head / (example_.shape.num_heads / example_.shape.num_key_value_heads);
    const int query = span.first_query + t;
    const auto key_row = [&](std::vector<double>& data, int s) {
      return Numbers{of_keys, data}.row(span.batch, span.first_key + s, head_kv);
    };
    const auto query_row = [&](std::vector<double>& data) {
      return Numbers{of_queries, data}.row(span.batch, query, head);
    };
    std::vector<int> seen;
    seen.reserve(span.num_keys);
    std::vector<double> scores;
    scores.reserve(span.num_keys);
    double largest = -kInfinity;
    for (int s = 0; s < span.num_keys; ++s) {
      if (!sees(example_, span.index, t, s)) continue;
      seen.push_back(s);
      scores.push_back(single(single(dot(query_row(q_), key_row(k_, s))) * inputs_.scale));
      largest = std::max(largest, scores.back());
    }
    double sum = 0;
    for (const double score : scores) sum += std::exp(score - largest);
    const double lse = seen.empty() ? -kInfinity : single(largest + std::log(sum));
    result_.lse[(static_cast<std::size_t>(span.batch) * example_.shape.num_heads + head) * of_queries.tokens +
                query] = lse;
    double* const o = query_row(result_.o);
    for (std::size_t i = 0; i < seen.size(); ++i) {
      add(o, element(std::exp(scores[i] - largest)) / sum, key_row(v_, seen[i]));
    }
    double delta = 0;  // of the output as it is stored
    for (int i = 0; i < example_.shape.head_dim; ++i) delta += element(o[i]) * query_row(do_)[i];
    for (std::size_t i = 0; i < seen.size(); ++i) {
      const double p = std::exp(scores[i] - lse);
      note_term(p, query_row(do_), key_row(v_, seen[i]), o);
      const double ds = element(p * (dot(query_row(do_), key_row(v_, seen[i])) - delta));
      add(query_row(result_.dq), ds * inputs_.scale, key_row(k_, seen[i]));
      add(key_row(result_.dk, seen[i]), ds * inputs_.scale, query_row(q_));
      add(key_row(result_.dv, seen[i]), element(p), query_row(do_));
    }
  }

  const Case& example_;
  const Inputs& inputs_;
  bool rounds_;
  std::vector<double> q_, k_, v_, do_;
  double largest_input_ = 0;  // of queries and keys
  Reference result_;
};

}  // namespace

Reference compute(const Case& example, const Inputs& inputs, Arithmetic arithmetic) {
  return Oracle(example, inputs, arithmetic).compute();
}

}  // namespace easylm::bpt_cuda_test
