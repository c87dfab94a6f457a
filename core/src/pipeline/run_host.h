// The Host that the components of a run are given.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "easylm/host.h"
#include "observe/log.h"
#include "plugin/catalogue.h"
#include "plugin/component_maker.h"

namespace easylm {

// All of them outlive the host and every component that it makes.
struct HostServices {
  Log& log;
  const Catalogue& catalogue;
  const ComponentMaker& maker;
  const StopToken& stop;
};

class EASYLM_API RunHost final : public Host {
 public:
  RunHost(const HostServices& services, std::uint64_t seed, Paths paths);

  void log(LogLevel level, std::string_view word, std::string_view message,
           std::span<const LogPair> pairs) override;
  std::shared_ptr<Component> make_component(std::string_view kind, const Table& table) override;
  std::vector<std::string> available(std::string_view kind) const override;
  std::vector<std::string> keys(std::string_view kind, std::string_view name) const override;
  std::optional<std::vector<TensorInfo>> model_tensors(const Table& model_config) const override;
  RandomStream random(std::string_view purpose, std::uint64_t index) override;
  const StopToken& stop() const override { return services_.stop; }
  const Paths& paths() const override { return paths_; }

 private:
  HostServices services_;
  std::uint64_t seed_;
  Paths paths_;
};

}  // namespace easylm
