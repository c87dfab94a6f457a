// Copies that land at once, or when they are waited for.
#include "cuda_emulation/emulation/copies.h"

#include <cstring>
#include <utility>

#include "cuda_emulation/emulation/shared_memory.h"

namespace easylm::emulation {
namespace {

constexpr std::size_t kBytes = 16;

}  // namespace

void CopyQueue::Copy::perform() const {
  if (global == nullptr) {
    std::memset(shared, 0, kBytes);
  } else {
    std::memcpy(shared, global, kBytes);
  }
}

void CopyQueue::issue(void* shared, const void* global, Copies when) {
  require_aligned("cp.async", shared, kBytes);
  require_aligned("cp.async", global, kBytes);
  require_shared("cp.async", shared, kBytes);
  const Copy copy{shared, global};
  if (when == Copies::early) {
    copy.perform();
  } else {
    open_.push_back(copy);
  }
}

void CopyQueue::commit() { groups_.push_back(std::exchange(open_, {})); }

void CopyQueue::wait(std::size_t num_groups) {
  for (; groups_.size() > num_groups; groups_.pop_front()) {
    for (const Copy& copy : groups_.front()) copy.perform();
  }
}

}  // namespace easylm::emulation
