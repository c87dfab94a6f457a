// Times calls, and sees when the machine gave its cores to others meanwhile.
#pragma once

#include <cstdint>

namespace easylm::stages {

struct Timing {
  double seconds = 0;
  double waited = 0;    // seconds that threads of this process wanted a core and had none, summed up
  double slowdown = 1;  // of a fixed loop just before or after, the worse; 1: as fast as it ever was
  bool disturbed() const;
};

// Two signs of stolen time. The kernel counts how long each thread waited for a core: that is the time which
// other programs here took. And a loop of a fixed number of instructions takes longer where a hypervisor or
// a lower clock takes time that no kernel counts. Used by one thread.
class TimeProbe {
 public:
  TimeProbe();

  void begin();
  Timing end();  // REQUIRES: begin() before it

  // False where the system doesn't count how long threads wait; then only the loop is left.
  bool counts_waiting() const { return waited_ >= 0; }

 private:
  double spin();  // how many times longer than at its best the loop takes now

  double fastest_;
  double slowdown_ = 1;
  std::int64_t waited_ = 0;  // nanoseconds, all threads; negative: unknown
  double started_ = 0;
};

}  // namespace easylm::stages
