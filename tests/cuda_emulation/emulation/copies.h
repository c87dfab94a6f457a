// One thread's asynchronous copies (cp.async), in groups as it commits them.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

namespace easylm::emulation {

// When asynchronous work is done: a correct kernel gives the same bits for both.
enum class Copies {
  early,  // where it is issued
  late,   // where the program waits for it, with what its source holds then
};

class CopyQueue {
 public:
  // Copies 16 bytes to shared memory, or writes zeros where `global` is null.
  void issue(void* shared, const void* global, Copies when);
  void commit();
  // Returns when at most `num_groups` of the committed groups are still on their way.
  void wait(std::size_t num_groups);

 private:
  struct Copy {
    void* shared;
    const void* global;
    void perform() const;
  };
  std::vector<Copy> open_;
  std::deque<std::vector<Copy>> groups_;
};

}  // namespace easylm::emulation
