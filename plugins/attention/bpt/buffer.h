// Memory that is a thread's own, beginning with a cache line: where a register is one, no access touches two.
#pragma once

#include <boost/align/aligned_allocator.hpp>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "easylm/tensor/gemm_kernel.h"

namespace easylm::bpt {

using Buffer = std::vector<float, boost::alignment::aligned_allocator<float, 64>>;

// Room for `numbers`, and for what packing writes behind them.
inline Buffer buffer_of(std::int64_t numbers) {
  return Buffer(static_cast<std::size_t>(numbers + kPackSlack));
}

}  // namespace easylm::bpt
