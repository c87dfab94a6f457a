// Keeps batches, and puts together what several ranks read.
#include "dataset_rows.h"

#include "neighbours.h"

namespace easylm::exam {
namespace {

constexpr std::size_t kMostBatches = 5'000;  // of a pass: enough to see a rule broken, in seconds

std::string part_text(std::int64_t rank, std::int64_t world) {
  return "rank " + std::to_string(rank) + " of " + std::to_string(world);
}

// How often each target is trained, with what before it.
using Trained = std::map<std::tuple<std::int32_t, std::int32_t, float>, std::int64_t>;

void count_trained(const std::vector<KeptBatch>& batches, Trained& trained) {
  for (const KeptBatch& batch : batches) {
    for (std::size_t i = 0; i < batch.targets.size(); ++i) {
      if (batch.mask[i] > 0) ++trained[{batch.inputs[i], batch.targets[i], batch.mask[i]}];
    }
  }
}

std::int64_t total(const Trained& trained) {
  std::int64_t sum = 0;
  for (const auto& [target, count] : trained) sum += count;
  return sum;
}

}  // namespace

KeptBatch::KeptBatch(const TokenBatch& batch)
    : num_rows(batch.num_rows),
      length(batch.length),
      inputs(batch.inputs.begin(), batch.inputs.end()),
      targets(batch.targets.begin(), batch.targets.end()),
      mask(batch.mask.begin(), batch.mask.end()),
      segments(batch.segments.begin(), batch.segments.end()),
      first(batch.first) {}

bool KeptBatch::same_rows(const KeptBatch& other) const {
  return std::tie(num_rows, length, inputs, targets, mask, segments) ==
         std::tie(other.num_rows, other.length, other.inputs, other.targets, other.mask, other.segments);
}

std::shared_ptr<Dataset> opened(const Subject& subject, DatasetPass pass, Part part) {
  auto dataset = subject.make<Dataset>();
  dataset->open({tokenizer_for(subject), pass, part.rank, part.world});
  return dataset;
}

std::vector<KeptBatch> take(Dataset& dataset, std::size_t count) {
  std::vector<KeptBatch> batches;
  TokenBatch batch;
  while (batches.size() < count && dataset.next(batch)) batches.emplace_back(batch);
  return batches;
}

std::vector<KeptBatch> whole_pass(Dataset& dataset) {
  std::vector<KeptBatch> batches = take(dataset, kMostBatches);
  for (const KeptBatch& batch : batches) {
    expect(batch.first.epoch == 0,
           "a `once` pass begins again: a batch of it is at " + place_text(batch.first));
  }
  if (batches.size() == kMostBatches) {
    throw NotApplicable("its pass has more than " + std::to_string(kMostBatches) +
                        " batches: examine it with less data");
  }
  return batches;
}

DatasetPosition saved(const DatasetPosition& position) {
  return {position.epoch, position.batch, {}, position.state};
}

bool same_place(const DatasetPosition& a, const DatasetPosition& b) {
  return a.epoch == b.epoch && a.batch == b.batch && a.state == b.state;
}

std::string place_text(const DatasetPosition& position) {
  return "epoch " + std::to_string(position.epoch) + ", batch " + std::to_string(position.batch) +
         ", state " + shown(position.state);
}

void ranks_share_the_stream(const Subject& subject) {
  constexpr std::size_t kBatches = 40;
  const auto alone = opened(subject, DatasetPass::endless);
  const std::vector<KeptBatch> all = take(*alone, kBatches);
  expect(all.size() == kBatches, "an endless pass ended after " + std::to_string(all.size()) + " batches");
  for (const std::int64_t world : {2, 3}) {
    for (std::int64_t rank = 0; rank < world; ++rank) {
      note(part_text(rank, world));
      const auto dataset = opened(subject, DatasetPass::endless, {rank, world});
      const auto every = static_cast<std::size_t>(world);
      const std::vector<KeptBatch> mine = take(*dataset, kBatches / every);
      expect(mine.size() == kBatches / every, "an endless pass of " + part_text(rank, world) + " ended");
      for (std::size_t i = 0; i < mine.size(); ++i) {
        const std::size_t whole = i * every + static_cast<std::size_t>(rank);
        expect(mine[i].same_rows(all[whole]), "batch " + std::to_string(i) + " of " + part_text(rank, world) +
                                                  " should be batch " + std::to_string(whole) +
                                                  " of all, and isn't");
      }
    }
  }
}

void ranks_share_a_pass(const Subject& subject) {
  Trained alone;
  count_trained(whole_pass(*opened(subject, DatasetPass::once)), alone);
  for (const std::int64_t world : {2, 3, 7}) {
    Trained together;
    std::size_t count = 0;
    for (std::int64_t rank = 0; rank < world; ++rank) {
      note(part_text(rank, world));
      const std::vector<KeptBatch> mine = whole_pass(*opened(subject, DatasetPass::once, {rank, world}));
      if (rank == 0) count = mine.size();
      expect(mine.size() == count, "in a `once` pass rank 0 of " + std::to_string(world) + " has " +
                                       std::to_string(count) + " batches, and rank " + std::to_string(rank) +
                                       " " + std::to_string(mine.size()) +
                                       ": ranks that aren't in step wait for each other for ever");
      count_trained(mine, together);
    }
    expect(together == alone, "alone a `once` pass trains " + std::to_string(total(alone)) +
                                  " targets, and " + std::to_string(world) + " ranks together " +
                                  std::to_string(total(together)) +
                                  (total(together) == total(alone) ? " others" : "") +
                                  ": each is to be seen exactly once, and padding has mask 0");
  }
}

void resumes_on_other_ranks(const Subject& subject) {
  constexpr std::size_t kRead = 3;
  const auto first = opened(subject, DatasetPass::endless, {0, 2});
  const auto second = opened(subject, DatasetPass::endless, {1, 2});
  take(*first, kRead);
  take(*second, kRead);
  const DatasetPosition position = first->position();
  expect(same_place(position, second->position()), "after equally many batches rank 0 of 2 stands at " +
                                                       place_text(position) + ", and rank 1 at " +
                                                       place_text(second->position()));
  const auto alone = opened(subject, DatasetPass::endless);
  const std::vector<KeptBatch> all = take(*alone, 2 * kRead + 12);
  for (const std::int64_t world : {1, 3, 4}) {
    for (std::int64_t rank = 0; rank < world; ++rank) {
      note(part_text(rank, world));
      const auto dataset = opened(subject, DatasetPass::endless, {rank, world});
      dataset->seek(saved(position));
      const auto every = static_cast<std::size_t>(world);
      const std::vector<KeptBatch> mine = take(*dataset, 12 / every);
      for (std::size_t i = 0; i < mine.size(); ++i) {
        const std::size_t whole = 2 * kRead + i * every + static_cast<std::size_t>(rank);
        expect(mine[i].same_rows(all[whole]), "resumed from 2 ranks, batch " + std::to_string(i) + " of " +
                                                  part_text(rank, world) + " should be batch " +
                                                  std::to_string(whole) + " of all, and isn't");
      }
    }
  }
}

}  // namespace easylm::exam
