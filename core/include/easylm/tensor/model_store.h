// Models between memory and disk: obtaining one for a stage, writing one as a Hugging Face directory.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "easylm/stage.h"
#include "easylm/tensor/model.h"
#include "easylm/tokenizer.h"

namespace easylm {

// A model that is ready to run, and where it came from.
struct ReadyModel {
  std::shared_ptr<Model> model;
  std::string uri;  // the registry version that its weights are, or empty
};

// The model behind a stage's port "model": a live one from an earlier stage; one made from the [model] table
// with initial weights; or one read from a directory or file with any installed checkpoint format. Parameters
// are on `device` in `dtype`.
EASYLM_API ReadyModel obtain_model(StageContext& context, at::Device device, at::ScalarType dtype);

// The tokenizer of the port "tokenizer".
EASYLM_API std::shared_ptr<Tokenizer> obtain_tokenizer(StageContext& context);

// Copies every parameter from the files at `path` into `model`. Throws Error that names each tensor that is
// missing, left over or of another shape.
EASYLM_API void load_weights(Model& model, const CheckpointFormat& format, const std::filesystem::path& path);

// A tensor with the name under which it is stored.
struct NamedTensor {
  std::string name;
  at::Tensor value;
};

// Copies each of `tensors` from the file or folder at `path`, converting floating point types. Throws
// Error{corrupt} that names each one that is missing, left over or of another shape.
EASYLM_API void read_tensors(const CheckpointFormat& format, const std::filesystem::path& path,
                             const std::vector<NamedTensor>& tensors);

// Writes tensors with `format` into `folder`, one at a time. `plan` says the rest; its tensors are filled in.
EASYLM_API void write_tensors(const CheckpointFormat& format, const std::filesystem::path& folder,
                              WritePlan plan, const std::vector<NamedTensor>& tensors);

// Writes `model` (weights from `weights` where given, else its own parameters) with config and tokenizer as a
// Hugging Face directory.
EASYLM_API void write_model(const CheckpointFormat& format, const std::filesystem::path& folder, Model& model,
                            const Tokenizer& tokenizer, const std::vector<NamedTensor>& weights);

}  // namespace easylm
