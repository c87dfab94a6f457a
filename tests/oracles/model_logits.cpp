// model_logits MODEL: what a model says, in numbers. Reads ids from standard input, 32 bits each, as one
// sequence; writes the logits of every place to standard output, fp32, [T, V].
#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>

#include <cstdint>
#include <exception>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <string>

#include "easylm/error.h"
#include "easylm/tensor/block_runner.h"
#include "easylm/tensor/device.h"
#include "easylm/tensor/model_store.h"
#include "support/fake_context.h"
#include "support/plugin_host.h"

namespace {

using easylm::testing::FakeCheckpoints;
using easylm::testing::FakeContext;
using easylm::testing::PluginHost;

at::Tensor ids_from(std::istream& in) {
  std::string bytes(std::istreambuf_iterator<char>(in), {});
  const auto count = static_cast<std::int64_t>(bytes.size() / sizeof(std::int32_t));
  return at::from_blob(bytes.data(), {1, count}, at::kInt).to(at::kLong);
}

void write_logits(const std::filesystem::path& path) {
  PluginHost host;
  FakeCheckpoints checkpoints({}, nullptr);
  FakeContext context(host, checkpoints);
  context.facts.threads = 0;
  easylm::prepare_torch(context.run());
  const easylm::Artifact files{.component = nullptr, .path = path, .uri = {}, .config = {}};
  const auto model = easylm::obtain_model(context, files, at::kCPU, at::kFloat).model;
  const at::NoGradGuard no_grad;
  easylm::ForwardContext forward(easylm::Phase::infer);
  const at::Tensor h_BTD = easylm::run_model(*model, ids_from(std::cin), forward, easylm::Recompute::none);
  const at::Tensor logits_TV = h_BTD[0].matmul(model->head_weight().t()).contiguous();
  std::cout.write(static_cast<const char*>(logits_TV.const_data_ptr()),
                  static_cast<std::streamsize>(logits_TV.nbytes()));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 2) throw easylm::Error(easylm::ErrorCode::invalid_config, "a MODEL is needed");
    write_logits(argv[1]);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "model_logits: " << error.what() << "\n";
    return 1;
  }
}
