// Feeds anything to the restricted unpickler: it may refuse, and must not crash, hang or run anything.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "easylm/error.h"
#include "torch_bin/pickle.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace easylm;
  try {
    for (const torch_bin::PickledTensor& tensor :
         torch_bin::read_pickle(std::as_bytes(std::span(data, size)), "file")) {
      if (tensor.name.empty() || tensor.layout.shape.size() != tensor.layout.strides.size()) std::abort();
      try {
        tensor.layout.extent();
      } catch (const Error& error) {
        if (error.code() == ErrorCode::internal) std::abort();
      }
    }
  } catch (const Error& error) {
    if (error.code() == ErrorCode::internal) std::abort();
  }
  return 0;
}
