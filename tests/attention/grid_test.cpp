// Every attention kernel of the CPU against fp64, values and all gradients, over a grid of lengths, groups,
// masks and dtypes.
#include <ATen/Parallel.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <utility>

#include "exact.h"

namespace easylm::testing {
namespace {

constexpr std::array<std::int64_t, 11> kLengths{1, 7, 63, 64, 65, 127, 128, 129, 255, 256, 257};
constexpr std::array<std::int64_t, 4> kGroups{1, 3, 4, 8};
constexpr std::array<std::int64_t, 4> kWidths{64, 16, 80, 20};

enum class Masking { two_sided, causal, short_window, long_window, documents, everything };
constexpr std::array<Masking, 6> kMaskings{Masking::two_sided,   Masking::causal,    Masking::short_window,
                                           Masking::long_window, Masking::documents, Masking::everything};
constexpr std::array<const char*, 6> kNames{"two-sided",  "causal",    "window 3",
                                            "window 100", "documents", "documents, window 50, forgetful"};

// Numbers of documents of 0, 1 and many tokens.
at::Tensor documents_of(std::int64_t batch, std::int64_t length) {
  constexpr std::array<std::int64_t, 6> kSizes{1, 0, 5, 1, 30, 100};
  const at::Tensor numbers = aten::empty({batch, length}, at::kInt);
  int* out = numbers.mutable_data_ptr<int>();
  for (std::int64_t b = 0; b < batch; ++b) {
    int document = static_cast<int>(b);  // each row begins with another size
    std::int64_t left = kSizes[static_cast<std::size_t>(document)];
    for (std::int64_t t = 0; t < length; ++t, --left) {
      while (left == 0) left = kSizes[static_cast<std::size_t>(++document) % kSizes.size()];
      *out++ = document;
    }
  }
  return numbers;
}

AttentionCall masked(const Shape& shape, Masking masking) {
  AttentionCall call = call_of(shape);
  call.mask.causal = masking != Masking::two_sided;
  if (masking == Masking::short_window) call.mask.window = 3;
  if (masking == Masking::long_window) call.mask.window = 100;
  if (masking == Masking::documents || masking == Masking::everything) {
    const std::int64_t length = std::max(shape.keys, shape.queries);
    const at::Tensor all = documents_of(shape.batch, length);
    call.mask.segments_k_BS = all.narrow(1, 0, shape.keys);
    call.mask.segments_q_BT = all.narrow(1, length - shape.queries, shape.queries);
  }
  if (masking != Masking::everything) return call;
  call.mask.window = 50;
  call.mask.keep_BS = noise("keep", {shape.batch, shape.keys}) > -0.5;
  call.mask.segments_q_BT = call.mask.segments_q_BT.clone();
  call.mask.segments_q_BT.select(1, shape.queries / 2).fill_(99);  // a query that sees no key
  return call;
}

std::string text_of(const Shape& shape, Masking masking, at::ScalarType type) {
  return std::to_string(shape.queries) + " queries of " + std::to_string(shape.keys) + " keys, heads " +
         std::to_string(shape.heads) + "/" + std::to_string(shape.key_heads) + ", width " +
         std::to_string(shape.width) + ", batch " + std::to_string(shape.batch) + ", " +
         kNames[static_cast<std::size_t>(masking)] + ", " + c10::toString(type);
}

// LibTorch's own kernel, given a head of keys for each of queries: for grouped heads it would otherwise take
// plain loops in fp32.
Outcome by_torch(const AttentionCall& call) {
  return differentiated(as_leaves(call), [](const AttentionCall& leaves) {
    const auto shared = leaves.q_BTNH.size(2) / leaves.k_BSKH.size(2);
    const auto spread = [&](const at::Tensor& x) { return x.repeat_interleave(shared, 2).transpose(1, 2); };
    const at::Tensor visible =
        visible_keys(leaves.mask, leaves.q_BTNH.size(1), leaves.k_BSKH.size(1), at::kCPU);
    return AttentionResult{at::scaled_dot_product_attention(
                               leaves.q_BTNH.transpose(1, 2), spread(leaves.k_BSKH), spread(leaves.v_BSKH),
                               visible.unsqueeze(1), 0.0, false, leaves.scale, false)
                               .transpose(1, 2),
                           {}};
  });
}

// The greatest error as a share of the greatest number. A gradient that is nothing but cancellation, as that
// of a query with one key, is measured beside that of the values.
double greatest_error(const at::Tensor& found, const at::Tensor& wanted, const at::Tensor& beside) {
  const auto greatest = [](const at::Tensor& x) { return x.abs().max().item<double>(); };
  const double apart = greatest(found.to(at::kDouble) - wanted);
  return apart == 0 ? 0 : apart / std::max(greatest(wanted), greatest(beside) / 10);
}

struct Part {
  const char* name;
  at::Tensor Outcome::*tensor;
};
constexpr std::array<Part, 4> kParts{
    {{"o", &Outcome::o}, {"dq", &Outcome::dq}, {"dk", &Outcome::dk}, {"dv", &Outcome::dv}}};

// 16 bits: a score of up to 8, a probability, its gradient and the result may be rounded once each.
double tolerance_of(at::ScalarType type) {
  switch (type) {
    case at::kDouble:
      return 1e-12;
    case at::kFloat:
      return 1e-5;
    case at::kHalf:
      return 8 * 0x1p-11;
    default:
      return 8 * 0x1p-8;
  }
}

bool is_narrow(at::ScalarType type) { return type == at::kBFloat16 || type == at::kHalf; }

void expect_right(const Outcome& found, const Outcome& wanted, at::ScalarType type,
                  const std::string& where) {
  for (const auto& [name, tensor] : kParts) {
    ASSERT_EQ((found.*tensor).scalar_type(), type) << where;
    EXPECT_LE(greatest_error(found.*tensor, wanted.*tensor, wanted.dv), tolerance_of(type))
        << where << ": " << name;
  }
}

// No worse than twice LibTorch's own kernel; where that happens to be exact, as with a single key, one part
// in 10,000.
void expect_as_good_as_torch(const Outcome& found, const Outcome& wanted, const AttentionCall& call,
                             const std::string& where) {
  const Outcome peer = by_torch(call);
  for (const auto& [name, tensor] : kParts) {
    const at::Tensor& exact = wanted.*tensor;
    const double size = std::max(exact.norm().item<double>(), wanted.dv.norm().item<double>() / 10);
    const auto apart = [&, part = tensor](const Outcome& outcome) {
      return ((outcome.*part).to(at::kDouble) - exact).norm().item<double>();
    };
    EXPECT_LE(apart(found), 2 * apart(peer) + 1e-4 * size) << where << ": " << name;
  }
}

class AttentionGrid : public ::testing::TestWithParam<std::string> {
 protected:
  void agrees(const Shape& shape, Masking masking) {
    for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kBFloat16, at::kHalf}) {
      const AttentionCall call = in_type(masked(shape, masking), type);
      // LibTorch's loops in 16 bits take minutes where the CPU has no instructions for them.
      const bool slow = type == at::kHalf || (is_narrow(type) && !has_bf16_products(at::kCPU));
      if (slow && std::max(shape.queries, shape.keys) > 65) continue;
      if (type == at::kDouble && shape.keys > 129) continue;
      if (kernel_->supports(query_of(as_leaves(call))).score <= 0) continue;
      const Outcome found = run(*kernel_, call, type), wanted = exactly(call);
      const std::string where = text_of(shape, masking, type);
      expect_right(found, wanted, type, where);
      // The reference rounds everything to the inputs' type, sdpa is LibTorch's, and auto one of the others.
      if (is_narrow(type) && GetParam() == "bpt") expect_as_good_as_torch(found, wanted, call, where);
      ++served_;
    }
  }

  // With one thread: the cases are small, and tests run beside each other.
  AttentionGrid() { at::set_num_threads(1); }
  ~AttentionGrid() override { at::set_num_threads(num_threads_); }

  std::shared_ptr<AttentionKernel> kernel_ = kernel(GetParam());
  int served_ = 0;

 private:
  int num_threads_ = at::get_num_threads();
};

TEST_P(AttentionGrid, AgreesWithFp64OverLengthsGroupsAndMasks) {
  std::size_t turn = 0;
  for (const std::int64_t length : kLengths) {
    for (const Masking masking : kMaskings) {
      // Each mask meets each group at some length, each length each group, and each group each width.
      const std::int64_t group = kGroups[turn % kGroups.size()];
      const std::int64_t width = kWidths[(turn / 3) % kWidths.size()];
      const std::int64_t batch = length < 100 ? 2 : 1, key_heads = group < 4 && length < 100 ? 2 : 1;
      agrees({batch, length, length, group * key_heads, key_heads, width}, masking);
      ++turn;
    }
    ++turn;
  }
  EXPECT_GE(served_, 66);
}

TEST_P(AttentionGrid, AgreesWithFp64OverAThousandTokens) {
  std::size_t turn = 0;
  for (const Masking masking : kMaskings) {
    const std::int64_t group = kGroups[turn++ % kGroups.size()];
    agrees({1, 1000, 1000, group, 1, 64}, masking);
  }
  EXPECT_GE(served_, 6);
}

TEST_P(AttentionGrid, AgreesWithFp64WhereQueriesAndKeysAreNotAsMany) {
  constexpr std::array<std::array<std::int64_t, 2>, 7> kPairs{
      {{1, 7}, {1, 257}, {4, 11}, {7, 129}, {64, 65}, {129, 300}, {200, 77}}};
  std::size_t turn = 0;
  for (const auto& [queries, keys] : kPairs) {
    for (const Masking masking : kMaskings) {
      const std::int64_t group = kGroups[turn++ % kGroups.size()];
      agrees({2, queries, keys, 2 * group, 2, 24}, masking);
    }
  }
  EXPECT_GE(served_, 42);
}

TEST_P(AttentionGrid, AgreesWithFp64OverFourThousandTokens) {
  agrees({1, 4096, 4096, 2, 1, 64}, Masking::causal);
  EXPECT_GE(served_, 1);
}

// Scores are multiples of 625 between -10,000 and 10,000, exact in any dtype and any order of sums, so that
// the outcome is, too: keys of the highest score share the weight, the others have none. A log-sum-exp of
// 10,000 is kept to 5e-4 in fp32, and the backward pass finds probabilities by it.
TEST_P(AttentionGrid, AgreesWithFp64AtLogitsOfTenThousand) {
  for (const Shape& shape : {Shape{2, 70, 70, 4, 2, 16}, Shape{1, 300, 300, 2, 1, 16}}) {
    AttentionCall call = call_of(shape);
    call.scale = 1;
    call.q_BTNH = call.q_BTNH.sign() * 25;
    call.k_BSKH = call.k_BSKH.sign() * 25;
    for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
      const AttentionCall rounded = in_type(call, type);
      if (kernel_->supports(query_of(as_leaves(rounded))).score <= 0) continue;
      const Outcome found = run(*kernel_, rounded, type), wanted = exactly(rounded);
      for (const auto& [name, tensor] : kParts) {
        const bool backward = tensor != &Outcome::o;
        EXPECT_LE(greatest_error(found.*tensor, wanted.*tensor, wanted.dv),
                  tolerance_of(type) + (backward ? 1e-3 : 0))
            << name << " " << shape.queries << " " << c10::toString(type);
      }
      ++served_;
    }
  }
  EXPECT_GE(served_, 2);
}

TEST_P(AttentionGrid, ReadsTransposedAndCutInputs) {
  const AttentionCall plain = in_type(masked({2, 129, 129, 6, 2, 24}, Masking::everything), at::kFloat);
  ASSERT_GT(kernel_->supports(query_of(as_leaves(plain))).score, 0);
  const Outcome wanted = exactly(plain);
  const auto heads_first = [](const at::Tensor& x) { return x.transpose(1, 2).contiguous().transpose(1, 2); };
  const auto width_apart = [](const at::Tensor& x) { return x.transpose(1, 3).contiguous().transpose(1, 3); };
  const auto every_other = [](const at::Tensor& x) {
    return aten::cat({x.unsqueeze(4), x.neg().unsqueeze(4)}, 4).select(4, 0);
  };
  const auto cut_out = [](const at::Tensor& x) {
    return aten::cat({x.neg(), x, x}, 2).narrow(2, x.size(2), x.size(2));
  };
  const std::vector<std::pair<const char*, std::function<at::Tensor(const at::Tensor&)>>> layouts{
      {"heads first", heads_first},
      {"width apart", width_apart},
      {"every other", every_other},
      {"cut out", cut_out}};
  for (const auto& [name, lay] : layouts) {
    AttentionCall call = plain;
    for (at::Tensor* x : {&call.q_BTNH, &call.k_BSKH, &call.v_BSKH}) *x = lay(*x);
    const Outcome found = run(*kernel_, call, at::kFloat);
    for (const auto& [part, tensor] : kParts) {
      EXPECT_LE(greatest_error(found.*tensor, wanted.*tensor, wanted.dv), 1e-5) << name << ": " << part;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, AttentionGrid, ::testing::Values("reference", "sdpa", "bpt", "auto"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace easylm::testing
