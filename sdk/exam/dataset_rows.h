// Batches kept for comparison, and the tests of how ranks share a stream.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "easylm/dataset.h"
#include "exam.h"

namespace easylm::exam {

// A batch that outlives the dataset's next call.
struct KeptBatch {
  explicit KeptBatch(const TokenBatch& batch);

  // Whether both have the same rows, wherever they come from.
  bool same_rows(const KeptBatch& other) const;

  std::int64_t num_rows, length;
  std::vector<std::int32_t> inputs, targets;
  std::vector<float> mask;
  std::vector<std::int32_t> segments;
  DatasetPosition first;
};

struct Part {
  std::int64_t rank = 0, world = 1;
};

std::shared_ptr<Dataset> opened(const Subject& subject, DatasetPass pass, Part part = {});

// Up to `count` batches: fewer at the end of a pass.
std::vector<KeptBatch> take(Dataset& dataset, std::size_t count);

// All of a pass. Throws Finding if it begins again, NotApplicable if it is too long to be examined.
std::vector<KeptBatch> whole_pass(Dataset& dataset);

// What is saved of a position: all but the words for people.
DatasetPosition saved(const DatasetPosition& position);
bool same_place(const DatasetPosition& a, const DatasetPosition& b);
std::string place_text(const DatasetPosition& position);  // "epoch 0, batch 3, state ''"

// Tests.
void ranks_share_the_stream(const Subject& subject);
void ranks_share_a_pass(const Subject& subject);
void resumes_on_other_ranks(const Subject& subject);

}  // namespace easylm::exam
