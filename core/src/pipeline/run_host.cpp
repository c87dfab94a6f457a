// Forwards to the services of the run.
#include "pipeline/run_host.h"

#include <utility>

#include "config/model_tensors.h"

namespace easylm {

RunHost::RunHost(const HostServices& services, std::uint64_t seed, Paths paths)
    : services_(services), seed_(seed), paths_(std::move(paths)) {}

void RunHost::log(LogLevel level, std::string_view word, std::string_view message,
                  std::span<const LogPair> pairs) {
  services_.log.write(level, word, message, pairs);
}

std::shared_ptr<Component> RunHost::make_component(std::string_view kind, const Table& table) {
  return services_.maker.make(*this, kind, table);
}

std::vector<std::string> RunHost::available(std::string_view kind) const {
  return services_.catalogue.available(kind);
}

std::vector<std::string> RunHost::keys(std::string_view kind, std::string_view name) const {
  std::vector<std::string> keys;
  if (const ComponentDescription* description = services_.catalogue.find(kind, name)) {
    for (const Field& field : description->fields) keys.push_back(field.key);
  }
  return keys;
}

std::optional<std::vector<TensorInfo>> RunHost::model_tensors(const Table& model_config) const {
  const ComponentDescription* description = services_.catalogue.find("model", model_config.type);
  return description == nullptr ? std::nullopt : described_tensors(*description, model_config);
}

RandomStream RunHost::random(std::string_view purpose, std::uint64_t index) {
  return {seed_, purpose, index};
}

}  // namespace easylm
