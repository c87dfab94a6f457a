// Makes inputs, warms up, and lets kernels take turns.
#include "contest.h"

#include <ATen/DeviceAccelerator.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>

#include "easylm/error.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/device.h"

namespace easylm::stages {
namespace {

// LibTorch's exceptions end in a list of frames.
std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

at::ScalarType scalar_type_named(const std::string& dtype) {
  return dtype == "fp16" ? at::kHalf : compute_dtype(dtype);
}

// One kernel's part in a contest.
struct Arena::Turn {
  AttentionKernel* kernel = nullptr;
  AttentionCall call;
  at::Tensor do_BTNH;  // undefined: forward alone
  std::string note;    // not empty: it doesn't take part
  std::int64_t peak_bytes = -1;
  std::vector<Timing> timings;
};

Arena::Turn Arena::prepare(const Entrant& entrant, const Contest& contest, const CallShape& shape) {
  Turn turn;
  const Candidate& candidate = candidates_.at(entrant.kernel);
  turn.note = candidate.reason;
  if (candidate.kernel == nullptr) return turn;
  turn.kernel = candidate.kernel.get();
  const bool is_trained = contest.pass == Pass::forward_backward;
  const auto noise = [&](std::uint64_t index, std::int64_t heads) {
    const at::Generator generator = generator_of(host_.random("benchmark_attention", index), device_);
    return aten::empty({shape.batch, entrant.length, heads, contest.head_dim},
                       at::TensorOptions(at::kFloat).device(device_))
        .normal_(0, 1, generator)
        .to(scalar_type_named(contest.dtype));
  };
  turn.call.q_BTNH = noise(0, shape.heads).requires_grad_(is_trained);
  turn.call.k_BSKH = noise(1, shape.key_value_heads).requires_grad_(is_trained);
  turn.call.v_BSKH = noise(2, shape.key_value_heads).requires_grad_(is_trained);
  if (is_trained) turn.do_BTNH = noise(3, shape.heads);
  turn.call.mask.causal = shape.causal;
  turn.call.mask.window = shape.window;
  turn.call.scale = 1 / std::sqrt(static_cast<double>(contest.head_dim));
  const Support support = turn.kernel->supports(query_of(turn.call));
  if (support.score <= 0) turn.note = support.reason.empty() ? "can't, and doesn't say why" : support.reason;
  return turn;
}

void Arena::call(const Turn& turn) const {
  const at::AutoGradMode grad(turn.do_BTNH.defined());
  const AttentionResult result = turn.kernel->forward(turn.call);
  if (turn.do_BTNH.defined()) {
    torch::autograd::grad({result.o_BTNH}, {turn.call.q_BTNH, turn.call.k_BSKH, turn.call.v_BSKH},
                          {turn.do_BTNH});
  }
  if (!device_.is_cpu()) at::accelerator::synchronizeDevice(device_.index());
}

// A kernel that fails is said to, and the others go on without it.
void Arena::warm_up(Turn& turn) {
  reset_peak_memory(device_);
  const std::int64_t before = peak_memory(device_);
  try {
    call(turn);
    turn.peak_bytes = peak_memory(device_) - before;
  } catch (const std::exception& failure) {
    turn.note = "failed: " + first_line(failure.what());
  }
}

// Forth and back, so that nobody always runs after the same neighbour.
void Arena::play_round(std::vector<Turn>& turns, bool forth) {
  for (std::size_t i = 0; i < turns.size(); ++i) {
    Turn& turn = turns[forth ? i : turns.size() - 1 - i];
    if (!turn.note.empty()) continue;
    if (host_.stop().requested()) throw Error(ErrorCode::interrupted, "stopped while timing attention");
    probe_.begin();
    call(turn);
    turn.timings.push_back(probe_.end());
  }
}

std::vector<Figure> Arena::hold(const Contest& contest, const CallShape& shape, const Effort& effort) {
  std::vector<Turn> turns;
  turns.reserve(contest.entrants.size());
  for (const Entrant& entrant : contest.entrants) {
    turns.push_back(prepare(entrant, contest, shape));
    if (turns.back().note.empty()) warm_up(turns.back());
    if (host_.stop().requested()) throw Error(ErrorCode::interrupted, "stopped while timing attention");
  }
  const auto begin = std::chrono::steady_clock::now();
  Rounds rounds;
  const auto quiet = [](const std::vector<Timing>& round) {
    return std::ranges::none_of(round, &Timing::disturbed);
  };
  const auto is_done = [&] {
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
    return std::ranges::count_if(rounds, quiet) >= effort.rounds ||
           static_cast<std::int64_t>(rounds.size()) >= 3 * effort.rounds || elapsed.count() > effort.seconds;
  };
  do {
    play_round(turns, rounds.size() % 2 == 0);
    std::vector<Timing>& round = rounds.emplace_back();
    round.reserve(turns.size());
    for (const Turn& turn : turns) {
      if (turn.note.empty()) round.push_back(turn.timings.back());
    }
  } while (!is_done());

  std::vector<Figure> figures(turns.size());
  std::vector<Figure*> counted;
  std::vector<double> flops;
  counted.reserve(turns.size());
  flops.reserve(turns.size());
  for (std::size_t i = 0; i < turns.size(); ++i) {
    Figure& figure = figures[i];
    figure.entrant = contest.entrants[i];
    figure.head_dim = contest.head_dim;
    figure.dtype = contest.dtype;
    figure.pass = contest.pass;
    figure.note = turns[i].note;
    if (!figure.note.empty()) continue;
    figure.peak_bytes = turns[i].peak_bytes;
    counted.push_back(&figure);
    flops.push_back(flops_of(figure.entrant, contest, shape));
  }
  sum_up(counted, flops, rounds);
  return figures;
}

}  // namespace easylm::stages
