// Reads with one format and writes with another, a slice at a time.
#include "easylm/conversion.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <utility>

#include "checkpoint/model_fit.h"
#include "checkpoint/new_output.h"
#include "checkpoint/sweep.h"
#include "checkpoint/tensor_slices.h"
#include "easylm/elements.h"
#include "easylm/error.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;

std::string stored_type(const TensorInfo& tensor) {
  return tensor.stored_type.empty() ? std::string(name_of(tensor.dtype)) : tensor.stored_type;
}

// What Hugging Face calls an element type.
std::string torch_name(DType dtype) {
  switch (dtype) {
    case DType::f16:
      return "float16";
    case DType::bf16:
      return "bfloat16";
    default:
      return "float32";
  }
}

// The configuration's word for its weights follows them, under the key that it has.
void set_dtype(Table& config, DType dtype) {
  const bool newer = config.find("dtype") != nullptr;
  if (newer) config.set("dtype", {torch_name(dtype), {}});
  if (!newer || config.find("torch_dtype") != nullptr) config.set("torch_dtype", {torch_name(dtype), {}});
}

std::unique_ptr<TensorReader> open_with(CheckpointFormat& format, const fs::path& path,
                                        const std::optional<Table>& config) {
  const auto* with_config = extension_of<ReadsWithConfig>(format);
  return with_config == nullptr || !config ? format.open(path) : with_config->open(path, *config);
}

std::optional<Table> config_of(const TensorReader& reader, const ConversionRequest& request) {
  return request.model_config ? request.model_config : reader.model_config();
}

WritePlan plan_of(const TensorReader& reader, const std::vector<std::size_t>& taken,
                  const ConversionRequest& request) {
  const std::optional<DType> dtype = request.dtype;
  WritePlan plan;
  plan.model_config = config_of(reader, request);
  if (plan.model_config && dtype) set_dtype(*plan.model_config, *dtype);
  plan.files = reader.tokenizer_files();
  if (plan.files.empty()) plan.files = request.tokenizer_files;
  for (const std::size_t index : taken) {
    const TensorInfo& tensor = reader.tensors()[index];
    plan.tensors.push_back(
        {tensor.name, dtype && is_float(tensor.dtype) ? *dtype : tensor.dtype, tensor.shape});
  }
  return plan;
}

// Elements from one floating point type to another.
class Rounding {
 public:
  Rounding(DType from, DType to) : from_(from), to_(to) {}

  std::span<const std::byte> convert(std::span<const std::byte> bytes) {
    const std::size_t count = bytes.size() / static_cast<std::size_t>(size_of(from_));
    numbers_.resize(count);
    to_f32(from_, bytes, numbers_);
    result_.resize(count * static_cast<std::size_t>(size_of(to_)));
    from_f32(numbers_, to_, result_);
    if (may_overflow()) infinite_ += count_infinite(bytes);
    return result_;
  }
  std::int64_t became_infinite() const { return infinite_; }

 private:
  bool may_overflow() const {
    return from_ == DType::f64 || to_ == DType::f16 || (from_ == DType::f32 && to_ == DType::bf16);
  }

  // Numbers that are infinite now and were not.
  std::int64_t count_infinite(std::span<const std::byte> before) {
    std::int64_t count = 0;
    after_.resize(numbers_.size());
    to_f32(to_, result_, after_);
    for (std::size_t i = 0; i < after_.size(); ++i) {
      if (std::isinf(after_[i]) && !was_infinite(before, i)) ++count;
    }
    return count;
  }

  bool was_infinite(std::span<const std::byte> before, std::size_t i) const {
    if (from_ != DType::f64) return std::isinf(numbers_[i]);
    double number = 0;
    std::copy_n(before.data() + i * sizeof number, sizeof number, reinterpret_cast<std::byte*>(&number));
    return std::isinf(number);
  }

  DType from_, to_;
  std::vector<float> numbers_, after_;
  std::vector<std::byte> result_;
  std::int64_t infinite_ = 0;
};

// What is being converted, and how far.
class Conversion {
 public:
  Conversion(const Host& host, const ConversionRequest& request, const TensorReader& reader,
             const WritePlan& plan)
      : host_(host), request_(request), reader_(reader), plan_(plan) {}

  // Tensor `index` of the reader as number `to` of the plan.
  ConvertedTensor copy(std::size_t index, std::size_t to, TensorWriter& writer) {
    const TensorInfo &source = reader_.tensors()[index], &target = plan_.tensors[to];
    Rounding rounding(source.dtype, target.dtype);
    for_each_slice(source, [&](const Slice& slice) {
      if (host_.stop().requested()) {
        throw Error(ErrorCode::interrupted, "stopped while converting; nothing was written",
                    "give the same command again");
      }
      std::span<const std::byte> bytes = buffer_.read(reader_, index, slice);
      if (source.dtype != target.dtype) bytes = rounding.convert(bytes);
      writer.write(to, slice.begin * size_of(target.dtype), bytes);
    });
    if (request_.progress) {
      request_.progress(static_cast<std::int64_t>(to) + 1, static_cast<std::int64_t>(plan_.tensors.size()));
    }
    return {source.name, source.shape, stored_type(source), {}, rounding.became_infinite()};
  }

 private:
  const Host& host_;
  const ConversionRequest& request_;
  const TensorReader& reader_;
  const WritePlan& plan_;
  SliceBuffer buffer_;
};

// Opens what was written, so that nobody is given what can't be read, and says how it holds each tensor.
void read_back(const TensorReader& reader, ConversionReport& report) {
  for (ConvertedTensor& tensor : report.tensors) {
    const auto found = index_of(reader, tensor.name);
    if (!found || reader.tensors()[*found].shape != tensor.shape) {
      throw Error(ErrorCode::corrupt,
                  "format '" + report.to_format + "' wrote " + tensor.name + " and does not read it back",
                  "report it to the author of the format");
    }
    tensor.to = stored_type(reader.tensors()[*found]);
  }
}

}  // namespace

std::optional<DType> wanted_dtype(const std::string& word) {
  if (word == "keep") return std::nullopt;
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    if (word == name_of(dtype)) return dtype;
  }
  throw Error(ErrorCode::invalid_config, "'" + word + "' is no element type to convert to",
              "one of: f32, f16, bf16, keep");
}

ConversionReport convert_model(Host& host, const ConversionRequest& request) {
  const auto writing = host.make<CheckpointFormat>(request.format);
  const FoundFormat found = find_format(host, request.from);
  const auto reader = open_with(*found.format, request.from, request.model_config);
  ModelFit fit = fit_to_model(host, *reader, config_of(*reader, request));
  require_fit(fit, request.from.string());
  FileSystem files;
  NewOutput output(request.to, {request.from}, files);
  const WritePlan plan = plan_of(*reader, fit.taken, request);
  const auto writer = writing->create(output.folder(), plan);
  output.content();  // refuses a wrong kind of name before the work
  ConversionReport report{.from = request.from,
                          .to = request.to,
                          .from_format = found.name,
                          .to_format = request.format.type,
                          .tensors = {},
                          .left_out = std::move(fit.left_out),
                          .unchecked = std::move(fit.unchecked),
                          .files = {},
                          .bytes = 0};
  Conversion conversion(host, request, *reader, plan);
  for (std::size_t i = 0; i < fit.taken.size(); ++i) {
    report.tensors.push_back(conversion.copy(fit.taken[i], i, *writer));
  }
  writer->finish();
  read_back(*open_with(*writing, output.content(), plan.model_config), report);
  for (const NamedFile& file : plan.files) report.files.push_back(file.name);
  report.bytes = bytes_in(output.folder());
  output.commit();
  return report;
}

}  // namespace easylm
