// An optimizer that was compiled with the headers of API 1.0 trains in the host of today, and has nothing
// that came later.
#include <gtest/gtest.h>

#include <map>

#include "easylm/tensor/aten.h"
#include "easylm/tensor/optimizer.h"
#include "plugin/loader.h"
#include "plugin/support.h"
#include "support/fake_host.h"

namespace easylm::test {
namespace {

class Flat : public Schedule {
 public:
  double at(std::int64_t /*step*/) const override { return 0.25; }
};

class HostWithASchedule : public testing::FakeHost {
 public:
  std::shared_ptr<Component> make_component(std::string_view /*kind*/, const Table& /*table*/) override {
    return std::make_shared<Flat>();
  }
};

class Sums : public StateVisitor {
 public:
  std::map<std::string, double> seen;
  void tensor(std::string_view parameter, std::string_view role, at::Tensor& value) override {
    seen[std::string(parameter) + "." + std::string(role)] = value.sum().item<double>();
  }
};

class OlderOptimizer : public ::testing::Test {
 protected:
  OlderOptimizer() {
    folder.add("old.so", fixture("tensor_plugin_1_0"));
    const Catalogue catalogue = folder.scan();
    Table table;
    table.type = "descent";
    Table schedule;
    schedule.type = "flat";
    table.set("schedule", {schedule, {}});
    const InspectedPlugin* plugin = catalogue.provider("optimizer", "descent");
    if (plugin == nullptr) return;
    const ComponentFactory* factory = load_plugin(*plugin).find("optimizer", "descent");
    component.reset(factory->create(host, table));
    optimizer = dynamic_cast<Optimizer*>(component.get());
  }

  PrivateFolder folder;
  HostWithASchedule host;
  std::unique_ptr<Component> component;
  Optimizer* optimizer = nullptr;
};

TEST_F(OlderOptimizer, Trains) {
  ASSERT_NE(optimizer, nullptr);
  const std::vector<Parameter> parameters = {{"w", aten::ones({3}), {}, true}};
  optimizer->attach(parameters);
  const std::vector<at::Tensor> gradients = {aten::ones({3})};
  optimizer->step({0, optimizer->schedule().at(0), 2, gradients});
  EXPECT_EQ(parameters[0].value.sum().item<double>(), 1.5);
  Sums sums;
  optimizer->state(sums);
  EXPECT_EQ(sums.seen, (std::map<std::string, double>{{"w.sum", 6}}));
  EXPECT_EQ(optimizer->needs(), ReductionNeeds::none);
}

TEST_F(OlderOptimizer, HasNoExtensionThatCameLater) {
  ASSERT_NE(optimizer, nullptr);
  EXPECT_EQ(extension_of<OptimizerFormula>(*optimizer), nullptr);
}

}  // namespace
}  // namespace easylm::test
