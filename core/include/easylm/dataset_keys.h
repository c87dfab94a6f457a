// Keys that datasets share, and how a dataset describes those that it inherits.
#pragma once

#include <cstdint>

#include "easylm/schema.h"

namespace easylm {

// A member of a base class as one of C's own, which is what Schema<C> takes.
template <typename C, typename T, typename Base>
T C::*inherited(T Base::*member) {
  return member;
}

// The shape of a batch. C has sequence_length and batch_size.
template <typename C>
void describe_batches(Schema<C>& s) {
  s.field("sequence_length", inherited<C>(&C::sequence_length), "length of a row")
      .at_least(1)
      .unit("tokens")
      .required();
  s.field("batch_size", inherited<C>(&C::batch_size), "rows of a batch, on each rank")
      .at_least(1)
      .unit("rows")
      .required();
  s.fact("tokens_per_batch", "sequence_length * batch_size");
  s.require(
      "sequence_length * batch_size <= 2147483647", "batch_size",
      "sequence_length = {sequence_length} times batch_size = {batch_size} is more than a batch can hold",
      "lower batch_size");
}

}  // namespace easylm
