// The pickle in a PyTorch file, read without running anything: of all that a pickle can ask for, only
// tensors, their storages and the dictionary that names them are made; everything else is refused by name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/checkpoint_format.h"
#include "easylm/strided.h"

namespace easylm::torch_bin {

struct PickledTensor {
  std::string name;
  DType dtype = DType::f32;
  Strided layout;                     // in its storage
  std::string_view storage;           // the key of the entry that holds it, in the pickle
  std::int64_t storage_elements = 0;  // as the pickle claims
};

// The tensors of a pickled dictionary of names to tensors, in its order; their layouts are not checked.
// Throws Error{corrupt} that begins with `where`, or Error{unsupported} that names what the pickle asks for.
std::vector<PickledTensor> read_pickle(std::span<const std::byte> pickle, std::string_view where);

}  // namespace easylm::torch_bin
