// Our matrix products against LibTorch's in fp64: the loops at the tile shapes of every instruction set, and
// the whole path through a forward pass.
#include "gemm.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <limits>
#include <string>
#include <vector>

#include "easylm/tensor/aten.h"
#include "easylm/tensor/device.h"
#include "easylm/tensor/forward_context.h"
#include "gemm_loops.h"

namespace easylm {
namespace {

at::Tensor noise(const std::string& name, std::vector<std::int64_t> shape, at::ScalarType type = at::kFloat) {
  return aten::empty(shape, at::kDouble).normal_(0, 1, generator_of({7, name, 0}, at::kCPU)).to(type);
}

double error(const at::Tensor& found, const at::Tensor& wanted) {
  return ((found.to(at::kDouble) - wanted).norm() / wanted.norm()).item<double>();
}

template <typename T>
GemmLines<T> lines_of(const at::Tensor& matrix) {
  return {matrix.const_data_ptr<T>(), matrix.stride(0), matrix.stride(1), matrix.size(0), matrix.size(1)};
}

// Panels as the header describes them, read back number by number; and nothing written past the room behind
// them.
template <int width, typename T>
void expect_packed(const at::Tensor& matrix) {
  const std::int64_t count = matrix.size(0), depth = matrix.size(1);
  const std::int64_t padded = (count + width - 1) / width * width, room = 16;
  const at::Tensor panels = aten::full({padded * depth + room + 1}, 77.0, at::kFloat);
  gemm_loops::pack<width>(lines_of<T>(matrix), panels.mutable_data_ptr<float>());
  at::Tensor wanted = aten::zeros({padded, depth}, at::kFloat);
  wanted.narrow(0, 0, count).copy_(matrix);
  wanted = wanted.view({padded / width, width, depth}).transpose(1, 2).reshape({-1});
  EXPECT_TRUE(aten::equal(panels.narrow(0, 0, padded * depth), wanted))
      << width << ": " << count << " x " << depth;
  EXPECT_EQ(panels[padded * depth + room].item<float>(), 77.0F);
}

template <int width>
void expect_packing() {
  for (const std::int64_t count : {width, 3 * width, 2 * width + 1, 5}) {
    for (const std::int64_t depth : {8, 24, 13, 3}) {
      expect_packed<width, float>(noise("lines", {count, depth}));
      expect_packed<width, float>(noise("lines", {depth, count}).t());
      expect_packed<width, float>(
          noise("lines", {count, 2 * depth}).as_strided({count, depth}, {2 * depth, 2}));
      expect_packed<width, c10::BFloat16>(noise("lines", {count, depth}, at::kBFloat16));
      expect_packed<width, c10::BFloat16>(noise("lines", {depth, count}, at::kBFloat16).t());
    }
  }
}

TEST(GemmLoops, PacksEveryPanelWidth) {
  expect_packing<4>();
  expect_packing<6>();
  expect_packing<8>();
  expect_packing<14>();
  expect_packing<16>();
  expect_packing<32>();
}

#if defined(__x86_64__)
template <int width>
void expect_packed_pairs(const at::Tensor& matrix) {
  const std::int64_t count = matrix.size(0), depth = matrix.size(1), words = (depth + 1) / 2;
  const std::int64_t padded = (count + width - 1) / width * width, room = 16;
  const at::Tensor panels = aten::full({padded * words + room + 1}, 77.0, at::kFloat);
  gemm_loops::pack_pairs<width>(lines_of<c10::BFloat16>(matrix), panels.mutable_data_ptr<float>());
  at::Tensor wanted = aten::zeros({padded, 2 * words}, at::kBFloat16);
  wanted.narrow(0, 0, count).narrow(1, 0, depth).copy_(matrix);
  wanted = wanted.view({padded / width, width, words, 2}).permute({0, 2, 1, 3}).reshape({-1});
  EXPECT_TRUE(aten::equal(panels.narrow(0, 0, padded * words).view(at::kBFloat16), wanted))
      << width << ": " << count << " x " << depth;
  EXPECT_EQ(panels[padded * words + room].item<float>(), 77.0F);
}

TEST(GemmLoops, PacksPairsOfEveryLayout) {
  for (const std::int64_t count : {14, 45, 96, 5}) {
    for (const std::int64_t depth : {16, 48, 26, 13, 3}) {
      const at::Tensor lines = noise("lines", {count, depth}, at::kBFloat16);
      const at::Tensor columns = noise("lines", {depth, count}, at::kBFloat16).t();
      const at::Tensor spread = noise("lines", {count, 2 * depth}, at::kBFloat16);
      for (const at::Tensor& matrix :
           {lines, columns, spread.as_strided({count, depth}, {2 * depth, 2}), spread.narrow(1, 1, depth)}) {
        expect_packed_pairs<14>(matrix);
        expect_packed_pairs<32>(matrix);
      }
    }
  }
}

__attribute__((target("avx512f,avx512bf16,avx2,fma"))) void pair_tile(std::int64_t words, const float* a,
                                                                      const float* b, float* c) {
  for (const bool accumulate : {false, true}) {
    gemm_loops::multiply_pairs<14, 2>(words, a, b, 32, c, 32, accumulate);
  }
}

TEST(GemmLoops, MultipliesPairs) {
  if (__builtin_cpu_supports("avx512bf16") == 0) GTEST_SKIP() << "this processor has no bf16 dot products";
  constexpr std::int64_t depth = 37, words = 19;
  const at::Tensor a = noise("a", {14, depth}, at::kBFloat16), b = noise("b", {32, depth}, at::kBFloat16);
  const at::Tensor a_panel = aten::zeros({14 * words}, at::kFloat),
                   b_panel = aten::zeros({32 * words + 16}, at::kFloat);
  gemm_loops::pack_pairs<14>(lines_of<c10::BFloat16>(a), a_panel.mutable_data_ptr<float>());
  gemm_loops::pack_pairs<32>(lines_of<c10::BFloat16>(b), b_panel.mutable_data_ptr<float>());
  const at::Tensor c = aten::full({14, 32}, 1.0, at::kFloat);
  pair_tile(words, a_panel.const_data_ptr<float>(), b_panel.const_data_ptr<float>(),
            c.mutable_data_ptr<float>());
  EXPECT_LT(error(c, a.to(at::kDouble).mm(b.to(at::kDouble).t()) * 2), 1e-5);
}
#endif

template <int lanes, int rows>
void expect_tile() {
  constexpr std::int64_t depth = 37, columns = 2 * lanes, stride = columns + 3;
  const at::Tensor a = noise("a", {depth, rows}), b = noise("b", {depth, columns});
  const at::Tensor wanted = a.to(at::kDouble).t().mm(b.to(at::kDouble));
  const at::Tensor c = aten::full({rows, stride}, 1.0, at::kFloat);
  for (const bool accumulate : {false, true}) {
    gemm_loops::multiply<lanes, rows, 2>(depth, a.const_data_ptr<float>(), b.const_data_ptr<float>(), columns,
                                         c.mutable_data_ptr<float>(), stride, accumulate);
    EXPECT_LT(error(c.narrow(1, 0, columns), accumulate ? wanted * 2 : wanted), 1e-6);
    EXPECT_TRUE(aten::equal(c.narrow(1, columns, 3), aten::full({rows, 3}, 1.0, at::kFloat)));
  }
}

TEST(GemmLoops, MultipliesTilesOfEveryShape) {
  expect_tile<4, 4>();
  expect_tile<8, 6>();
  expect_tile<16, 14>();
}

struct Shape {
  std::int64_t rows, columns, depth;
};
constexpr Shape kShapes[] = {{32, 32, 32}, {33, 49, 35},    {160, 96, 64},  {511, 130, 577},
                             {64, 64, 1},  {100, 3100, 40}, {37, 41, 1543}, {1, 576, 576}};

struct Products {
  at::Tensor y, dx, dw, db;
};

Products products_of(const at::Tensor& x, const at::Tensor& w, const at::Tensor& b, const at::Tensor& dy) {
  ForwardContext context(Phase::train);
  std::vector<at::Tensor> leaves;
  for (const at::Tensor& tensor : {x, w, b}) leaves.push_back(tensor.detach().requires_grad_());
  const at::Tensor y = context.linear({"w", leaves[1], leaves[2], Split::none}, leaves[0]);
  const auto gradients = torch::autograd::grad({y}, leaves, {dy});
  return {y.detach(), gradients[0], gradients[1], gradients[2]};
}

void expect_linear(const Shape& shape, at::ScalarType type, double tolerance) {
  const at::Tensor x = noise("x", {shape.rows, shape.depth}, type);
  const at::Tensor w = noise("w", {shape.columns, shape.depth}, type);
  const at::Tensor b = noise("b", {shape.columns}, type), dy = noise("dy", {shape.rows, shape.columns}, type);
  const Products found = products_of(x, w, b, dy);
  const at::Tensor wide_x = x.to(at::kDouble), wide_w = w.to(at::kDouble), wide_dy = dy.to(at::kDouble);
  const std::string where = std::to_string(shape.rows) + " x " + std::to_string(shape.columns) + " x " +
                            std::to_string(shape.depth) + " " + c10::toString(type);
  EXPECT_EQ(found.y.scalar_type(), type) << where;
  EXPECT_LT(error(found.y, wide_x.mm(wide_w.t()) + b.to(at::kDouble)), tolerance) << where;
  EXPECT_LT(error(found.dx, wide_dy.mm(wide_w)), tolerance) << where;
  EXPECT_LT(error(found.dw, wide_dy.t().mm(wide_x)), tolerance) << where;
  EXPECT_LT(error(found.db, wide_dy.sum(0)), tolerance) << where;
}

TEST(Linear, AgreesWithFp64InEveryShape) {
  for (const Shape& shape : kShapes) {
    expect_linear(shape, at::kFloat, 1e-6);
    expect_linear(shape, at::kBFloat16, 1e-2);
  }
}

TEST(Linear, GivesTheSameBitsWithAnyNumberOfThreads) {
  const int before = at::get_num_threads();
  const at::ScalarType type = at::kBFloat16;  // in fp32 LibTorch's products may serve, which promise less
  const at::Tensor x = noise("x", {200, 300}, type), w = noise("w", {170, 300}, type),
                   b = noise("b", {170}, type), dy = noise("dy", {200, 170}, type);
  at::set_num_threads(1);
  const Products one = products_of(x, w, b, dy);
  for (const int threads : {2, 3, 4, 6}) {
    at::set_num_threads(threads);
    const Products many = products_of(x, w, b, dy);
    EXPECT_TRUE(aten::equal(one.y, many.y)) << threads;
    EXPECT_TRUE(aten::equal(one.dx, many.dx)) << threads;
    EXPECT_TRUE(aten::equal(one.dw, many.dw)) << threads;
  }
  at::set_num_threads(before);
}

TEST(Linear, KeepsNanWhereItBelongs) {
  const at::Tensor x = noise("x", {64, 64}), w = noise("w", {64, 64});
  x[5][7] = std::numeric_limits<float>::quiet_NaN();
  ForwardContext context(Phase::infer);
  const at::Tensor y = context.linear({"w", w, {}, Split::none}, x);
  EXPECT_TRUE(y[5].isnan().all().item<bool>());
  EXPECT_EQ(y.isnan().sum().item<std::int64_t>(), 64);
}

}  // namespace
}  // namespace easylm
