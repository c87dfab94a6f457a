// What old or careful writers repeat.
#include "easylm/extra_tensors.h"

#include "checkpoint/tensor_slices.h"

namespace easylm {

std::string why_not_needed(const TensorReader& reader, std::size_t index) {
  const TensorInfo& tensor = reader.tensors()[index];
  if (tensor.name.ends_with(".rotary_emb.inv_freq")) return "models work it out for themselves";
  if (tensor.name != "lm_head.weight") return {};
  for (std::size_t i = 0; i < reader.tensors().size(); ++i) {  // each model has a name of its own for it
    const TensorInfo& tied = reader.tensors()[i];
    if (i == index || tied.dtype != tensor.dtype || tied.shape != tensor.shape) continue;
    if (same_bytes(reader, index, reader, i)) return "repeats the embedding, to which the head is tied";
  }
  return {};
}

}  // namespace easylm
