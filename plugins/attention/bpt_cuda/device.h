// What the tensor side asks of CUDA itself. device.cpp answers for GPUs; a test that runs the kernels on a
// CPU brings answers of its own.
#pragma once

#include <c10/core/Device.h>

#include <functional>
#include <string>

struct CUstream_st;  // what a cudaStream_t points to

namespace easylm::bpt_cuda {

at::DeviceType served_device();

// Why the current device can't run the kernels; empty if it can.
std::string device_problem();

// Of the current device: 90 for 9.0. REQUIRES: device_problem() is empty.
int compute_capability();

int num_multiprocessors(at::Device device);

// Calls `launch` with the device's current stream, and that device being current. Throws Error{device} unless
// it returns 0, as the launchers do. Waits for nothing.
void launch_on(at::Device device, const std::function<int(CUstream_st*)>& launch);

}  // namespace easylm::bpt_cuda
