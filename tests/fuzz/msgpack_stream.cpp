// Feeds anything to the reader of EasyLM's and flax's files: it may refuse, and must not crash, hang or hand
// out an array that lies outside of its file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "easylm/error.h"
#include "easylm_stream/llama_names.h"
#include "easylm_stream/tree.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace easylm;
  const auto file = std::as_bytes(std::span(data, size));
  try {
    for (const stream::Leaf& leaf : stream::read_tree(file, "file")) {
      stream::weight_of(leaf.path);
      std::size_t bytes = 0;
      for (const auto& part : leaf.data.parts) {
        if (part.data() < file.data() || part.data() + part.size() > file.data() + size) std::abort();
        bytes += part.size();
      }
      const bool is_known = leaf.is_array && leaf.dtype;
      if (is_known &&
          TensorInfo{{}, *leaf.dtype, leaf.shape}.num_bytes() != static_cast<std::int64_t>(bytes)) {
        std::abort();
      }
    }
  } catch (const Error& error) {
    if (error.code() == ErrorCode::internal) std::abort();
  }
  return 0;
}
