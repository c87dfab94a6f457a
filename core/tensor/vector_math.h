// Sweeps over rows of numbers, compiled for several instruction sets and chosen at load time. fp32 inside.
#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

namespace easylm {

float row_max(const float* x, std::int64_t size);
float row_max(const c10::BFloat16* x, std::int64_t size);

// Σ exp(x - shift). NaN if any x is.
float row_exp_sum(const float* x, std::int64_t size, float shift);
float row_exp_sum(const c10::BFloat16* x, std::int64_t size, float shift);

// x becomes exp(x - shift); the result is their sum.
float row_exp_in_place(float* x, std::int64_t size, float shift);
float row_exp_in_place(c10::BFloat16* x, std::int64_t size, float shift);

void row_scale(float* x, std::int64_t size, float factor);
void row_scale(c10::BFloat16* x, std::int64_t size, float factor);

}  // namespace easylm
