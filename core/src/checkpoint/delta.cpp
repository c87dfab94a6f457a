// Exclusive or, or subtraction, of tensors in slices.
#include "checkpoint/delta.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <system_error>
#include <utility>

#include "checkpoint/delta_facts.h"
#include "checkpoint/model_fit.h"
#include "checkpoint/new_output.h"
#include "checkpoint/plain_delta.h"
#include "checkpoint/sweep.h"
#include "checkpoint/tensor_slices.h"
#include "easylm/elements.h"
#include "easylm/error.h"
#include "easylm/hash.h"
#include "easylm/huggingface_folder.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStem = "delta";
constexpr const char* kFile = "delta.safetensors";

// What deltas, and what comes out of them, are written in: one file of tensors.
std::shared_ptr<CheckpointFormat> delta_format(Host& host) {
  Table table{.type = "safetensors", .settings = {}, .origin = {}};
  table.set("max_shard_size", {std::numeric_limits<std::int64_t>::max(), {}});
  return host.make<CheckpointFormat>(table);
}

void stop_if_told(const Host& host) {
  if (!host.stop().requested()) return;
  throw Error(ErrorCode::interrupted, "stopped; nothing was written", "give the same command again");
}

bool can_subtract(DeltaMethod method, DType dtype) {
  return method == DeltaMethod::exact || (is_float(dtype) && dtype != DType::f64);
}

std::vector<DeltaItem> items_of(const Host& host, const TensorReader& base, const TensorReader& target,
                                DeltaMethod method) {
  std::vector<DeltaItem> items;
  for (std::size_t i = 0; i < target.tensors().size(); ++i) {
    stop_if_told(host);
    const TensorInfo& tensor = target.tensors()[i];
    DeltaItem item{.target = {tensor.name, tensor.dtype, tensor.shape}, .kept = Kept::whole};
    const auto in_base = index_of(base, tensor.name);
    const bool alike = in_base && base.tensors()[*in_base].dtype == tensor.dtype &&
                       base.tensors()[*in_base].shape == tensor.shape;
    if (alike && same_bytes(base, *in_base, target, i)) {
      item.kept = Kept::same;
    } else if (alike && can_subtract(method, tensor.dtype)) {
      item.kept = Kept::changed;
    }
    items.push_back(std::move(item));
  }
  return items;
}

// Both ways between a tensor and its difference, a slice at a time.
class Arithmetic {
 public:
  Arithmetic(DeltaMethod method, DType dtype) : method_(method), dtype_(dtype) {}

  // → target - base
  std::span<const std::byte> subtract(std::span<const std::byte> target, std::span<const std::byte> base) {
    if (method_ == DeltaMethod::exact) return exclusive_or(target, base);
    load(target, base);
    for (std::size_t i = 0; i < first_.size(); ++i) first_[i] -= second_[i];
    return std::as_bytes(std::span(first_));
  }

  // → base + difference, whose elements are of type `stored`
  std::span<const std::byte> add(std::span<const std::byte> base, std::span<const std::byte> difference,
                                 DType stored) {
    if (method_ == DeltaMethod::exact) return exclusive_or(base, difference);
    first_.resize(base.size() / static_cast<std::size_t>(size_of(dtype_)));
    second_.resize(first_.size());
    to_f32(dtype_, base, first_);
    to_f32(stored, difference, second_);
    for (std::size_t i = 0; i < first_.size(); ++i) first_[i] += second_[i];
    bytes_.resize(base.size());
    from_f32(first_, dtype_, bytes_);
    return bytes_;
  }

 private:
  void load(std::span<const std::byte> a, std::span<const std::byte> b) {
    first_.resize(a.size() / static_cast<std::size_t>(size_of(dtype_)));
    second_.resize(first_.size());
    to_f32(dtype_, a, first_);
    to_f32(dtype_, b, second_);
  }

  std::span<const std::byte> exclusive_or(std::span<const std::byte> a, std::span<const std::byte> b) {
    bytes_.resize(a.size());
    std::ranges::transform(a, b, bytes_.begin(), std::bit_xor<>());
    return bytes_;
  }

  DeltaMethod method_;
  DType dtype_;
  std::vector<float> first_, second_;
  std::vector<std::byte> bytes_;
};

void count(DeltaReport& report, Kept kept) {
  switch (kept) {
    case Kept::same:
      ++report.same;
      break;
    case Kept::changed:
      ++report.changed;
      break;
    case Kept::whole:
      ++report.whole;
      break;
  }
}

void note_only_in_base(DeltaReport& report, const TensorReader& base, const std::vector<DeltaItem>& items) {
  for (const TensorInfo& tensor : base.tensors()) {
    const bool kept =
        std::ranges::any_of(items, [&](const DeltaItem& i) { return i.target.name == tensor.name; });
    if (!kept) report.only_in_base.push_back(tensor.name);
  }
}

std::unique_ptr<TensorReader> open_any(Host& host, const fs::path& path) {
  return find_format(host, path).format->open(path);
}

// The configuration as the file that a folder of a model has.
void add_config(WritePlan& plan, const TensorReader& target) {
  const auto config = target.model_config();
  if (!config) return;
  for (NamedFile& file : config_files(*config)) {
    const bool is_there =
        std::ranges::any_of(plan.files, [&](const NamedFile& f) { return f.name == file.name; });
    if (!is_there) plan.files.push_back(std::move(file));
  }
}

fs::path file_of_delta(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path / kFile, ignored) ? path / kFile : path;
}

// The file of a plain delta may need to be told how many heads its base has.
std::unique_ptr<TensorReader> open_plain(Host& host, const fs::path& path, const TensorReader& base) {
  const FoundFormat found = find_format(host, path);
  const auto* with_config = extension_of<ReadsWithConfig>(*found.format);
  const std::optional<Table> config = base.model_config();
  return with_config != nullptr && config ? with_config->open(path, *config) : found.format->open(path);
}

// A target's configuration and tokenizer lie beside its delta. A plain one without a tokenizer gets the
// base's of both.
WritePlan described_by(const TensorReader& delta, const TensorReader& base, bool plain) {
  WritePlan plan{.model_config = delta.model_config(), .files = delta.tokenizer_files()};
  if (plain && plan.files.empty()) {
    plan.model_config = base.model_config();
    plan.files = base.tokenizer_files();
  }
  return plan;
}

// What is written where, and from what.
struct Work {
  const Host& host;
  const TensorReader& base;
  TensorWriter& writer;
};

// Writes tensor `to` as what `make` makes of each slice of the base's tensor and of `other`'s.
template <typename Make>
void write_combined(const Work& work, const DeltaItem& item, std::size_t to, const TensorReader& other,
                    DType written, Make&& make) {
  const bool whole = item.kept == Kept::whole, same = item.kept == Kept::same;
  const auto in_base = index_of(work.base, item.target.name), in_other = index_of(other, item.target.name);
  SliceBuffer of_base, of_other;
  for_each_slice(item.target, [&](const Slice& slice) {
    stop_if_told(work.host);
    std::span<const std::byte> base, bytes;
    if (!whole) base = of_base.read(work.base, *in_base, slice);
    if (!same) bytes = of_other.read(other, *in_other, slice);
    if (!whole) bytes = same ? base : make(base, bytes);
    work.writer.write(to, slice.begin * size_of(written), bytes);
  });
}

void require_base(const TensorReader& base, const DeltaFacts& facts, const std::string& fingerprint,
                  const fs::path& path) {
  if (!facts.base.empty() && fingerprint != facts.base) {
    throw Error(ErrorCode::invalid_config,
                path.string() + " is not the model that the delta was made from: its fingerprint is " +
                    fingerprint.substr(0, 12) + ", the delta's base has " + facts.base.substr(0, 12),
                "give the very base, of the same element types; easylm diff says what differs");
  }
  for (const DeltaItem& item : facts.items) {
    if (item.kept == Kept::whole) continue;
    const auto index = index_of(base, item.target.name);
    if (index && base.tensors()[*index].dtype == item.target.dtype &&
        base.tensors()[*index].shape == item.target.shape) {
      continue;
    }
    throw Error(ErrorCode::corrupt, "the delta needs " + item.target.name + " of its base, which has no such",
                "make the delta again");
  }
}

// Compares what was written with what the delta promised, by reading it.
bool came_back(Host& host, const fs::path& folder, const DeltaFacts& facts) {
  if (facts.target.empty()) return false;
  if (fingerprint_of(host, *delta_format(host)->open(folder)) == facts.target) return true;
  if (facts.method == DeltaMethod::arithmetic) return false;
  throw Error(ErrorCode::corrupt, "what came out is not the target: the delta is damaged",
              "make the delta again");
}

}  // namespace

std::string fingerprint_of(const Host& host, const TensorReader& reader) {
  Sha256 hash;
  SliceBuffer buffer;
  for (std::size_t i = 0; i < reader.tensors().size(); ++i) {
    const TensorInfo& tensor = reader.tensors()[i];
    const std::string head =
        tensor.name + " " + std::string(name_of(tensor.dtype)) + " " + shape_text(tensor.shape) + "\n";
    hash.update(std::as_bytes(std::span(head)));
    for_each_slice(tensor, [&](const Slice& slice) {
      stop_if_told(host);
      hash.update(buffer.read(reader, i, slice));
    });
  }
  return hash.finish();
}

DeltaReport write_delta(Host& host, const DeltaRequest& request) {
  const auto base = open_any(host, request.base), target = open_any(host, request.target);
  FileSystem files;
  NewOutput output(request.to, {request.base, request.target}, files);
  const DeltaFacts facts{.method = request.method,
                         .base = fingerprint_of(host, *base),
                         .target = fingerprint_of(host, *target),
                         .items = items_of(host, *base, *target, request.method)};
  DeltaReport report{.to = request.to, .base = facts.base, .target = facts.target};
  WritePlan plan{.stem = kStem, .files = target->tokenizer_files(), .metadata = metadata_of(facts)};
  add_config(plan, *target);
  for (const DeltaItem& item : facts.items) {
    count(report, item.kept);
    if (item.kept == Kept::same) continue;
    plan.tensors.push_back({item.target.name, stored_dtype(item, facts.method), item.target.shape});
  }
  const auto writer = delta_format(host)->create(output.folder(), plan);
  const Work work{host, *base, *writer};
  std::size_t to = 0;
  for (const DeltaItem& item : facts.items) {
    if (item.kept == Kept::same) continue;
    Arithmetic arithmetic(facts.method, item.target.dtype);
    write_combined(work, item, to++, *target, stored_dtype(item, facts.method),
                   [&](auto of_base, auto of_target) { return arithmetic.subtract(of_target, of_base); });
  }
  writer->finish();
  note_only_in_base(report, *base, facts.items);
  report.bytes = bytes_in(output.folder());
  output.commit();
  return report;
}

DeltaReport apply_delta(Host& host, const ApplyRequest& request) {
  const auto base = open_any(host, request.base);
  const auto delta =
      request.plain ? open_plain(host, request.delta, *base) : open_any(host, file_of_delta(request.delta));
  const DeltaFacts facts = request.plain ? plain_delta_facts(*base, *delta, request.delta)
                                         : read_delta_facts(*delta, request.delta);
  FileSystem files;
  NewOutput output(request.to, {request.base, request.delta}, files);
  DeltaReport report{.to = request.to, .base = fingerprint_of(host, *base), .target = facts.target};
  require_base(*base, facts, report.base, request.base);
  WritePlan plan = described_by(*delta, *base, request.plain);
  for (const DeltaItem& item : facts.items) {
    count(report, item.kept);
    plan.tensors.push_back(item.target);
  }
  const auto writer = delta_format(host)->create(output.folder(), plan);
  const Work work{host, *base, *writer};
  for (std::size_t to = 0; to < facts.items.size(); ++to) {
    const DeltaItem& item = facts.items[to];
    Arithmetic arithmetic(facts.method, item.target.dtype);
    const auto in_delta = index_of(*delta, item.target.name);
    const DType stored = in_delta ? delta->tensors()[*in_delta].dtype : item.target.dtype;
    write_combined(work, item, to, *delta, item.target.dtype, [&](auto of_base, auto difference) {
      return arithmetic.add(of_base, difference, stored);
    });
  }
  writer->finish();
  report.exact = came_back(host, output.folder(), facts);
  note_only_in_base(report, *base, facts.items);
  report.bytes = bytes_in(output.folder());
  output.commit();
  return report;
}

}  // namespace easylm
