// Times one attention kernel. Each line on standard input is answered with a number: "forward" and "both"
// (with the backward pass) with the seconds that one took, "peak" with the floating-point operations a second
// that products of this dtype reach in the first-level cache, "quit" with the most memory that the process
// held; so two such programs can take turns.
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "batches.h"
#include "easylm/error.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/attention.h"
#include "easylm/tensor/device.h"
#include "easylm/tensor/gemm_kernel.h"
#include "support/plugin_host.h"
#include "support/program.h"

namespace easylm {
namespace {

struct Arguments {
  std::string kernel;
  at::ScalarType dtype = at::kFloat;
  std::int64_t tokens = 0, heads = 0, key_heads = 0, width = 0, threads = 0;
};

std::int64_t whole_number(std::string_view text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  if (number <= 0)
    throw Error(ErrorCode::invalid_config, "'" + std::string(text) + "' is not a number above 0");
  return number;
}

Arguments parse(const std::vector<std::string>& words) {
  if (words.size() != 7 || (words[1] != "fp32" && words[1] != "bf16")) {
    throw Error(ErrorCode::invalid_config,
                "usage: bench_attention KERNEL fp32|bf16 TOKENS HEADS KEY_HEADS WIDTH THREADS");
  }
  return {words[0],
          words[1] == "fp32" ? at::kFloat : at::kBFloat16,
          whole_number(words[2]),
          whole_number(words[3]),
          whole_number(words[4]),
          whole_number(words[5]),
          whole_number(words[6])};
}

double seconds_since(std::chrono::steady_clock::time_point started) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
}

// Causal, one row, random numbers.
class Bench {
 public:
  explicit Bench(const Arguments& arguments)
      : dtype_(arguments.dtype), kernel_(host_.make<AttentionKernel>(testing::table_of(arguments.kernel))) {
    const auto random = [&](std::int64_t heads) {
      return aten::empty({1, arguments.tokens, heads, arguments.width}, at::kFloat).normal_().to(dtype_);
    };
    call_.q_BTNH = random(arguments.heads).requires_grad_();
    call_.k_BSKH = random(arguments.key_heads).requires_grad_();
    call_.v_BSKH = random(arguments.key_heads).requires_grad_();
    call_.scale = 1 / std::sqrt(static_cast<double>(arguments.width));
    do_BTNH_ = random(arguments.heads);
  }

  double forward() {
    const auto started = std::chrono::steady_clock::now();
    kernel_->forward(call_);
    return seconds_since(started);
  }

  double both() {
    const auto started = std::chrono::steady_clock::now();
    const at::Tensor o_BTNH = kernel_->forward(call_).o_BTNH;
    torch::autograd::grad({o_BTNH}, {call_.q_BTNH, call_.k_BSKH, call_.v_BSKH}, {do_BTNH_});
    return seconds_since(started);
  }

  // The best of some thousand products of one tile.
  double peak() const {
    constexpr std::int64_t kWords = 256, kRepeat = 200;
    const GemmKernel& gemm = dtype_ == at::kFloat ? gemm_kernel() : bf16_gemm_kernel();
    const std::vector<float> a(static_cast<std::size_t>(kWords * gemm.tile_rows), 0.0F);
    const std::vector<float> b(static_cast<std::size_t>(kWords * gemm.tile_columns), 0.0F);
    std::vector<float> c(static_cast<std::size_t>(gemm.tile_rows * gemm.tile_columns), 0.0F);
    double best = 0;
    for (int i = 0; i < 50; ++i) {
      const auto started = std::chrono::steady_clock::now();
      for (std::int64_t j = 0; j < kRepeat; ++j) {
        gemm.tile(kWords, a.data(), b.data(), gemm.tile_columns, c.data(), gemm.tile_columns, true);
      }
      const std::int64_t operations =
          2 * kRepeat * kWords * gemm.numbers_per_word * gemm.tile_rows * gemm.tile_columns;
      best = std::max(best, static_cast<double>(operations) / seconds_since(started));
    }
    return best;
  }

 private:
  testing::PluginHost host_;
  at::ScalarType dtype_;
  std::shared_ptr<AttentionKernel> kernel_;
  AttentionCall call_;
  at::Tensor do_BTNH_;
};

void serve(const Arguments& arguments) {
  prepare_torch(
      {.name = "bench", .seed = 1, .device = "cpu", .precision = "fp32", .threads = arguments.threads});
  Bench bench(arguments);
  for (std::string line; std::getline(std::cin, line) && line != "quit";) {
    const double answer = line == "peak" ? bench.peak() : line == "both" ? bench.both() : bench.forward();
    std::cout << answer << std::endl;  // NOLINT(performance-avoid-endl): the other end waits for it
  }
  std::cout << bench::peak_resident_bytes() << std::endl;  // NOLINT(performance-avoid-endl)
}

}  // namespace
}  // namespace easylm

int main(int argc, char** argv) {
  return easylm::testing::run_program(
      argc, argv, [](const std::vector<std::string>& words) { easylm::serve(easylm::parse(words)); });
}
