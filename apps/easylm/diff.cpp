// diff, apply: what differs between two models, written down or made good.
#include <iostream>
#include <memory>
#include <string>

#include "checkpoint/delta.h"
#include "checkpoint/difference.h"
#include "model_files.h"
#include "session.h"
#include "verb.h"

namespace easylm::app {
namespace {

constexpr int kSame = 0, kDifferent = 1, kTrouble = 2;

std::unique_ptr<TensorReader> open_at(Host& host, const ReadPlace& place) {
  return find_format(host, place.location.path).format->open(place.location.path);
}

void print(const Invocation& invocation, const DeltaReport& report) {
  std::cout << (invocation.has("json") ? delta_json(report) : delta_text(report));
}

int write_difference(const Invocation& invocation, Session& session) {
  const ReadPlace base = read_place(invocation.words[0], session);
  const ReadPlace target = read_place(invocation.words[1], session);
  RunHost host = session.make_host();
  print(invocation, write_delta(host, {.base = base.location.path,
                                       .target = target.location.path,
                                       .to = invocation.text("output"),
                                       .method = invocation.has("arithmetic") ? DeltaMethod::arithmetic
                                                                              : DeltaMethod::exact}));
  return kSame;
}

int show_difference(const Invocation& invocation, Session& session) {
  const ReadPlace a = read_place(invocation.words[0], session), b = read_place(invocation.words[1], session);
  RunHost host = session.make_host();
  const auto reader_a = open_at(host, a), reader_b = open_at(host, b);
  const ModelDifference difference = compare_models(host, *reader_a, *reader_b);
  std::cout << (invocation.has("json") ? difference_json(difference) : difference_text(difference));
  return difference.none() ? kSame : kDifferent;
}

}  // namespace

int diff_models(const Invocation& invocation) {
  return run_stoppable(invocation, [&](Session& session) {
    if (invocation.has("output")) return write_difference(invocation, session);
    if (invocation.has("arithmetic")) {
      throw Error(ErrorCode::invalid_config, "--arithmetic says how differences are written, and none are",
                  "add -o DIR");
    }
    try {
      return show_difference(invocation, session);
    } catch (const Error& error) {  // 1 says that the models differ
      if (error.code() == ErrorCode::interrupted) throw;
      say_error(error);
      return kTrouble;
    }
  });
}

int apply_difference(const Invocation& invocation) {
  return run_stoppable(invocation, [&](Session& session) {
    const ReadPlace base = read_place(invocation.words[0], session);
    RunHost host = session.make_host();
    print(invocation, apply_delta(host, {.base = base.location.path,
                                         .delta = invocation.words[1],
                                         .to = invocation.text("output"),
                                         .plain = invocation.has("plain")}));
    return 0;
  });
}

}  // namespace easylm::app
