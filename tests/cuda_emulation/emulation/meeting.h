// Where threads meet: instructions that a group of lanes executes together, and barriers.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace easylm::emulation {

class Block;
struct Thread;

// An instruction that all of a group of lanes execute together. Each brings what `Complete` needs: the last
// to come runs it for all.
class Collective {
 public:
  // A null pointer stands for a lane that doesn't take part.
  using Complete = void (*)(std::span<void* const> lanes);

  // `lanes`: the group. `members`: bit i is set if lane i takes part; ~0 for all, also of more than 32.
  Collective(std::span<Thread> lanes, std::uint32_t members);

  // Returns when every member was here. A Fault if the others came for another instruction.
  void join(std::string_view instruction, void* brought, Complete complete);

 private:
  std::span<Thread> lanes_;
  unsigned expected_ = 0;
  unsigned arrived_ = 0;
  std::string_view instruction_;
  std::vector<void*> brought_;
};

// A group of lanes with the collectives that are going on in it, by who takes part.
class LaneGroup {
 public:
  explicit LaneGroup(std::span<Thread> lanes) : lanes_(lanes) {}
  std::span<Thread> lanes() const { return lanes_; }

  void join(std::uint32_t members, std::string_view instruction, void* brought,
            Collective::Complete complete);

 private:
  std::span<Thread> lanes_;
  std::map<std::uint32_t, Collective> collectives_;
};

// One of a block's barriers: bar.sync, bar.arrive.
class Barrier {
 public:
  // `expected`: the threads that it takes. A Fault if lanes of one warp come from
  // different places.
  void sync(unsigned expected, const std::string& where);
  void arrive(unsigned expected, const std::string& where);

  // A thread that ended counts as one less to wait for, at barriers for all threads of a block.
  void one_less_expected();

 private:
  struct Arrival {
    Thread* thread;
    std::string where;
    bool waits;
  };
  void add(const Arrival& arrival, unsigned expected);
  void release_if_complete();
  void require_whole_warps() const;

  unsigned expected_ = 0;
  unsigned arrived_ = 0;
  std::vector<Arrival> arrivals_;
};

}  // namespace easylm::emulation
