// What the launchers do beside one whole pass: refuse, and work on parts.
#include <gtest/gtest.h>

#include <cuda_runtime_api.h>

#include <vector>

#include "support/problem.h"

namespace easylm::bpt_cuda_test {
namespace {

Case square(int width, int tokens) {
  Case example;
  example.shape = {Element::kBf16, width, 1, tokens, tokens, 2, 1};
  return example;
}

TEST(CudaLaunchers, RefuseWhatNoKernelServes) {
  CUstream_st stream{};
  bpt_cuda::ForwardCall call;
  call.shape = {Element::kBf16, 72, 1, 8, 8, 1, 1};
  EXPECT_EQ(bpt_cuda::forward(call, &stream), cudaErrorInvalidValue);
  call.shape.head_dim = 64;
  call.shape.num_heads = 3;
  call.shape.num_key_value_heads = 2;
  EXPECT_EQ(bpt_cuda::forward(call, &stream), cudaErrorInvalidValue);
  bpt_cuda::BackwardCall backward;
  backward.shape = call.shape;
  EXPECT_EQ(bpt_cuda::backward(backward, &stream), cudaErrorInvalidValue);
}

TEST(CudaLaunchers, DoNothingForAnEmptyBatch) {
  CUstream_st stream{};
  bpt_cuda::ForwardCall call;
  call.shape = {Element::kFp16, 64, 0, 8, 8, 1, 1};
  EXPECT_EQ(bpt_cuda::forward(call, &stream), cudaSuccess);
  bpt_cuda::BackwardCall backward;
  backward.shape = call.shape;
  EXPECT_EQ(bpt_cuda::backward(backward, &stream), cudaSuccess);
}

// Queries [begin, begin + size) against all keys, as a layer in chunks calls it: views into the whole
// tensors.
struct Chunk {
  int begin, size;
};

template <typename AnyView>
AnyView from_token(AnyView view, int token) {
  using Byte =
      std::conditional_t<std::is_const_v<std::remove_pointer_t<decltype(view.data)>>, const char, char>;
  view.data = static_cast<Byte*>(view.data) + token * view.strides.token * 2;
  return view;
}

bpt_cuda::RowView from_token(bpt_cuda::RowView view, int token) {
  view.data += token;
  return view;
}

// All chunks' forward passes, then their backward passes, which add to fp32 gradients of the keys.
struct ChunkedRun {
  const Case& example;
  const Inputs& inputs;
  Outputs& outputs;
  std::vector<float>&dk, &dv;

  void run(const Chunk& chunk) const {
    CUstream_st stream{{emulation::WarpOrder::shuffled, emulation::Copies::late}};
    bpt_cuda::Shape shape = example.shape;
    shape.num_queries = chunk.size;
    bpt_cuda::Mask mask = mask_of(example);
    mask.query_offset = chunk.begin;
    if (mask.segments_q != nullptr) mask.segments_q += chunk.begin;
    std::vector<std::int32_t> summary(bpt_cuda::mask_summary_bytes(shape, mask) / sizeof(std::int32_t));
    require_success(bpt_cuda::summarize_mask(shape, mask, summary.data(), &stream), "summarize_mask");
    mask.summary = summary.data();
    const bpt_cuda::ConstView q = from_token(inputs.q.view(), chunk.begin);
    const bpt_cuda::View o = from_token(outputs.o.view(), chunk.begin);
    const bpt_cuda::RowView lse = from_token(rows_of(example, outputs.lse), chunk.begin);
    require_success(
        bpt_cuda::forward({shape, mask, inputs.scale, q, inputs.k.view(), inputs.v.view(), o, lse}, &stream),
        "forward");
    std::vector<float> delta(outputs.lse.size());
    const std::int64_t width = shape.head_dim, heads = shape.num_key_value_heads;
    const bpt_cuda::Strides dense = {shape.num_keys * heads * width, heads * width, width};
    require_success(bpt_cuda::backward({shape,
                                        mask,
                                        inputs.scale,
                                        q,
                                        inputs.k.view(),
                                        inputs.v.view(),
                                        {o.data, o.strides},
                                        from_token(inputs.d_o.view(), chunk.begin),
                                        lse,
                                        rows_of(example, delta),
                                        from_token(outputs.dq.view(), chunk.begin),
                                        {dk.data(), dense},
                                        {dv.data(), dense},
                                        bpt_cuda::KeyGradients::kAddFp32},
                                       &stream),
                    "backward");
  }
};

TEST(CudaLaunchers, AddUpTheGradientsOfChunksOfQueries) {
  for (const int width : {64, 256}) {
    Case example = square(width, 150);
    example.window = 100;
    for (int i = 0; i < 150; ++i) example.segments_q.push_back(i / 120);
    example.segments_k = example.segments_q;
    const Inputs inputs = make_inputs(example);
    const Reference exact = compute(example, inputs, Arithmetic::kExact);
    const Reference rounded = compute(example, inputs, Arithmetic::kRounded);
    Outputs outputs = run_kernels(example, inputs, {});  // all is overwritten but the gradients of keys
    std::vector<float> dk(exact.dk.size(), 0.25F), dv(exact.dv.size(), -0.5F);
    for (const Chunk& chunk : {Chunk{0, 70}, Chunk{70, 64}, Chunk{134, 16}}) {
      ChunkedRun{example, inputs, outputs, dk, dv}.run(chunk);
    }
    const auto error = [](const std::vector<float>& sums, double begin, const std::vector<double>& truth) {
      std::vector<double> numbers(sums.begin(), sums.end());
      for (double& number : numbers) number -= begin;
      return largest_difference(numbers, truth);
    };
    EXPECT_LE(error(dk, 0.25, exact.dk), 2 * largest_difference(rounded.dk, exact.dk));
    EXPECT_LE(error(dv, -0.5, exact.dv), 2 * largest_difference(rounded.dv, exact.dv));
    EXPECT_LE(largest_difference(numbers_of(outputs.o), exact.o), 2 * largest_difference(rounded.o, exact.o));
    EXPECT_LE(largest_difference(numbers_of(outputs.dq), exact.dq),
              2 * largest_difference(rounded.dq, exact.dq));
  }
}

}  // namespace
}  // namespace easylm::bpt_cuda_test
