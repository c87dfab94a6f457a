// What old or careful writers repeat.
#include "easylm/extra_tensors.h"

#include <algorithm>

#include "checkpoint/tensor_slices.h"

namespace easylm {
namespace {

constexpr std::string_view kEmbedding = "model.embed_tokens.weight";

}  // namespace

std::string why_not_needed(const TensorReader& reader, std::size_t index) {
  const TensorInfo& tensor = reader.tensors()[index];
  if (tensor.name.ends_with(".rotary_emb.inv_freq")) return "models work it out for themselves";
  if (tensor.name != "lm_head.weight") return {};
  const auto embedding = index_of(reader, kEmbedding);
  if (!embedding) return {};
  const TensorInfo& tied = reader.tensors()[*embedding];
  if (tied.dtype != tensor.dtype || tied.shape != tensor.shape) return {};
  return same_bytes(reader, index, reader, *embedding) ? "repeats the embedding, to which the head is tied"
                                                       : std::string();
}

}  // namespace easylm
