// model_logits MODEL [PLUGIN...]: reads token ids (int32) from standard input, and writes the model's logits
// after each of them (float32, [T, V]) to standard output; one pass over the whole sequence, in fp32. The
// model's type may come from a PLUGIN.
#include <ATen/core/grad_mode.h>

#include <cstdint>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "easylm/error.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/block_runner.h"
#include "easylm/tensor/device.h"
#include "easylm/tensor/model_store.h"
#include "support/fake_context.h"
#include "support/plugin_host.h"
#include "support/program.h"

namespace easylm {
namespace {

at::Tensor read_ids() {
  std::string bytes{std::istreambuf_iterator<char>(std::cin), {}};
  const auto length = static_cast<std::int64_t>(bytes.size() / sizeof(std::int32_t));
  return aten::from_blob(bytes.data(), {1, length}, at::kInt).to(at::kLong);
}

void write_logits(const std::string& path, std::vector<std::filesystem::path> plugins) {
  testing::PluginHost host(1, std::move(plugins));
  testing::FakeCheckpoints no_checkpoints({}, nullptr);
  testing::FakeContext context(host, no_checkpoints);
  context.facts.threads = 0;
  context.inputs["model"].path = path;
  prepare_torch(context.run());
  const at::NoGradGuard no_grad;
  const ReadyModel ready = obtain_model(context, at::kCPU, at::kFloat);
  ForwardContext forward(Phase::infer);
  const at::Tensor h_BTD = run_model(*ready.model, read_ids(), forward, Recompute::none);
  const at::Tensor logits =
      forward.linear({"lm_head.weight", ready.model->head_weight(), {}, Split::none}, h_BTD).contiguous();
  std::cout.write(static_cast<const char*>(logits.const_data_ptr()),
                  static_cast<std::streamsize>(logits.nbytes()));
  if (!std::cout.flush()) throw Error(ErrorCode::io, "standard output takes no more");
}

}  // namespace
}  // namespace easylm

int main(int argc, char** argv) {
  return easylm::testing::run_program(argc, argv, [](const std::vector<std::string>& words) {
    if (words.empty()) throw easylm::Error(easylm::ErrorCode::invalid_config, "MODEL is needed");
    easylm::write_logits(words[0], {words.begin() + 1, words.end()});
  });
}
