// Models between memory and disk.
#include "easylm/tensor/model_store.h"

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <utility>

#include "easylm/error.h"
#include "easylm/json.h"
#include "easylm/tensor/device.h"

namespace easylm {
namespace {

// Keys of a config.json that say nothing about what the model computes.
constexpr std::array<std::string_view, 12> kBookkeeping = {
    "architectures", "bos_token_id",   "dtype",           "eos_token_id",
    "pad_token_id",  "pretraining_tp", "torch_dtype",     "transformers_version",
    "_name_or_path", "use_cache",      "unsloth_version", "model_type"};

// Tensors that old files hold and every model works out for itself.
bool is_derived(std::string_view name) { return name.ends_with(".rotary_emb.inv_freq"); }

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

std::shared_ptr<CheckpointFormat> format_of(Host& host, const std::filesystem::path& path) {
  std::shared_ptr<CheckpointFormat> best;
  int best_score = 0;
  std::string tried;
  for (const std::string& name : host.available(CheckpointFormat::kKind)) {
    Table table;
    table.type = name;
    auto format = host.make<CheckpointFormat>(table);
    const int score = format->probe(path);
    if (score > best_score) {
      best = std::move(format);
      best_score = score;
    }
    tried += (tried.empty() ? "" : ", ") + name;
  }
  if (best) return best;
  throw Error(ErrorCode::unsupported, "no installed checkpoint format reads " + path.string(),
              "it should be a folder with config.json and weights, or a weights file; formats tried: " +
                  (tried.empty() ? "none" : tried));
}

// What `config` says of the model, as a table that the component's description accepts. What it leaves out is
// said.
Table known_settings(Host& host, const Table& config, const std::filesystem::path& path) {
  const std::vector<std::string> keys = host.keys(Model::kKind, config.type);
  Table table;
  table.type = config.type;
  for (const Setting& setting : config.settings) {
    if (std::ranges::find(keys, setting.key) != keys.end()) {
      table.set(setting.key, setting.value);
      continue;
    }
    if (std::ranges::find(kBookkeeping, setting.key) != kBookkeeping.end()) continue;
    host.warn("model", "left out a key of config.json that the model does not know",
              {{"key", std::string_view(setting.key)}, {"path", std::string_view(path.native())}});
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
  Table table = known_settings(host, config.value_or(artifact.config), artifact.path);
  for (const Setting& setting : artifact.config.settings) {
    if (setting.value.origin.source != "default") table.set(setting.key, setting.value);
  }
  return table;
}

ReadyModel from_files(StageContext& context, const Artifact& artifact, at::Device device,
                      at::ScalarType dtype) {
  const auto format = format_of(context.host(), artifact.path);
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

// A view of a stored tensor, on the CPU, read-only.
at::Tensor view_of(const TensorReader& reader, std::size_t index) {
  const TensorInfo& info = reader.tensors()[index];
  void* data =
      const_cast<std::byte*>(reader.bytes(index).data());  // NOLINT: from_blob takes no pointer to const
  return at::from_blob(data, info.shape, scalar_type_of(info.dtype));
}

bool is_float(DType dtype) {
  return dtype == DType::f64 || dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16;
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
      tensor.value.detach().copy_(view_of(reader, found->second));
    }
    stored.erase(found);
  }
}

// Some writers repeat the embedding as the head that is tied to it; the very same bytes are no contradiction.
bool repeats_embedding(const TensorReader& reader, std::size_t head) {
  const auto stored = index_of(reader);
  const auto embedding = stored.find("model.embed_tokens.weight");
  if (embedding == stored.end()) return false;
  const auto a = reader.bytes(head), b = reader.bytes(embedding->second);
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

std::vector<NamedTensor> named_parameters(Model& model) {
  std::vector<Parameter> parameters;
  model.parameters(parameters);
  std::vector<NamedTensor> named;
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
  const Artifact artifact = context.input("model");
  if (artifact.component) return from_component(context, artifact, device, dtype);
  return from_files(context, artifact, device, dtype);
}

std::shared_ptr<Tokenizer> obtain_tokenizer(StageContext& context) {
  auto tokenizer = std::dynamic_pointer_cast<Tokenizer>(context.input("tokenizer").component);
  if (tokenizer) return tokenizer;
  throw Error(ErrorCode::invalid_config, "no tokenizer was made for this stage",
              "add a [tokenizer] table to the pipeline file");
}

void load_weights(Model& model, const CheckpointFormat& format, const std::filesystem::path& path) {
  const auto reader = format.open(path);
  auto stored = index_of(*reader);
  Complaints complaints;
  read_wanted(*reader, named_parameters(model), stored, complaints);
  for (const auto& [name, index] : stored) {
    const bool repeated =
        model.facts().tied_head && name == "lm_head.weight" && repeats_embedding(*reader, index);
    if (!is_derived(name) && !repeated) complaints.add(name + " is in the file but not in the model");
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

void write_tensors(const CheckpointFormat& format, const std::filesystem::path& folder, WritePlan plan,
                   const std::vector<NamedTensor>& tensors) {
  for (const NamedTensor& tensor : tensors) {
    plan.tensors.push_back({tensor.name, dtype_of(tensor.value.scalar_type()), tensor.value.sizes().vec()});
  }
  const auto writer = format.create(folder, plan);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const at::Tensor value = tensors[i].value.detach().cpu().contiguous();
    writer->write(i, 0, {static_cast<const std::byte*>(value.const_data_ptr()), value.nbytes()});
  }
  writer->finish();
}

void write_model(const CheckpointFormat& format, const std::filesystem::path& folder, Model& model,
                 const Tokenizer& tokenizer, const std::vector<NamedTensor>& weights) {
  const std::vector<NamedTensor> tensors = weights.empty() ? named_parameters(model) : weights;
  EASYLM_CHECK(!tensors.empty(), "a model without parameters can't be written");
  WritePlan plan;
  plan.model_config = model.hf_config();
  set_special_ids(*plan.model_config, tokenizer.special());
  const bool bf16 = tensors.front().value.scalar_type() == at::kBFloat16;
  plan.model_config->set("torch_dtype", {std::string(bf16 ? "bfloat16" : "float32"), {}});
  plan.files = tokenizer.files();
  Table generation;
  set_special_ids(generation, tokenizer.special());
  plan.files.push_back({"generation_config.json", json_text(generation)});
  write_tensors(format, folder, std::move(plan), tensors);
}

}  // namespace easylm
