// What is read from the system's files for bug reports.
#include "platform/machine.h"

#include <gtest/gtest.h>

#include "support.h"

namespace easylm::test {
namespace {

class OfMachine : public ::testing::Test {
 protected:
  Machine look() const { return this_machine({root() / "release", root() / "cpuinfo", root() / "nvidia"}); }
  const std::filesystem::path& root() const { return folder.path(); }
  void write(const std::filesystem::path& name, std::string_view text) const {
    std::filesystem::create_directories((root() / name).parent_path());
    write_file(root() / name, text);
  }

  PrivateFolder folder;
};

TEST_F(OfMachine, NamesSystemAndProcessor) {
  write("release", "NAME=\"Some Linux\"\nPRETTY_NAME=\"Some Linux 12 (old)\"\n");
  write("cpuinfo", "processor\t: 0\nmodel name\t: A Chip 7000\nmodel name\t: another\n");
  const Machine machine = look();
  EXPECT_TRUE(machine.system.starts_with("Some Linux 12 (old), Linux ")) << machine.system;
  EXPECT_NE(machine.system.find(", glibc 2."), machine.system.npos) << machine.system;
  EXPECT_TRUE(machine.processor.starts_with("A Chip 7000,")) << machine.processor;
  EXPECT_GT(machine.cores, 0);
}

TEST_F(OfMachine, CountsGpusByModelAndNamesTheDriver) {
  write("nvidia/version",
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15  Thu Jan 23 2025\nGCC version: gcc "
        "12.2.0\n");
  write("nvidia/gpus/0000:01:00.0/information", "Model: \t\t NVIDIA H200\nIRQ: 16\n");
  write("nvidia/gpus/0000:02:00.0/information", "Model: \t\t NVIDIA H200\n");
  write("nvidia/gpus/0000:03:00.0/information", "Model: \t\t NVIDIA A10\n");
  EXPECT_EQ(look().gpu, "1 × NVIDIA A10, 2 × NVIDIA H200, driver 570.86.15");
}

TEST_F(OfMachine, SaysThatItDoesNotKnow) {
  const Machine machine = look();
  EXPECT_TRUE(machine.system.starts_with("unknown, Linux ")) << machine.system;
  EXPECT_TRUE(machine.processor.starts_with("unknown,")) << machine.processor;
  write("nvidia/gpus/0000:01:00.0/information", "");
  EXPECT_EQ(look().gpu, "1 × unknown, driver unknown");
}

}  // namespace
}  // namespace easylm::test
