// A file that torch.save wrote, mapped: its tensors where they lie.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "easylm/checkpoint_format.h"
#include "easylm/mapped_file.h"
#include "easylm/strided.h"

namespace easylm::torch_bin {

struct TorchTensor {
  TensorInfo info;
  Strided layout;
  std::span<const std::byte> storage;  // all that `layout` reaches lies in it
};

class TorchFile {
 public:
  // Throws Error{corrupt} or Error{unsupported} that names the file and, where there is one, the tensor.
  explicit TorchFile(const std::filesystem::path& path);

  const std::vector<TorchTensor>& tensors() const { return tensors_; }  // as the file lists them

 private:
  MappedFile map_;
  std::vector<TorchTensor> tensors_;
};

// How sure it is that torch.save wrote the file at `path`, 0 to 100. Throws nothing.
int probe_torch_file(const std::filesystem::path& path);

// A tensor's bytes if they lie in row-major order and aligned to their elements; else empty.
std::span<const std::byte> bytes_in_place(const TorchTensor& tensor);

}  // namespace easylm::torch_bin
