// One piece of work at a time.
#include "checkpoint/background.h"

#include <chrono>
#include <utility>

namespace easylm {

Background::~Background() {
  if (work_.valid()) work_.wait();
}

void Background::start(std::function<void()> work) {
  wait();
  work_ = std::async(std::launch::async, std::move(work));
}

void Background::wait() {
  if (work_.valid()) work_.get();
}

void Background::check() {
  if (work_.valid() && work_.wait_for(std::chrono::seconds(0)) == std::future_status::ready) work_.get();
}

}  // namespace easylm
