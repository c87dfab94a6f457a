// One piece of work at a time, on a thread beside the one that asks.
#pragma once

#include <functional>
#include <future>

#include "easylm/export.h"

namespace easylm {

// Used by one thread.
class EASYLM_API Background {
 public:
  Background() = default;
  ~Background();  // waits; what the work threw is lost, so ask first
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  // Waits for the work before, and throws what that threw.
  void start(std::function<void()> work);

  // Until the work is done; throws what it threw, once.
  void wait();

  // Throws what the work threw if it has failed already; never waits.
  void check();

 private:
  std::future<void> work_;
};

}  // namespace easylm
