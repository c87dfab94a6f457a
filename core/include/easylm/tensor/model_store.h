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

// The same for what came in by another port.
EASYLM_API ReadyModel obtain_model(StageContext& context, const Artifact& artifact, at::Device device,
                                   at::ScalarType dtype);

// The tokenizer of the port "tokenizer".
EASYLM_API std::shared_ptr<Tokenizer> obtain_tokenizer(StageContext& context);

// Copies every parameter from the files at `path` into `model`. Throws Error that names each tensor that is
// missing, left over or of another shape.
EASYLM_API void load_weights(Model& model, CheckpointFormat& format, const std::filesystem::path& path);

// A tensor with the name under which it is stored.
struct NamedTensor {
  std::string name;
  at::Tensor value;
};

// Copies each of `tensors` from the file or folder at `path`, converting floating point types. Throws
// Error{corrupt} that names each one that is missing, left over or of another shape.
EASYLM_API void read_tensors(const CheckpointFormat& format, const std::filesystem::path& path,
                             const std::vector<NamedTensor>& tensors);

// Tensors that are to be written, with the small files beside them.
struct TensorFiles {
  std::filesystem::path folder;  // within a version; empty: its top
  WritePlan plan;                // of `tensors`
  std::vector<NamedTensor> tensors;
};

// `plan` is completed with what `tensors` are; `folder` stays empty.
EASYLM_API TensorFiles tensor_files(WritePlan plan, std::vector<NamedTensor> tensors);

// `model` with config and tokenizer: a Hugging Face directory. Its tensors are the model's own.
EASYLM_API TensorFiles model_files(Model& model, const Tokenizer& tokenizer);

// Writes `files` under `version`, one tensor at a time. [any-thread]
EASYLM_API void write_files(const CheckpointFormat& format, const std::filesystem::path& version,
                            const TensorFiles& files);

}  // namespace easylm
