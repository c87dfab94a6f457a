// Holds a contest: the kernels take turns, call by call.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cases.h"
#include "easylm/host.h"
#include "easylm/tensor/attention.h"
#include "figures.h"
#include "time_probe.h"

namespace easylm::stages {

// A kernel that was asked for, or why it can't be had.
struct Candidate {
  std::shared_ptr<AttentionKernel> kernel;  // null: it can't
  std::string reason;
};

at::ScalarType scalar_type_named(const std::string& dtype);  // "fp32", "bf16", "fp16"

struct Effort {
  std::int64_t rounds = 7;  // that nothing disturbed
  double seconds = 20;      // no round begins later, but the first
};

class Arena {
 public:
  // All of it outlives this.
  Arena(Host& host, const std::map<std::string, Candidate>& candidates, at::Device device)
      : host_(host), candidates_(candidates), device_(device) {}

  // One figure an entrant, in their order; without share and ratio, which need more than one contest knows.
  // Throws Error{interrupted}.
  std::vector<Figure> hold(const Contest& contest, const CallShape& shape, const Effort& effort);

  bool counts_waiting() const { return probe_.counts_waiting(); }

 private:
  struct Turn;
  Turn prepare(const Entrant& entrant, const Contest& contest, const CallShape& shape);
  void warm_up(Turn& turn);
  void play_round(std::vector<Turn>& turns, bool forth);
  void call(const Turn& turn) const;

  Host& host_;
  const std::map<std::string, Candidate>& candidates_;
  at::Device device_;
  TimeProbe probe_;
};

}  // namespace easylm::stages
