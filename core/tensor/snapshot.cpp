// Copies into memory that stays.
#include "easylm/tensor/snapshot.h"

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <utility>

#include "easylm/tensor/aten.h"

namespace easylm {
namespace {

void touch(const at::Tensor& place) {
  constexpr std::size_t kPage = 4096;
  auto* bytes = static_cast<volatile std::byte*>(place.mutable_data_ptr());
  for (std::size_t i = 0; i < place.nbytes(); i += kPage) bytes[i] = std::byte{0};
}

}  // namespace

void Snapshot::prepare(const std::vector<TensorFiles>& files) {
  fit(files);
  touching_ = std::jthread([this](const std::stop_token& stop) {
    for (const at::Tensor& place : places_) {
      if (stop.stop_requested()) return;
      touch(place);
    }
  });
}

std::vector<TensorFiles> Snapshot::take(std::vector<TensorFiles> files) {
  if (touching_.joinable()) touching_.join();
  fit(files);
  auto place = places_.begin();
  for (TensorFiles& part : files) {
    for (NamedTensor& tensor : part.tensors) {
      place->copy_(tensor.value.detach());
      tensor.value = *place++;
    }
  }
  return files;
}

// Makes the places that are missing or of another shape or type.
void Snapshot::fit(const std::vector<TensorFiles>& files) {
  std::size_t count = 0;
  for (const TensorFiles& part : files) {
    for (const NamedTensor& tensor : part.tensors) {
      if (count == places_.size()) places_.emplace_back();
      at::Tensor& place = places_[count++];
      const at::Tensor& value = tensor.value;
      if (place.defined() && place.sizes() == value.sizes() && place.scalar_type() == value.scalar_type())
        continue;
      place = aten::empty(value.sizes(), at::TensorOptions(value.scalar_type()));
    }
  }
}

}  // namespace easylm
