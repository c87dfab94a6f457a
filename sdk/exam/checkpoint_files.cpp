// Makes models, writes them, and compares them.
#include "checkpoint_files.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <utility>

#include "easylm/elements.h"
#include "easylm/error.h"
#include "neighbours.h"

namespace easylm::exam {
namespace {

namespace fs = std::filesystem;

constexpr DType kTypes[] = {DType::f64, DType::f32, DType::f16, DType::bf16, DType::i64,
                            DType::i32, DType::i16, DType::i8,  DType::u8,   DType::boolean};

std::vector<std::byte> random_bytes(const TensorInfo& tensor, RandomStream& random) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(tensor.num_bytes()));
  if (!is_float(tensor.dtype)) {
    const std::uint64_t limit = tensor.dtype == DType::boolean ? 2 : 256;
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.below(limit));
    return bytes;
  }
  std::vector<float> numbers(bytes.size() / static_cast<std::size_t>(size_of(tensor.dtype)));
  for (float& x : numbers) x = static_cast<float>(random.below(256)) / 64.0F - 2.0F;
  from_f32(numbers, tensor.dtype, bytes);
  return bytes;
}

Table llama_config(std::int64_t vocabulary) {
  Table config;
  config.type = "llama";
  const auto whole = [&](const char* key, std::int64_t x) { config.set(key, {x, {}}); };
  whole("hidden_size", 32);
  whole("intermediate_size", 48);
  whole("num_hidden_layers", 2);
  whole("num_attention_heads", 4);
  whole("num_key_value_heads", 2);
  whole("head_dim", 8);
  whole("max_position_embeddings", 64);
  whole("vocab_size", vocabulary);
  config.set("rms_norm_eps", {1e-5, {}});
  config.set("rope_theta", {1e4, {}});
  config.set("hidden_act", {std::string("silu"), {}});
  config.set("tie_word_embeddings", {false, {}});
  return config;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t n : shape) text += (text.empty() ? "" : ", ") + std::to_string(n);
  return "[" + text + "]";
}

// A format may hold numbers in a wider type, as long as they are the same numbers.
bool same_numbers(const TensorInfo& read, std::span<const std::byte> bytes, const TensorInfo& written,
                  std::span<const std::byte> wanted) {
  if (read.dtype == written.dtype) return std::ranges::equal(bytes, wanted);
  if (!is_float(read.dtype) || !is_float(written.dtype)) return false;
  std::vector<float> now(bytes.size() / static_cast<std::size_t>(size_of(read.dtype)));
  std::vector<float> before(wanted.size() / static_cast<std::size_t>(size_of(written.dtype)));
  to_f32(read.dtype, bytes, now);
  to_f32(written.dtype, wanted, before);
  return now == before;
}

}  // namespace

Model model_of(const Subject& subject, std::string what, std::vector<TensorInfo> tensors) {
  Model model{std::move(what), {}, {}};
  model.plan.tensors = std::move(tensors);
  RandomStream random = subject.random("exam.model");
  for (const TensorInfo& tensor : model.plan.tensors) model.bytes.push_back(random_bytes(tensor, random));
  return model;
}

Model tiny_llama(const Subject& subject, DType dtype) {
  const std::int64_t vocabulary = tokenizer_for(subject)->vocabulary_size();
  std::vector<TensorInfo> tensors{{"model.embed_tokens.weight", dtype, {vocabulary, 32}},
                                  {"model.norm.weight", dtype, {32}},
                                  {"lm_head.weight", dtype, {vocabulary, 32}}};
  for (const char* number : {"0", "1"}) {
    const std::string layer = "model.layers." + std::string(number) + ".";
    const auto add = [&](const char* name, std::vector<std::int64_t> shape) {
      tensors.push_back({layer + name + ".weight", dtype, std::move(shape)});
    };
    add("self_attn.q_proj", {32, 32});
    add("self_attn.k_proj", {16, 32});
    add("self_attn.v_proj", {16, 32});
    add("self_attn.o_proj", {32, 32});
    add("mlp.gate_proj", {48, 32});
    add("mlp.up_proj", {48, 32});
    add("mlp.down_proj", {32, 48});
    add("input_layernorm", {32});
    add("post_attention_layernorm", {32});
  }
  Model model = model_of(subject, "a LLaMA in " + std::string(name_of(dtype)), std::move(tensors));
  model.plan.model_config = llama_config(vocabulary);
  return model;
}

std::vector<Model> odd_models(const Subject& subject) {
  std::vector<Model> models;
  std::vector<TensorInfo> all;
  const auto add = [&](const std::string& what, const TensorInfo& tensor) {
    models.push_back(model_of(subject, what, {tensor}));
    all.push_back(tensor);
  };
  for (const DType dtype : kTypes) {
    const std::string type(name_of(dtype));
    add("a tensor of type " + type, {"type." + type, dtype, {5, 7}});
  }
  const std::vector<std::vector<std::int64_t>> shapes{
      {}, {1}, {0}, {3, 0, 2}, {1, 1, 1}, {7919}, {2, 3}, {2, 1, 3, 1, 2}, {1, 6007}};
  for (const auto& shape : shapes) {
    add("a tensor of shape " + shape_text(shape), {"shape." + shape_text(shape), DType::f32, shape});
  }
  for (const std::string& name : {std::string("a"), std::string("..a..b.."), std::string("with space"),
                                  std::string("größe/☃/\"quoted\""), std::string(300, 'n')}) {
    add("a tensor called " + shown(name), {name, DType::f32, {3}});
  }
  models.push_back(model_of(subject, "tensors of all types, shapes and names", std::move(all)));
  return models;
}

std::vector<Slice> shuffled_slices(const Model& model, std::int64_t most, RandomStream random) {
  std::vector<Slice> slices;
  for (std::size_t i = 0; i < model.bytes.size(); ++i) {
    const auto size = static_cast<std::int64_t>(model.bytes[i].size());
    for (std::int64_t at = 0; at < size;) {
      const auto piece = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(most))) + 1;
      slices.push_back({i, at, std::min(size, at + piece)});
      at = slices.back().end;
    }
  }
  for (std::size_t i = slices.size(); i > 1; --i) std::swap(slices[i - 1], slices[random.below(i)]);
  return slices;
}

std::unique_ptr<TensorWriter> writer_of(const CheckpointFormat& format, const fs::path& folder,
                                        const Model& model) {
  note("writing " + model.what);
  fs::create_directories(folder);
  try {
    return format.create(folder, model.plan);
  } catch (const Error& error) {
    expect(error.code() == ErrorCode::unsupported,
           model.what + " may be refused with Error{unsupported} only, and was with Error{" +
               std::string(name_of(error.code())) + "}: " + error.message());
    return nullptr;
  }
}

void write_slice(TensorWriter& writer, const Model& model, const Slice& slice) {
  writer.write(
      slice.tensor, slice.begin,
      std::span(model.bytes[slice.tensor])
          .subspan(static_cast<std::size_t>(slice.begin), static_cast<std::size_t>(slice.end - slice.begin)));
}

bool write_model(const CheckpointFormat& format, const fs::path& folder, const Model& model) {
  const auto writer = writer_of(format, folder, model);
  if (writer == nullptr) return false;
  for (std::size_t i = 0; i < model.bytes.size(); ++i) writer->write(i, 0, model.bytes[i]);
  writer->finish();
  return true;
}

Model written_model(const Subject& subject, const CheckpointFormat& format, const fs::path& folder) {
  std::vector<Model> models = odd_models(subject);
  for (Model* model : {&models.back(), &models[1]}) {
    if (write_model(format, folder, *model)) return std::move(*model);
  }
  Model llama = tiny_llama(subject, DType::f32);
  if (write_model(format, folder, llama)) return llama;
  throw NotApplicable("it writes nothing that the exam has");
}

fs::path path_to_open(const CheckpointFormat& format, const fs::path& folder) {
  if (format.probe(folder) > 0) return folder;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (format.probe(entry.path()) > 0) return entry.path();
  }
  throw Finding("probe() says of no file that it wrote itself that it can read it");
}

std::vector<std::byte> read_all(const TensorReader& reader, std::size_t index) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(reader.tensors()[index].num_bytes()));
  reader.read(index, 0, bytes);
  return bytes;
}

void expect_tensors(const TensorReader& reader, const Model& model, const std::string& what) {
  std::map<std::string, std::size_t> written;
  for (std::size_t i = 0; i < model.plan.tensors.size(); ++i) written[model.plan.tensors[i].name] = i;
  expect(reader.tensors().size() == written.size(),
         what + ": it has " + std::to_string(reader.tensors().size()) + " tensors in place of " +
             std::to_string(written.size()));
  std::size_t index = 0;
  for (const auto& [name, which] : written) {
    const TensorInfo& read = reader.tensors()[index];
    const TensorInfo& wanted = model.plan.tensors[which];
    expect(read.name == name, what + ": tensor " + std::to_string(index) + " is called " + shown(read.name) +
                                  ", and by name the next is " + shown(name));
    expect(read.shape == wanted.shape, what + ": " + shown(name) + " has the shape " +
                                           shape_text(read.shape) + " in place of " +
                                           shape_text(wanted.shape));
    if (read.stored_type.empty()) {
      expect(same_numbers(read, read_all(reader, index), wanted, model.bytes[which]),
             what + ": " + shown(name) + ", written as " + std::string(name_of(wanted.dtype)) +
                 " and read as " + std::string(name_of(read.dtype)) + ", has other numbers");
    } else {
      (void)read_all(reader, index);  // its numbers were rounded, as was asked for
    }
    ++index;
  }
}

}  // namespace easylm::exam
