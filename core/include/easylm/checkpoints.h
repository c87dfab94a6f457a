// Where a stage saves its work: the policy that decides when, commits it, and enters it in the registry.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "easylm/checkpoint_format.h"

namespace easylm {

using NamedNumbers = std::vector<std::pair<std::string, double>>;

struct SaveRequest {
  std::int64_t step = 0;
  std::int64_t tokens = 0;
  std::string dataset_fingerprint;
  std::string parent;    // URI of the version it was made from; empty if none
  NamedNumbers metrics;  // as last measured
};

struct SavedVersion {
  std::string uri;             // "shakespeare:3"
  std::filesystem::path path;  // its final folder
};

class EASYLM_API Checkpoints {
 public:
  virtual ~Checkpoints();

  // Whether the configuration asks for a version after update number `step` (counted from 1).
  virtual bool due(std::int64_t step) const = 0;

  // The format that the configuration names.
  virtual std::shared_ptr<CheckpointFormat> format() = 0;

  // Calls `fill` with a temporary folder, makes its contents durable and enters them in the registry. When it
  // returns, the version is committed; when it throws, no trace of it is in the registry.
  virtual SavedVersion save(const SaveRequest& request,
                            const std::function<void(const std::filesystem::path&)>& fill) = 0;

  // Adds metrics to a committed version, for example what an evaluation measured.
  virtual void measure(const std::string& uri, const NamedNumbers& metrics) = 0;
};

}  // namespace easylm
