// Writes safetensors files. The header goes in last, so that a file that was never finished can't be read.
#include "writer.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "easylm/output_file.h"
#include "easylm/shard_index.h"
#include "header.h"

namespace easylm::safetensors {
namespace {

namespace fs = std::filesystem;

// The plan's tensors in its order, cut into shards.
std::vector<std::vector<std::size_t>> cut_into_shards(const WritePlan& plan, std::int64_t max_shard_bytes) {
  std::vector<std::vector<std::size_t>> shards(1);
  std::int64_t filled = 0;
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    const std::int64_t bytes = plan.tensors[i].num_bytes();
    if (!shards.back().empty() && bytes > max_shard_bytes - filled) {
      shards.emplace_back();
      filled = 0;
    }
    shards.back().push_back(i);
    filled += bytes;
  }
  return shards;
}

std::string shard_name(const std::string& stem, std::size_t shard, std::size_t count) {
  if (count == 1) return stem + ".safetensors";
  char suffix[64];
  std::snprintf(suffix, sizeof suffix, "-%05zu-of-%05zu.safetensors", shard + 1, count);
  return stem + suffix;
}

class Writer final : public TensorWriter {
 public:
  Writer(const fs::path& folder, const WritePlan& plan, std::int64_t max_shard_bytes);

  void write(std::size_t index, std::int64_t offset, std::span<const std::byte> data) override;
  void finish() override;

 private:
  struct Shard {
    OutputFile file;
    std::string header;
  };
  struct Place {
    std::size_t shard = 0;
    std::int64_t begin = 0;  // in the file
  };

  void add_shard(const fs::path& file, const WritePlan& plan, std::vector<std::size_t> tensors);

  WriteProgress progress_;
  std::vector<Shard> shards_;
  std::vector<Place> places_;  // one a tensor of the plan
};

Writer::Writer(const fs::path& folder, const WritePlan& plan, std::int64_t max_shard_bytes)
    : progress_(plan), places_(plan.tensors.size()) {
  const auto shards = cut_into_shards(plan, max_shard_bytes);
  WeightMap files;
  std::int64_t total_bytes = 0;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const std::string name = shard_name(plan.stem, i, shards.size());
    for (const std::size_t tensor : shards[i]) {
      files[plan.tensors[tensor].name] = name;
      total_bytes += plan.tensors[tensor].num_bytes();
    }
    add_shard(folder / name, plan, shards[i]);
  }
  if (shards.size() > 1) {
    OutputFile index(folder / (plan.stem + ".safetensors.index.json"));
    index.write_at(0, index_text(files, total_bytes));
    index.close();
  }
  write_small_files(folder, plan);
}

// Large elements first, as the reference implementation does: then every tensor is aligned to its elements.
void Writer::add_shard(const fs::path& file, const WritePlan& plan, std::vector<std::size_t> tensors) {
  std::sort(tensors.begin(), tensors.end(), [&](std::size_t a, std::size_t b) {
    const TensorInfo &x = plan.tensors[a], &y = plan.tensors[b];
    return std::tuple(-size_of(x.dtype), std::string_view(x.name)) <
           std::tuple(-size_of(y.dtype), std::string_view(y.name));
  });
  std::vector<Entry> entries;
  std::int64_t at = 0;
  for (const std::size_t tensor : tensors) {
    const std::int64_t bytes = plan.tensors[tensor].num_bytes();
    entries.push_back({plan.tensors[tensor], at, at + bytes});
    places_[tensor] = {shards_.size(), at};
    at += bytes;
  }
  Shard& shard = shards_.emplace_back(Shard{OutputFile(file), header_bytes(entries, plan.metadata)});
  const auto header_size = static_cast<std::int64_t>(shard.header.size());
  for (const std::size_t tensor : tensors) places_[tensor].begin += header_size;
  shard.file.reserve(header_size + at);
}

void Writer::write(std::size_t index, std::int64_t offset, std::span<const std::byte> data) {
  progress_.add(index, offset, static_cast<std::int64_t>(data.size()));
  const Place& place = places_[index];
  shards_[place.shard].file.write_at(place.begin + offset,
                                     {reinterpret_cast<const char*>(data.data()), data.size()});
}

void Writer::finish() {
  progress_.check_complete();
  for (Shard& shard : shards_) {
    shard.file.write_at(0, shard.header);
    shard.file.close();
  }
}

}  // namespace

std::unique_ptr<TensorWriter> create_files(const fs::path& folder, const WritePlan& plan,
                                           std::int64_t max_shard_bytes) {
  return std::make_unique<Writer>(folder, plan, max_shard_bytes);
}

}  // namespace easylm::safetensors
