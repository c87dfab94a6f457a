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
  std::string
      parent;  // URI of the version that the stage began with, if any; its later ones follow each other
  NamedNumbers metrics;  // as last measured
};

struct SavedVersion {
  std::string uri;             // "shakespeare:3"
  std::filesystem::path path;  // its final folder
};

// Writes a version's files into the folder that it is given.
using FillVersion = std::function<void(const std::filesystem::path&)>;

class EASYLM_API Checkpoints {
 public:
  virtual ~Checkpoints();

  // The version that this stage goes on from; null: it begins anew.
  virtual const SavedVersion* resume() const = 0;

  // Whether the configuration asks for versions now and then: due() will say when.
  virtual bool periodic() const = 0;

  // Whether the configuration asks for a version after update number `step` (counted from 1). Throws what a
  // save_later() failed with, so that a stage that asks after every step doesn't go on unsaved.
  virtual bool due(std::int64_t step) = 0;

  // The format that the configuration names.
  virtual std::shared_ptr<CheckpointFormat> format() = 0;

  // Calls `fill` with a temporary folder, makes its contents durable and enters them in the registry. When it
  // returns, the version is committed; when it throws, no trace of it is in the registry.
  virtual SavedVersion save(const SaveRequest& request, const FillVersion& fill) = 0;

  // The same on a thread of its own; `fill` may use nothing that changes meanwhile. One save is in flight at
  // a time: waits for the one before, and throws what that one failed with.
  virtual void save_later(const SaveRequest& request, FillVersion fill) = 0;

  // Waits until no save is in flight, and throws what it failed with. The version that this stage saved last,
  // or goes on from; with an empty URI if there is none.
  virtual SavedVersion saved() = 0;

  // Adds metrics to a committed version, for example what an evaluation measured.
  virtual void measure(const std::string& uri, const NamedNumbers& metrics) = 0;

  // Whether a committed version meets a condition in the language of `registry query`, for example
  // "metrics.loss < 1.5". Throws Error{invalid_config} with a caret under what can't be read.
  virtual bool meets(const std::string& uri, const std::string& condition) = 0;

  // Moves an alias of the version's name to it.
  virtual void set_alias(const std::string& uri, const std::string& alias) = 0;
};

}  // namespace easylm
