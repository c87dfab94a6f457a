// Names to LibTorch's devices, precisions and generators.
#include "easylm/tensor/device.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <dlfcn.h>

#include <charconv>
#include <string>
#include <thread>

#include "easylm/error.h"
#include "easylm/tensor/allocator.h"

namespace easylm {
namespace {

[[noreturn]] void refuse_device(std::string_view name) {
  throw Error(ErrorCode::invalid_config, "'" + std::string(name) + "' is not a device",
              "use auto, cpu, cuda or cuda:N");
}

// LibTorch's CUDA half adds itself when it is loaded. Machines without NVIDIA's driver have no use for it,
// and need not have the libraries that it stands on. Called before LibTorch is first asked for CUDA: it
// remembers the answer.
void load_cuda() {
  static const std::string failure = []() -> std::string {
    if (dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL) == nullptr) return {};
    if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) != nullptr) return {};
    return dlerror();
  }();
  if (failure.empty()) return;
  throw Error(ErrorCode::device,
              "NVIDIA's driver is here, and LibTorch's CUDA half can't be loaded: " + failure,
              "./setup.sh --cuda fetches what it needs; or use device = \"cpu\"");
}

std::int64_t num_cuda_devices() {
  load_cuda();
  return at::globalContext().hasCUDA() ? at::detail::getCUDAHooks().deviceCount() : 0;
}

at::Device cuda_device(std::string_view name, std::int64_t index) {
  const std::int64_t count = num_cuda_devices();
  if (index < count) return {at::kCUDA, static_cast<c10::DeviceIndex>(index)};
  throw Error(ErrorCode::device,
              "there is no device '" + std::string(name) + "' here: LibTorch sees " + std::to_string(count) +
                  " NVIDIA GPUs",
              "use device = \"cpu\" or \"auto\", or check the driver with nvidia-smi");
}

}  // namespace

at::Device select_device(std::string_view name) {
  if (name == "cpu") return at::kCPU;
  if (name == "auto") return num_cuda_devices() > 0 ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU);
  if (name == "cuda") return cuda_device(name, 0);
  constexpr std::string_view kPrefix = "cuda:";
  if (!name.starts_with(kPrefix)) refuse_device(name);
  const std::string_view digits = name.substr(kPrefix.size());
  std::uint8_t index = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
  if (failure != std::errc{} || end != digits.data() + digits.size()) refuse_device(name);
  return cuda_device(name, index);
}

at::ScalarType compute_dtype(std::string_view precision) {
  if (precision == "fp32") return at::kFloat;
  if (precision == "bf16") return at::kBFloat16;
  throw Error(ErrorCode::invalid_config, "'" + std::string(precision) + "' is not a precision",
              "use fp32 or bf16");
}

at::ScalarType scalar_type_of(DType dtype) {
  switch (dtype) {
    case DType::f64:
      return at::kDouble;
    case DType::f32:
      return at::kFloat;
    case DType::f16:
      return at::kHalf;
    case DType::bf16:
      return at::kBFloat16;
    case DType::i64:
      return at::kLong;
    case DType::i32:
      return at::kInt;
    case DType::i16:
      return at::kShort;
    case DType::i8:
      return at::kChar;
    case DType::u8:
      return at::kByte;
    case DType::boolean:
      return at::kBool;
  }
  throw Error(ErrorCode::internal, "a tensor has a dtype that does not exist");
}

DType dtype_of(at::ScalarType type) {
  switch (type) {
    case at::kDouble:
      return DType::f64;
    case at::kFloat:
      return DType::f32;
    case at::kHalf:
      return DType::f16;
    case at::kBFloat16:
      return DType::bf16;
    case at::kLong:
      return DType::i64;
    case at::kInt:
      return DType::i32;
    case at::kShort:
      return DType::i16;
    case at::kChar:
      return DType::i8;
    case at::kByte:
      return DType::u8;
    case at::kBool:
      return DType::boolean;
    default:
      throw Error(ErrorCode::unsupported,
                  std::string("tensors of type ") + c10::toString(type) + " can't be stored");
  }
}

bool has_bf16_products(at::Device device) {
#if defined(__x86_64__)
  static const bool native = __builtin_cpu_supports("avx512bf16") != 0;
  return native || !device.is_cpu();
#else
  (void)device;
  return true;
#endif
}

void prepare_torch(const RunFacts& run) {
  install_cpu_allocator();
  at::globalContext().setSDPUseCuDNN(
      false);  // it plans anew for each length: 60 ms for every token generated
  const std::int64_t cores = std::max<std::int64_t>(1, std::thread::hardware_concurrency());
  at::set_num_threads(static_cast<int>(run.threads > 0 ? run.threads : cores));
}

std::int64_t peak_memory(at::Device device) {
  if (device.is_cpu()) return cpu_memory().peak;
  using c10::CachingAllocator::StatType;
  const auto stats = c10::getDeviceAllocator(device.type())->getDeviceStats(device.index());
  return stats.allocated_bytes[static_cast<std::size_t>(StatType::AGGREGATE)].peak;
}

void reset_peak_memory(at::Device device) {
  if (device.is_cpu()) return reset_cpu_memory_peaks();
  c10::getDeviceAllocator(device.type())->resetPeakStats(device.index());
}

at::Generator generator_of(const RandomStream& stream, at::Device device) {
  if (device.is_cpu()) return at::detail::createCPUGenerator(stream.key());
  at::Generator generator =
      at::globalContext().getAcceleratorHooksInterface(device.type()).getNewGenerator(device.index());
  generator.set_current_seed(stream.key());
  return generator;
}

}  // namespace easylm
