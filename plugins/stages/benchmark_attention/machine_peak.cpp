// Keeps all arithmetic units busy, and counts.
#include "machine_peak.h"

#include <ATen/DeviceAccelerator.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <barrier>
#include <chrono>
#include <functional>
#include <thread>

#include "easylm/tensor/aten.h"
#include "easylm/tensor/device.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace easylm::stages {
namespace {

constexpr int kSums = 16;         // that don't wait for each other: a unit is always free for one
constexpr int kRounds = 200'000;  // some milliseconds
constexpr int kRepetitions = 15;  // the best counts
constexpr std::int64_t kCpuSize = 1024, kGpuSize = 8192;  // of the matrices

// → floating-point operations that it did. What an empty `asm` touches the compiler knows nothing of after
// it: else it would see that all sums are one, or none is needed.
using Loop = double (*)();

#if defined(__x86_64__)
__attribute__((target("avx512f"))) double multiply_add_512() {
  __m512 sums[kSums] = {};
  __m512 a = _mm512_set1_ps(0.999F);
  const __m512 b = _mm512_set1_ps(0.5F);
  for (auto& sum : sums) asm volatile("" : "+v"(sum));
  for (int round = 0; round < kRounds; ++round) {
    asm volatile("" : "+v"(a));
#pragma GCC unroll 16
    for (auto& sum : sums) sum = _mm512_fmadd_ps(sum, a, b);
  }
  for (auto& sum : sums) asm volatile("" : "+v"(sum));
  return 2.0 * 16 * kSums * kRounds;
}

__attribute__((target("avx2,fma"))) double multiply_add_256() {
  constexpr int kFew = 12;  // there are sixteen registers
  __m256 sums[kFew] = {};
  __m256 a = _mm256_set1_ps(0.999F);
  const __m256 b = _mm256_set1_ps(0.5F);
  for (auto& sum : sums) asm volatile("" : "+x"(sum));
  for (int round = 0; round < kRounds; ++round) {
    asm volatile("" : "+x"(a));
#pragma GCC unroll 12
    for (auto& sum : sums) sum = _mm256_fmadd_ps(sum, a, b);
  }
  for (auto& sum : sums) asm volatile("" : "+x"(sum));
  return 2.0 * 8 * kFew * kRounds;
}

__attribute__((target("avx512f,avx512bf16"))) double dot_bf16_512() {
  __m512 sums[kSums] = {};
  auto one = (__m512bh)_mm512_set1_epi32(0x3f803f80);
  for (auto& sum : sums) asm volatile("" : "+v"(sum));
  for (int round = 0; round < kRounds; ++round) {
    asm volatile("" : "+v"(one));
#pragma GCC unroll 16
    for (auto& sum : sums) sum = _mm512_dpbf16_ps(sum, one, one);
  }
  for (auto& sum : sums) asm volatile("" : "+v"(sum));
  return 2.0 * 32 * kSums * kRounds;
}
#endif

double multiply_add_portable() {
  using Four [[gnu::vector_size(16)]] = float;
  constexpr int kFew = 8;
  Four sums[kFew] = {};
  Four a = {0.999F, 0.999F, 0.999F, 0.999F};
  const Four b = {0.5F, 0.5F, 0.5F, 0.5F};
  for (auto& sum : sums) asm volatile("" : "+m"(sum));
  for (int round = 0; round < kRounds; ++round) {
    asm volatile("" : "+m"(a));
#pragma GCC unroll 8
    for (auto& sum : sums) sum = sum * a + b;
  }
  for (auto& sum : sums) asm volatile("" : "+m"(sum));
  return 2.0 * 4 * kFew * kRounds;
}

Loop loop_for(at::ScalarType dtype) {
#if defined(__x86_64__)
  if (dtype == at::kBFloat16 && __builtin_cpu_supports("avx512bf16") != 0) return dot_bf16_512;
  if (__builtin_cpu_supports("avx512f") != 0) return multiply_add_512;
  if (__builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0) return multiply_add_256;
#endif
  (void)dtype;
  return multiply_add_portable;
}

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double best_rate(const std::function<double()>& work) {
  double best = 0;
  for (int i = 0; i < kRepetitions; ++i) {
    double flops = 0;
    const double seconds = seconds_of([&] { flops = work(); });
    best = std::max(best, flops / seconds);
  }
  return best;
}

// Of all threads together, which begin at once.
double rate_of(Loop loop, std::int64_t num_threads) {
  std::barrier gate(num_threads);
  std::vector<double> rates(static_cast<std::size_t>(num_threads), 0);
  std::vector<std::thread> threads;
  threads.reserve(rates.size());
  for (double& rate : rates) {
    threads.emplace_back([&gate, &rate, loop] {
      gate.arrive_and_wait();
      rate = best_rate(loop);
    });
  }
  for (std::thread& thread : threads) thread.join();
  double sum = 0;
  for (const double rate : rates) sum += rate;
  return sum;
}

double rate_of_products(at::Device device, at::ScalarType dtype) {
  const at::NoGradGuard no_grad;
  const std::int64_t size = device.is_cpu() ? kCpuSize : kGpuSize;
  const at::Tensor a = aten::ones({size, size}, at::TensorOptions(dtype).device(device));
  const at::Tensor b = aten::ones({size, size}, a.options());
  const at::Tensor c = aten::empty({size, size}, a.options());
  const auto n = static_cast<double>(size);
  return best_rate([&] {
    aten::mm_out(c, a, b);
    if (!device.is_cpu()) at::accelerator::synchronizeDevice(device.index());
    return 2 * n * n * n;
  });
}

}  // namespace

double MachinePeak::flops_per_second(at::ScalarType dtype) {
  const auto found = std::ranges::find(measured_, dtype, [](const auto& pair) { return pair.first; });
  if (found != measured_.end()) return found->second;
  measured_.emplace_back(dtype, measure(dtype));
  return measured_.back().second;
}

double MachinePeak::measure(at::ScalarType dtype) const {
  if (!device_.is_cpu()) return rate_of_products(device_, dtype);
  const double in_registers = rate_of(loop_for(dtype), threads_);
  const bool is_slow = dtype == at::kHalf || (dtype == at::kBFloat16 && !has_bf16_products(device_));
  return is_slow ? in_registers : std::max(in_registers, rate_of_products(device_, dtype));
}

}  // namespace easylm::stages
