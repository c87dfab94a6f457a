// A model and its training state as they were at one step, while training goes on.
#pragma once

#include <thread>
#include <vector>

#include "easylm/export.h"
#include "easylm/tensor/model_store.h"

namespace easylm {

// Used by one thread.
class EASYLM_API Snapshot {
 public:
  // Takes the memory that copies of `files` need, and has a thread touch it: the first write to a page waits
  // until the system has found it, for a gigabyte up to seconds. Without this the first take() waits.
  void prepare(const std::vector<TensorFiles>& files);

  // `files` with copies of their tensors in the memory of the CPU.
  // REQUIRES: nobody uses the copies of the take() before, which these write over.
  std::vector<TensorFiles> take(std::vector<TensorFiles> files);

 private:
  void fit(const std::vector<TensorFiles>& files);

  std::vector<at::Tensor> places_;  // one a tensor of the files, in their order
  std::jthread touching_;           // the last member: it uses the places
};

}  // namespace easylm
