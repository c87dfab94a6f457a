// Models between memory and disk.
#include "easylm/tensor/model_store.h"

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <array>
#include <map>
#include <system_error>
#include <utility>

#include "easylm/elements.h"
#include "easylm/error.h"
#include "easylm/extra_tensors.h"
#include "easylm/json.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/device.h"
#include "easylm/tokenizer_settings.h"

namespace easylm {
namespace {

constexpr const char* kGenerationConfig = "generation_config.json";

// Keys of a config.json that say nothing about what the model computes.
constexpr std::array<std::string_view, 12> kBookkeeping = {
    "architectures", "bos_token_id",   "dtype",           "eos_token_id",
    "pad_token_id",  "pretraining_tp", "torch_dtype",     "transformers_version",
    "_name_or_path", "use_cache",      "unsloth_version", "model_type"};

void move_parameters(Model& model, at::Device device, at::ScalarType dtype) {
  std::vector<Parameter> parameters;
  model.parameters(parameters);
  const at::NoGradGuard no_grad;
  for (const Parameter& parameter : parameters) {
    if (parameter.value.device() == device && parameter.value.scalar_type() == dtype) continue;
    parameter.value.set_data(parameter.value.detach().to(device, dtype));
  }
}

ReadyModel from_component(StageContext& context, const Artifact& artifact, at::Device device,
                          at::ScalarType dtype) {
  auto model = std::dynamic_pointer_cast<Model>(artifact.component);
  if (!model) {
    throw Error(ErrorCode::plugin,
                "what came in as 'model' does not implement " + std::string(Model::kInterface),
                "rebuild the plugin against this version of EasyLM");
  }
  if (model->materialised()) {
    move_parameters(*model, device, dtype);
    return {std::move(model), artifact.uri};
  }
  model->materialise(device, dtype);
  model->initialise(context.host());
  return {std::move(model), {}};
}

// What `config` says of the model, as a table that the component's description accepts. What it leaves out is
// said.
Table known_settings(Host& host, const Table& config, const std::filesystem::path& path) {
  const std::vector<std::string> keys = host.keys(Model::kKind, config.type);
  Table table;
  table.type = config.type;
  std::string unknown;
  for (const Setting& setting : config.settings) {
    if (std::ranges::find(keys, setting.key) != keys.end()) {
      table.set(setting.key, setting.value);
    } else if (std::ranges::find(kBookkeeping, setting.key) == kBookkeeping.end()) {
      unknown += (unknown.empty() ? "" : ",") + setting.key;
    }
  }
  if (!unknown.empty()) {
    host.warn("model", "left out keys of config.json that the model does not know",
              {{"keys", std::string_view(unknown)}, {"path", std::string_view(path.native())}});
  }
  return table;
}

Table model_table(Host& host, const CheckpointFormat& format, const Artifact& artifact) {
  std::optional<Table> config = format.open(artifact.path)->model_config();
  if (config && !artifact.config.type.empty()) config->type = artifact.config.type;
  if (!config && artifact.config.type.empty()) {
    throw Error(ErrorCode::invalid_config, artifact.path.string() + " holds no model configuration",
                "give the [model] table a type and its sizes beside `from`");
  }
  if (!config) return known_settings(host, artifact.config, artifact.path);
  Table table = known_settings(host, *config, artifact.path);
  for (const Setting& setting : artifact.config.settings) {
    if (setting.value.origin.source != "default") table.set(setting.key, setting.value);
  }
  return table;
}

ReadyModel from_files(StageContext& context, const Artifact& artifact, at::Device device,
                      at::ScalarType dtype) {
  const auto format = find_format(context.host(), artifact.path).format;
  auto model = context.host().make<Model>(model_table(context.host(), *format, artifact));
  model->materialise(device, dtype);
  load_weights(*model, *format, artifact.path);
  return {std::move(model), artifact.uri};
}

std::string shape_text(at::IntArrayRef shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + "]";
}

// Everything that is wrong with a set of tensors, as one error.
class Complaints {
 public:
  void add(std::string text) { texts_.push_back(std::move(text)); }

  void throw_if_any(const std::filesystem::path& path) const {
    if (texts_.empty()) return;
    constexpr std::size_t kShown = 20;
    std::string message = path.string() + " does not fit: ";
    for (std::size_t i = 0; i < std::min(kShown, texts_.size()); ++i)
      message += (i == 0 ? "" : "; ") + texts_[i];
    if (texts_.size() > kShown) message += "; and " + std::to_string(texts_.size() - kShown) + " more";
    throw Error(ErrorCode::corrupt, message, "check that config and weights belong to the same model");
  }

 private:
  std::vector<std::string> texts_;
};

// A stored tensor on the CPU, read-only: a view if there is one, else a copy.
at::Tensor stored_tensor(const TensorReader& reader, std::size_t index) {
  const TensorInfo& info = reader.tensors()[index];
  const std::span<const std::byte> view = reader.view(index);
  if (!view.empty()) {
    void* data = const_cast<std::byte*>(view.data());  // NOLINT: from_blob takes no pointer to const
    return aten::from_blob(data, info.shape, scalar_type_of(info.dtype));
  }
  at::Tensor copy = aten::empty(info.shape, scalar_type_of(info.dtype));
  reader.read(index, 0, {static_cast<std::byte*>(copy.mutable_data_ptr()), copy.nbytes()});
  return copy;
}

std::map<std::string, std::size_t> index_of(const TensorReader& reader) {
  std::map<std::string, std::size_t> index;
  for (std::size_t i = 0; i < reader.tensors().size(); ++i) index[reader.tensors()[i].name] = i;
  return index;
}

// Copies each wanted tensor and takes its name out of `stored`, so that what is left over remains.
void read_wanted(const TensorReader& reader, const std::vector<NamedTensor>& wanted,
                 std::map<std::string, std::size_t>& stored, Complaints& complaints) {
  const at::NoGradGuard no_grad;
  for (const NamedTensor& tensor : wanted) {
    const auto found = stored.find(tensor.name);
    if (found == stored.end()) {
      complaints.add(tensor.name + " is missing");
      continue;
    }
    const TensorInfo& info = reader.tensors()[found->second];
    if (at::IntArrayRef(info.shape) != tensor.value.sizes()) {
      complaints.add(tensor.name + " is " + shape_text(info.shape) + ", expected " +
                     shape_text(tensor.value.sizes()));
    } else if (!is_float(info.dtype)) {
      complaints.add(tensor.name + " holds " + std::string(name_of(info.dtype)) +
                     ", not floating point numbers");
    } else {
      tensor.value.detach().copy_(stored_tensor(reader, found->second));
    }
    stored.erase(found);
  }
}

std::vector<NamedTensor> named_parameters(Model& model) {
  std::vector<Parameter> parameters;
  model.parameters(parameters);
  std::vector<NamedTensor> named;
  named.reserve(parameters.size());
  for (const Parameter& parameter : parameters) named.push_back({parameter.name, parameter.value});
  return named;
}

Value ids_value(const std::vector<TokenId>& ids) {
  if (ids.size() == 1) return {std::int64_t{ids.front()}, {}};
  List list;
  for (const TokenId id : ids) list.push_back({std::int64_t{id}, {}});
  return {std::move(list), {}};
}

// The special ids under the names that Hugging Face gives them, in config.json and in generation_config.json.
void set_special_ids(Table& table, const SpecialTokens& special) {
  if (special.bos) table.set("bos_token_id", {std::int64_t{*special.bos}, {}});
  if (!special.stop.empty()) table.set("eos_token_id", ids_value(special.stop));
  if (special.pad) table.set("pad_token_id", {std::int64_t{*special.pad}, {}});
}

}  // namespace

ReadyModel obtain_model(StageContext& context, at::Device device, at::ScalarType dtype) {
  return obtain_model(context, context.input("model"), device, dtype);
}

ReadyModel obtain_model(StageContext& context, const Artifact& artifact, at::Device device,
                        at::ScalarType dtype) {
  if (artifact.component) return from_component(context, artifact, device, dtype);
  return from_files(context, artifact, device, dtype);
}

std::shared_ptr<Tokenizer> obtain_tokenizer(StageContext& context) {
  auto tokenizer = std::dynamic_pointer_cast<Tokenizer>(context.input("tokenizer").component);
  if (tokenizer) return tokenizer;
  throw Error(ErrorCode::invalid_config, "no tokenizer was made for this stage",
              "add a [tokenizer] table to the pipeline file");
}

void load_weights(Model& model, CheckpointFormat& format, const std::filesystem::path& path) {
  const auto* with_config = extension_of<ReadsWithConfig>(format);
  const auto reader = with_config == nullptr ? format.open(path) : with_config->open(path, model.hf_config());
  auto stored = index_of(*reader);
  Complaints complaints;
  read_wanted(*reader, named_parameters(model), stored, complaints);
  for (const auto& [name, index] : stored) {
    if (why_not_needed(*reader, index).empty()) complaints.add(name + " is in the file but not in the model");
  }
  complaints.throw_if_any(path);
}

void read_tensors(const CheckpointFormat& format, const std::filesystem::path& path,
                  const std::vector<NamedTensor>& tensors) {
  const auto reader = format.open(path);
  auto stored = index_of(*reader);
  Complaints complaints;
  read_wanted(*reader, tensors, stored, complaints);
  for (const auto& [name, index] : stored) complaints.add(name + " is in the file but not expected");
  complaints.throw_if_any(path);
}

TensorFiles tensor_files(WritePlan plan, std::vector<NamedTensor> tensors) {
  for (const NamedTensor& tensor : tensors) {
    plan.tensors.push_back({tensor.name, dtype_of(tensor.value.scalar_type()), tensor.value.sizes().vec()});
  }
  return {{}, std::move(plan), std::move(tensors)};
}

TensorFiles model_files(Model& model, const Tokenizer& tokenizer) {
  std::vector<NamedTensor> tensors = named_parameters(model);
  EASYLM_CHECK(!tensors.empty(), "a model without parameters can't be written");
  WritePlan plan;
  plan.model_config = model.hf_config();
  set_special_ids(*plan.model_config, tokenizer.special());
  const bool bf16 = tensors.front().value.scalar_type() == at::kBFloat16;
  plan.model_config->set("torch_dtype", {std::string(bf16 ? "bfloat16" : "float32"), {}});
  plan.files = tokenizer.files();
  if (find_file(plan.files, kGenerationConfig) == nullptr) {
    Table generation;
    set_special_ids(generation, tokenizer.special());
    plan.files.push_back({kGenerationConfig, json_text(generation)});
  }
  return tensor_files(std::move(plan), std::move(tensors));
}

void write_files(const CheckpointFormat& format, const std::filesystem::path& version,
                 const TensorFiles& files) {
  const std::filesystem::path folder = version / files.folder;
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  if (problem) {
    throw Error(ErrorCode::io, folder.string() + " can't be made: " + problem.message(),
                "check the disk, and that the folder above it can be written");
  }
  const auto writer = format.create(folder, files.plan);
  for (std::size_t i = 0; i < files.tensors.size(); ++i) {
    const at::Tensor value = files.tensors[i].value.detach().cpu().contiguous();
    writer->write(i, 0, {static_cast<const std::byte*>(value.const_data_ptr()), value.nbytes()});
  }
  writer->finish();
}

}  // namespace easylm
