// What a checkpoint holds beside the model, so that training can go on as if it had never stopped: the folder
// easylm/ of a version, with optimizer.safetensors and state.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "easylm/checkpoint_format.h"
#include "easylm/checkpoints.h"
#include "easylm/dataset.h"
#include "easylm/tensor/model_store.h"
#include "easylm/tensor/train_step.h"

namespace easylm {

struct TrainingState {
  static constexpr std::int64_t kFormatRevision = 1;

  std::int64_t step = 0;  // training steps done, skipped ones too
  std::int64_t tokens = 0;
  TrainCounters counters;
  std::int64_t validated_step = 0;        // the last one that validation followed
  std::int64_t skipped_steps = 0;         // in all
  std::int64_t skipped_steps_in_row = 0;  // the NaN guard's count
  std::uint64_t seed = 0;                 // with the counters, all that random numbers depend on
  std::string precision;                  // "fp32" or "bf16"
  std::string dataset_fingerprint;
  DatasetPosition position;  // from which the next batch is read
  // Settings of the stage that the next bytes depend on, by key; and what was last measured.
  NamedNumbers settings, measured;
};

// Both files. Optimizer tensors are called PARAMETER.ROLE; fp32 master weights of a bf16 model have the role
// "master".
EASYLM_API TensorFiles training_files(const TrainingState& state, const TrainStep& step,
                                      Optimizer& optimizer);

// Whether the version in `folder` was saved while training.
EASYLM_API bool has_training_state(const std::filesystem::path& folder);

// Reads state.json of the version in `folder`. Throws Error{not_found}, or Error{corrupt} that names the key.
EASYLM_API TrainingState read_training_state(const std::filesystem::path& folder);

// Fills the optimizer's state and the master weights from optimizer.safetensors of the version in `folder`;
// sets the counters. Throws Error{corrupt} that names what is missing, left over or of another shape.
EASYLM_API void load_training_tensors(const CheckpointFormat& format, const std::filesystem::path& folder,
                                      const TrainingState& state, TrainStep& step, Optimizer& optimizer);

}  // namespace easylm
