// What the emulation's own tests share.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <string>

#include "bpt_cuda/intrinsics.h"

namespace easylm::emulation_test {

inline constexpr std::array kOrders = {emulation::WarpOrder::ascending, emulation::WarpOrder::descending,
                                       emulation::WarpOrder::alternating, emulation::WarpOrder::shuffled};
inline constexpr std::array kCopies = {emulation::Copies::early, emulation::Copies::late};

// Calls `check` with a stream of every schedule.
template <typename Check>
void for_every_schedule(const Check& check) {
  for (const emulation::WarpOrder order : kOrders) {
    for (const emulation::Copies copies : kCopies) {
      CUstream_st stream{{order, copies}};
      check(&stream);
    }
  }
}

// The kind of the Fault that `run` throws, if any. Its message must contain `words`.
template <typename Run>
std::optional<emulation::FaultKind> fault_of(const Run& run, const std::string& words) {
  try {
    run();
  } catch (const emulation::Fault& fault) {
    EXPECT_NE(std::string(fault.what()).find(words), std::string::npos) << fault.what();
    return fault.kind();
  }
  return std::nullopt;
}

}  // namespace easylm::emulation_test
