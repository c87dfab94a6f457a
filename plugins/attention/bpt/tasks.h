// Tasks that threads take one after the other, in a fixed order.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

namespace easylm::bpt {

class Tasks {
 public:
  explicit Tasks(std::int64_t count) : count_(count) {}

  // The next task's number, or -1.
  std::int64_t take() {
    const std::int64_t task = next_.fetch_add(1, std::memory_order_relaxed);
    return task < count_ ? task : -1;
  }

 private:
  std::int64_t count_;
  std::atomic<std::int64_t> next_ = 0;
};

// Runs `work` on as many threads as there are, at most one a task; each takes tasks until none is left. A
// task may wait for those with lower numbers: they are done or being worked on. After its first task `work`
// must not throw.
void share(std::int64_t count, const std::function<void(Tasks& tasks)>& work);

}  // namespace easylm::bpt
