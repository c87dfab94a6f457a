// Whether a GPU is there, on made-up machines.
#include "platform/gpu.h"

#include <gtest/gtest.h>

#include "support.h"

namespace easylm::test {
namespace {

constexpr const char* kAnyLibrary = "libc.so.6";

TEST(Gpu, SaysThatThereIsNoDevice) {
  const PrivateFolder dev;
  dev.add("nvidiactl", "");
  dev.add("nvidia", "");
  const auto problem = gpu_problem({dev.path(), kAnyLibrary});
  ASSERT_TRUE(problem);
  EXPECT_TRUE(problem->starts_with("no CUDA device: ")) << *problem;
  EXPECT_NE(problem->find("nvidia0"), std::string::npos);
}

TEST(Gpu, SaysThatTheDriverIsMissing) {
  const PrivateFolder dev;
  dev.add("nvidia0", "");
  const auto problem = gpu_problem({dev.path(), "libeasylm_no_such_driver.so.1"});
  ASSERT_TRUE(problem);
  EXPECT_TRUE(problem->starts_with("no CUDA device: ")) << *problem;
  EXPECT_NE(problem->find("install NVIDIA's driver"), std::string::npos);
}

TEST(Gpu, AcceptsAnyCardWithItsDriver) {
  const PrivateFolder dev;
  dev.add("nvidia12", "");
  EXPECT_EQ(gpu_problem({dev.path(), kAnyLibrary}), std::nullopt);
}

}  // namespace
}  // namespace easylm::test
