// The emulation in a GPU's place: tensors of the CPU, a stream that runs a kernel where it is launched.
#include <cuda_runtime_api.h>

#include "bpt_cuda/device.h"
#include "easylm/error.h"

namespace easylm::bpt_cuda {

at::DeviceType served_device() { return at::kCPU; }
std::string device_problem() { return {}; }
int compute_capability() { return 90; }
int num_multiprocessors(at::Device /*device*/) { return 4; }

void launch_on(at::Device device, const std::function<int(CUstream_st*)>& launch) {
  EASYLM_CHECK(device.is_cpu(), "the emulation has no other device");
  CUstream_st stream{{emulation::WarpOrder::shuffled, emulation::Copies::late}};
  const int status = launch(&stream);
  EASYLM_CHECK(status == cudaSuccess, "a launch was refused: " + std::to_string(status));
}

}  // namespace easylm::bpt_cuda
