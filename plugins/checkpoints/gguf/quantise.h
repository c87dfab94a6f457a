// Blocks of 32 numbers as the reference implementation makes them, to the bit.
#pragma once

#include <cstddef>

namespace easylm::gguf {

// Each writes one block. False if a number is NaN or infinite, or the block's scale is too large for fp16.
bool to_q8_0(const float* numbers, std::byte* block);
bool to_q4_0(const float* numbers, std::byte* block);
bool to_q4_1(const float* numbers, std::byte* block);

}  // namespace easylm::gguf
