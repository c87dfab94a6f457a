// Times training steps exactly as the train stage makes them. Each line "step" on standard input is answered
// with the seconds that one took, "quit" with the most memory that the process held, on a GPU its tensors; so
// two such programs can take turns.
#include <ATen/DeviceAccelerator.h>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "batches.h"
#include "easylm/error.h"
#include "easylm/tensor/device.h"
#include "easylm/tensor/train_step.h"
#include "shapes.h"
#include "support/plugin_host.h"
#include "support/program.h"

namespace easylm {
namespace {

using bench::Batches;
using bench::Shape;

struct Arguments {
  const Shape* shape = nullptr;
  std::string precision;
  std::int64_t threads = 1;
  std::string device;
};

std::int64_t whole_number(std::string_view text) {
  std::int64_t number = -1;
  std::from_chars(text.data(), text.data() + text.size(), number);
  if (number < 0) throw Error(ErrorCode::invalid_config, "'" + std::string(text) + "' is not a number");
  return number;
}

Arguments parse(const std::vector<std::string>& words) {
  if (words.size() != 4) {
    throw Error(ErrorCode::invalid_config, "usage: bench_train_step smollm2|nano fp32|bf16 THREADS DEVICE");
  }
  Arguments arguments;
  for (const Shape& shape : bench::kShapes) {
    if (shape.name == words[0]) arguments.shape = &shape;
  }
  if (arguments.shape == nullptr) {
    throw Error(ErrorCode::invalid_config, "there is no shape '" + std::string(words[0]) + "'");
  }
  arguments.precision = words[1];
  arguments.threads = whole_number(words[2]);
  arguments.device = words[3];
  return arguments;
}

void serve(const Arguments& arguments) {
  prepare_torch({.name = "bench",
                 .seed = 1,
                 .device = arguments.device,
                 .precision = arguments.precision,
                 .threads = arguments.threads});
  const at::Device device = select_device(arguments.device);
  testing::PluginHost host;
  const auto model = host.make<Model>(bench::model_table(*arguments.shape));
  model->materialise(device, at::kFloat);
  model->initialise(host);
  const auto optimizer = host.make<Optimizer>(bench::optimizer_table());
  TrainStep step(*model, *optimizer, {.compute = compute_dtype(arguments.precision)});
  Batches batches(*arguments.shape);
  std::int64_t number = 0;
  for (std::string line; std::getline(std::cin, line) && line == "step";) {
    const TokenBatch batch = batches.next();
    const auto started = std::chrono::steady_clock::now();
    step.accumulate(batch);
    const StepReport report = step.update(number++);
    if (!device.is_cpu()) at::accelerator::synchronizeDevice(device.index());
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
    EASYLM_CHECK(report.applied, "a step of the benchmark was skipped");
    std::cout << took.count() << std::endl;  // NOLINT(performance-avoid-endl): the other end waits for it
  }
  std::cout << (device.is_cpu() ? bench::peak_resident_bytes() : peak_memory(device))
            << std::endl;  // NOLINT(performance-avoid-endl)
}

}  // namespace
}  // namespace easylm

int main(int argc, char** argv) {
  return easylm::testing::run_program(
      argc, argv, [](const std::vector<std::string>& words) { easylm::serve(easylm::parse(words)); });
}
