// Components as plain descriptions.
#include "fake_descriptions.h"

namespace easylm::testing {
namespace {

struct Byte {
  static void describe(Schema<Byte>& /*s*/) {}
};

struct Text {
  Path path;
  std::int64_t sequence_length = 512, batch_size = 8;
  std::vector<std::string> suffixes{".txt"};
  static void describe(Schema<Text>& s) {
    s.field("path", &Text::path, "a file or a folder of text").required().must_exist();
    s.field("sequence_length", &Text::sequence_length, "of a row").at_least(1).unit("tokens");
    s.field("batch_size", &Text::batch_size, "rows of a batch").at_least(1);
    s.field("suffixes", &Text::suffixes, "of the files to read");
  }
};

struct Scaling {
  std::string kind = "linear";
  double factor = 1;
  static void describe(Schema<Scaling>& s) {
    s.field("kind", &Scaling::kind, "how").one_of({"linear", "dynamic", "llama3"});
    s.field("factor", &Scaling::factor, "how far").at_least(1);
  }
};

struct Llama {
  std::int64_t hidden_size = 0, num_attention_heads = 0, num_hidden_layers = 0;
  std::optional<std::int64_t> num_key_value_heads, vocab_size;
  std::int64_t max_position_embeddings = 2048;
  double dropout = 0;
  bool tie_word_embeddings = false;
  std::optional<Scaling> rope_scaling;
  Table attention{"sdpa", {}, {}};
  static void describe(Schema<Llama>& s) {
    s.field("hidden_size", &Llama::hidden_size, "width of the residual stream").required().at_least(1);
    s.field("num_attention_heads", &Llama::num_attention_heads, "query heads").required().at_least(1);
    s.field("num_hidden_layers", &Llama::num_hidden_layers, "blocks").required().at_least(1).at_most(1000);
    s.field("num_key_value_heads", &Llama::num_key_value_heads, "default: as many as query heads")
        .at_least(1);
    s.field("vocab_size", &Llama::vocab_size, "default: the tokenizer's").at_least(1);
    s.field("max_position_embeddings", &Llama::max_position_embeddings, "longest row").at_least(1);
    s.field("dropout", &Llama::dropout, "of the residual stream").at_least(0).at_most(1);
    s.field("tie_word_embeddings", &Llama::tie_word_embeddings, "one matrix for both ends");
    s.table("rope_scaling", &Llama::rope_scaling, "for rows longer than in training");
    s.component("attention", "attention", &Llama::attention, "the kernel");
    s.preset("llama2_7b", {{"hidden_size", {std::int64_t{4096}, {}}},
                           {"num_attention_heads", {std::int64_t{32}, {}}},
                           {"num_hidden_layers", {std::int64_t{32}, {}}},
                           {"attention", {Table{"reference", {}, {}}, {}}}});
    s.preset("llama3_8b", {{"hidden_size", {std::int64_t{4096}, {}}},
                           {"num_attention_heads", {std::int64_t{32}, {}}},
                           {"num_hidden_layers", {std::int64_t{32}, {}}},
                           {"num_key_value_heads", {std::int64_t{8}, {}}}});
    s.require("hidden_size % num_attention_heads == 0", "hidden_size",
              "hidden_size {hidden_size} can't be split over {num_attention_heads} heads",
              "make it a multiple of {num_attention_heads}");
    s.require("num_attention_heads % num_key_value_heads == 0", "num_key_value_heads",
              "{num_attention_heads} query heads can't share {num_key_value_heads} key/value heads");
    s.fact("head_width", "hidden_size / num_attention_heads");
    s.fact("parameters", "num_hidden_layers * 12 * hidden_size * hidden_size");
    s.fact("bytes", "4 * parameters");
    s.fact("embedding", "vocab_size * hidden_size");
  }
};

struct Kernel {
  double softcap = 0;
  static void describe(Schema<Kernel>& s) { s.field("softcap", &Kernel::softcap, "0: none").at_least(0); }
};

struct Constant {
  double value = 1e-3;
  static void describe(Schema<Constant>& s) { s.field("value", &Constant::value, "the rate").above(0); }
};

struct WarmupCosine {
  std::int64_t warmup_steps = 0;
  double peak = 1e-3, end = 0;
  static void describe(Schema<WarmupCosine>& s) {
    s.field("warmup_steps", &WarmupCosine::warmup_steps, "of rising").at_least(0).unit("steps");
    s.field("peak", &WarmupCosine::peak, "highest rate").above(0);
    s.field("end", &WarmupCosine::end, "last rate").at_least(0);
    s.require("end <= peak", "end", "the rate can't end at {end}, above its peak {peak}");
  }
};

struct Adamw {
  std::vector<double> betas{0.9, 0.95};
  double weight_decay = 0.1;
  Table schedule{"constant", {{"value", {2e-3, {}}}}, {}};
  static void describe(Schema<Adamw>& s) {
    s.field("betas", &Adamw::betas, "of the moments").at_least(0).at_most(1);
    s.field("weight_decay", &Adamw::weight_decay, "of matrices").at_least(0);
    s.component("schedule", "schedule", &Adamw::schedule, "the learning rate");
  }
};

struct Format {
  std::int64_t shard_bytes = 5'000'000'000;
  static void describe(Schema<Format>& s) {
    s.field("shard_bytes", &Format::shard_bytes, "largest file").at_least(1).unit("bytes");
  }
};

struct Jsonl {
  Path path;
  static void describe(Schema<Jsonl>& s) { s.field("path", &Jsonl::path, "default: in the run's folder"); }
};

struct Train {
  std::int64_t steps = 0, validate_every_steps = 0;
  static void describe(Schema<Train>& s) {
    s.field("steps", &Train::steps, "updates").required().at_least(1);
    s.field("validate_every_steps", &Train::validate_every_steps, "0: never").at_least(0);
    s.needs("model");
    s.needs("tokenizer");
    s.needs("optimizer");
    s.needs("dataset.train");
    s.can_use("dataset.validation");
    s.makes("model");
    s.makes("checkpoint");
    s.require(
        "dataset.train.sequence_length <= model.max_position_embeddings", "steps",
        "rows of {dataset.train.sequence_length} tokens don't fit {model.max_position_embeddings} positions",
        "make dataset.train.sequence_length smaller");
  }
};

struct Evaluate {
  std::vector<std::string> metrics{"loss"};
  static void describe(Schema<Evaluate>& s) {
    s.field("metrics", &Evaluate::metrics, "what to measure").one_of({"loss", "perplexity", "bits_per_byte"});
    s.needs("model");
    s.needs("tokenizer");
    s.needs("dataset.validation");
    s.makes("report");
    s.require("dataset.validation.sequence_length <= model.max_position_embeddings", "metrics",
              "rows of {dataset.validation.sequence_length} tokens are longer than the model's "
              "{model.max_position_embeddings} positions");
  }
};

struct Generate {
  std::string prompt = "\n";
  bool stream = true;
  static void describe(Schema<Generate>& s) {
    s.field("prompt", &Generate::prompt, "to go on from");
    s.field("stream", &Generate::stream, "text as it comes");
    s.needs("model");
    s.needs("tokenizer");
  }
};

struct Convert {
  static void describe(Schema<Convert>& s) { s.needs("checkpoint"); }
};

}  // namespace

FakeDescriptions FakeDescriptions::realistic() {
  FakeDescriptions fake;
  fake.add<Byte>("tokenizer", "byte", "A token for each byte.");
  fake.add<Text>("dataset", "text", "Windows of plain text.");
  fake.add<Llama>("model", "llama", "The LLaMA family.");
  fake.add<Kernel>("attention", "sdpa", "LibTorch's own.");
  fake.add<Kernel>("attention", "reference", "The oracle.");
  fake.add<Kernel>("attention", "bpt_cuda", "Blockwise.");
  fake.make_unavailable("attention", "bpt_cuda", "it needs an NVIDIA GPU, and this machine has none");
  fake.add<Constant>("schedule", "constant", "The same rate at every step.");
  fake.add<WarmupCosine>("schedule", "warmup_cosine", "Up, then down.");
  fake.add<Adamw>("optimizer", "adamw", "Adam with decay.");
  fake.add<Format>("checkpoint", "safetensors", "A Hugging Face directory.");
  fake.add<Jsonl>("tracker", "jsonl", "One line a step.");
  fake.add<Train>("stage", "train", "Trains.");
  fake.add<Evaluate>("stage", "evaluate", "Measures.");
  fake.add<Generate>("stage", "generate", "Samples.");
  fake.add<Convert>("stage", "convert", "Converts.");
  return fake;
}

void FakeDescriptions::add(ComponentDescription description) {
  const Key key{description.kind, description.name};
  descriptions_[key] = std::move(description);
}

void FakeDescriptions::make_unavailable(const std::string& kind, const std::string& name,
                                        const std::string& reason) {
  reasons_[{kind, name}] = reason;
}

const ComponentDescription* FakeDescriptions::find(std::string_view kind, std::string_view name) const {
  const auto found = descriptions_.find({std::string(kind), std::string(name)});
  return found == descriptions_.end() ? nullptr : &found->second;
}

std::vector<std::string> FakeDescriptions::names(std::string_view kind) const {
  std::vector<std::string> names;
  for (const auto& [key, description] : descriptions_) {
    if (key.first == kind) names.push_back(key.second);
  }
  return names;
}

std::optional<std::string> FakeDescriptions::reason_unavailable(std::string_view kind,
                                                                std::string_view name) const {
  const auto found = reasons_.find({std::string(kind), std::string(name)});
  return found == reasons_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace easylm::testing
