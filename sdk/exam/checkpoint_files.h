// What checkpoint formats are asked to write, and how it is compared with what they read.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "easylm/checkpoint_format.h"
#include "exam.h"

namespace easylm::exam {

// A plan with the bytes of its tensors.
struct Model {
  std::string what;  // for messages: "a tensor of type i8"
  WritePlan plan;
  std::vector<std::vector<std::byte>> bytes;  // one a tensor
};

// With numbers that every floating point type holds, so that they can be compared in any. `what` names it.
Model model_of(const Subject& subject, std::string what, std::vector<TensorInfo> tensors);

// A LLaMA of two layers as Hugging Face names its tensors, with its configuration.
Model tiny_llama(const Subject& subject, DType dtype);

// Tensors of one type or one shape or one name each, then all together; nothing that a LLaMA has.
std::vector<Model> odd_models(const Subject& subject);

// Bytes [begin, end) of a tensor.
struct Slice {
  std::size_t tensor = 0;
  std::int64_t begin = 0, end = 0;
};

// All of a model's bytes, in pieces of at most `most`; sizes and order are random.
std::vector<Slice> shuffled_slices(const Model& model, std::int64_t most, RandomStream random);

// A writer of it; null if the format refuses with Error{unsupported}.
std::unique_ptr<TensorWriter> writer_of(const CheckpointFormat& format, const std::filesystem::path& folder,
                                        const Model& model);
void write_slice(TensorWriter& writer, const Model& model, const Slice& slice);

// Whole tensors, then finish(). False if the format refuses the plan.
bool write_model(const CheckpointFormat& format, const std::filesystem::path& folder, const Model& model);

// A small model that the format takes, written into `folder`. Throws NotApplicable if it takes none.
Model written_model(const Subject& subject, const CheckpointFormat& format,
                    const std::filesystem::path& folder);

// The path by which probe() knows what was written into `folder`: the folder, or a file in it. Throws
// Finding.
std::filesystem::path path_to_open(const CheckpointFormat& format, const std::filesystem::path& folder);

// Throws Finding that begins with `what` if the reader has other tensors, or other bytes in them.
void expect_tensors(const TensorReader& reader, const Model& model, const std::string& what);

std::vector<std::byte> read_all(const TensorReader& reader, std::size_t index);

}  // namespace easylm::exam
