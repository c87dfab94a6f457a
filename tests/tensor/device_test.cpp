// Names of devices and precisions, generators.
#include "easylm/tensor/device.h"

#include <gtest/gtest.h>

#include "easylm/error.h"
#include "easylm/tensor/allocator.h"
#include "easylm/tensor/aten.h"

namespace easylm {
namespace {

ErrorCode refusal_of(std::string_view name) {
  try {
    select_device(name);
  } catch (const Error& error) {
    EXPECT_FALSE(error.hint().empty());
    EXPECT_NE(error.message().find(name), std::string::npos) << error.message();
    return error.code();
  }
  ADD_FAILURE() << name << " was accepted";
  return ErrorCode::internal;
}

TEST(Device, KnowsCpuAndRefusesWhatIsNotThere) {
  EXPECT_EQ(select_device("cpu"), at::Device(at::kCPU));
  EXPECT_NO_THROW(select_device("auto"));
  EXPECT_EQ(refusal_of("cuda:99"), ErrorCode::device);
  for (const char* name : {"gpu", "cuda:", "cuda:x", "cuda:1x", "cuda:-1", "cuda:300", ""}) {
    EXPECT_EQ(refusal_of(name), ErrorCode::invalid_config) << name;
  }
}

TEST(Device, MapsEveryStoredDtypeToLibTorchAndBack) {
  for (const DType dtype : {DType::f64, DType::f32, DType::f16, DType::bf16, DType::i64, DType::i32,
                            DType::i16, DType::i8, DType::u8, DType::boolean}) {
    EXPECT_EQ(dtype_of(scalar_type_of(dtype)), dtype);
    EXPECT_EQ(static_cast<std::int64_t>(c10::elementSize(scalar_type_of(dtype))), size_of(dtype));
  }
  EXPECT_THROW(dtype_of(at::kComplexFloat), Error);
  EXPECT_EQ(compute_dtype("bf16"), at::kBFloat16);
  EXPECT_THROW(compute_dtype("fp8"), Error);
}

TEST(Device, KnowsTheMostThatTensorsHeld) {
  constexpr std::int64_t kSize = std::int64_t{1} << 24;
  install_cpu_allocator();
  reset_peak_memory(at::kCPU);
  const std::int64_t before = peak_memory(at::kCPU);
  { const at::Tensor held = aten::empty({kSize}, at::kByte); }
  EXPECT_GE(peak_memory(at::kCPU), before + kSize);
  reset_peak_memory(at::kCPU);
  EXPECT_LT(peak_memory(at::kCPU), before + kSize);
}

TEST(Device, GeneratorsDrawWhatTheirStreamNames) {
  const auto draw = [](const RandomStream& stream) {
    return aten::empty({100}, at::kFloat).normal_(0, 1, generator_of(stream, at::kCPU));
  };
  EXPECT_TRUE(aten::equal(draw({1, "a", 0}), draw({1, "a", 0})));
  EXPECT_FALSE(aten::equal(draw({1, "a", 0}), draw({1, "a", 1})));
  EXPECT_FALSE(aten::equal(draw({1, "a", 0}), draw({2, "a", 0})));
}

}  // namespace
}  // namespace easylm
