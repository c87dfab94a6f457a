// GPUs as LibTorch sees them.
#include "device.h"

#include <c10/core/DeviceGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include "easylm/error.h"

namespace easylm::bpt_cuda {
namespace {

constexpr int kOldest = 80;  // Ampere: bf16 products and asynchronous copies

void require(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  throw Error(ErrorCode::device,
              std::string("attention 'bpt_cuda': ") + what + ": " + cudaGetErrorString(status),
              "run it with CUDA_LAUNCH_BLOCKING=1: an earlier failure is reported late");
}

int attribute(cudaDeviceAttr which, int device) {
  int value = 0;
  require(cudaDeviceGetAttribute(&value, which, device), "the GPU can't be asked what it is");
  return value;
}

}  // namespace

at::DeviceType served_device() { return at::kCUDA; }

std::string device_problem() {
  int device = 0;
  if (const cudaError_t status = cudaGetDevice(&device); status != cudaSuccess) {
    return std::string("no CUDA device: ") + cudaGetErrorString(status);
  }
  const int capability = compute_capability();
  if (capability >= kOldest) return {};
  return "it needs a GPU of compute capability 8.0 or later, and this one has " +
         std::to_string(capability / 10) + "." + std::to_string(capability % 10);
}

int compute_capability() {
  int device = 0;
  require(cudaGetDevice(&device), "there is no current GPU");
  return 10 * attribute(cudaDevAttrComputeCapabilityMajor, device) +
         attribute(cudaDevAttrComputeCapabilityMinor, device);
}

int num_multiprocessors(at::Device device) {
  return attribute(cudaDevAttrMultiProcessorCount, device.index());
}

void launch_on(at::Device device, const std::function<int(CUstream_st*)>& launch) {
  const c10::DeviceGuard guard(device);
  require(static_cast<cudaError_t>(launch(c10::cuda::getCurrentCUDAStream(device.index()).stream())),
          "a kernel can't be launched");
}

}  // namespace easylm::bpt_cuda
