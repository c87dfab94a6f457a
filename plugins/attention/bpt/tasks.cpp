// Sharing by LibTorch's threads.
#include "tasks.h"

#include <ATen/Parallel.h>

#include <algorithm>

namespace easylm::bpt {

void share(std::int64_t count, const std::function<void(Tasks& tasks)>& work) {
  Tasks tasks(count);
  const std::int64_t threads = std::min<std::int64_t>(count, at::get_num_threads());
  at::parallel_for(0, threads, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) work(tasks);
  });
}

}  // namespace easylm::bpt
