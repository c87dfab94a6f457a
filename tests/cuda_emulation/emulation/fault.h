// What an emulated kernel did wrong.
#pragma once

#include <stdexcept>
#include <string>

namespace easylm::emulation {

enum class FaultKind {
  deadlock,      // nobody can go on
  divergence,    // lanes of one warp, or threads of one block, met in different places
  misalignment,  // an address that the instruction can't take
  out_of_range,  // outside the block's shared memory
  misuse,        // a launch, a count or a descriptor that the hardware refuses or leaves undefined
};

// Thrown by launch(); names the block, the thread and what it was about to do.
class Fault : public std::runtime_error {
 public:
  Fault(FaultKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  FaultKind kind() const { return kind_; }

 private:
  FaultKind kind_;
};

// Throws a Fault for the thread that runs now.
[[noreturn]] void fail(FaultKind kind, const std::string& message);

}  // namespace easylm::emulation
