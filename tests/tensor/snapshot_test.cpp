// Copies that stay what they are.
#include "easylm/tensor/snapshot.h"

#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include <vector>

#include "easylm/tensor/aten.h"

namespace easylm {
namespace {

std::vector<TensorFiles> files_of(const std::vector<at::Tensor>& values) {
  std::vector<TensorFiles> files;
  for (const at::Tensor& value : values)
    files.push_back({.folder = {}, .plan = {}, .tensors = {{"x", value}}});
  return files;
}

TEST(Snapshot, HoldsWhatTensorsWere) {
  at::Tensor large = aten::full({600, 500}, 1.0);
  at::Tensor small = aten::full({3}, 2.0, at::kBFloat16);
  Snapshot snapshot;
  snapshot.prepare(files_of({large, small}));
  const std::vector<TensorFiles> taken = snapshot.take(files_of({large, small}));
  large.fill_(7);
  small.fill_(7);
  EXPECT_TRUE(aten::equal(taken[0].tensors[0].value, aten::full({600, 500}, 1.0)));
  EXPECT_TRUE(aten::equal(taken[1].tensors[0].value, aten::full({3}, 2.0, at::kBFloat16)));
}

TEST(Snapshot, UsesTheSameMemoryAgain) {
  Snapshot snapshot;
  const at::Tensor first = snapshot.take(files_of({aten::full({600, 500}, 1.0)}))[0].tensors[0].value;
  const at::Tensor second = snapshot.take(files_of({aten::full({600, 500}, 2.0)}))[0].tensors[0].value;
  EXPECT_EQ(first.data_ptr(), second.data_ptr());
  EXPECT_TRUE(aten::equal(second, aten::full({600, 500}, 2.0)));
}

TEST(Snapshot, FitsTensorsThatAreNotWhatItWasPreparedFor) {
  Snapshot snapshot;
  snapshot.prepare(files_of({aten::full({2}, 1.0)}));
  const at::Tensor wide = aten::full({2, 3}, 4.0).t();
  const std::vector<TensorFiles> taken = snapshot.take(files_of({wide, aten::full({}, 5.0)}));
  EXPECT_TRUE(aten::equal(taken[0].tensors[0].value, wide));
  EXPECT_TRUE(aten::equal(taken[1].tensors[0].value, aten::full({}, 5.0)));
}

}  // namespace
}  // namespace easylm
