// Writes tokenizer.json by hand: its lists are long, and everything else in it is short.
#include "tokenizer_files.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "easylm/error.h"
#include "easylm/json.h"
#include "pre_tokenizers.h"
#include "sentencepiece.h"
#include "vocabulary.h"

namespace easylm::gguf {
namespace {

// What tokenizer.json says beside its vocabulary.
struct Model {
  std::string normalizer = "null", pre_tokenizer = "null", decoder;
  std::string unknown = "null";
  bool fuses_unknown = false, falls_back_to_bytes = false, ignores_merges = false;
  std::vector<Merge> merges;
};

struct Marks {
  bool bos = false, eos = false;
};

std::string said(bool x) { return x ? "true" : "false"; }

[[noreturn]] void refuse_unknown(const Metadata& metadata, std::string_view key, std::string_view name) {
  throw Error(ErrorCode::unsupported,
              metadata.where() + ": metadata " + json_quoted(key) + " is " + json_quoted(name) +
                  ", a tokenizer that we don't know",
              "get the tokenizer's own files, and name their folder as the path of [tokenizer]");
}

const PreTokenizer& pre_tokenizer_of(const Metadata& metadata) {
  const std::string_view name = metadata.text(kPreKey).value_or("default");  // as files had it before the key
  const PreTokenizer* found = find_pre_tokenizer(name);
  if (found == nullptr) refuse_unknown(metadata, kPreKey, name);
  return *found;
}

std::vector<Merge> stored_merges(const Metadata& metadata) {
  std::vector<Merge> merges;
  for (const std::string_view text : metadata.texts(kMergesKey).value_or(std::vector<std::string_view>())) {
    const std::size_t space = text.find(' ', 1);
    if (space == std::string_view::npos || space + 1 == text.size()) {
      metadata.refuse(kMergesKey, "holds " + json_quoted(text) + ", which is not two tokens");
    }
    merges.emplace_back(text.substr(0, space), text.substr(space + 1));
  }
  return merges;
}

Model byte_level(const Metadata& metadata) {
  const PreTokenizer& pre_tokenizer = pre_tokenizer_of(metadata);
  if (metadata.boolean(kAddSpaceKey).value_or(false)) {
    throw Error(ErrorCode::unsupported,
                metadata.where() + ": metadata " + json_quoted(kAddSpaceKey) +
                    " is true beside a byte-level tokenizer",
                "get the tokenizer's own files, and name their folder as the path of [tokenizer]");
  }
  Model model;
  model.pre_tokenizer = pre_tokenizer_json(pre_tokenizer);
  model.decoder =
      R"({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true})";
  model.ignores_merges = pre_tokenizer.ignore_merges;
  model.merges = stored_merges(metadata);
  return model;
}

std::vector<Merge> merges_from_scores(const Metadata& metadata, const Vocabulary& vocabulary) {
  const auto scores = metadata.reals(kScoresKey);
  if (!scores || scores->size() != vocabulary.tokens.size()) {
    metadata.refuse(kScoresKey, "does not hold a score for each of the " +
                                    std::to_string(vocabulary.tokens.size()) + " tokens");
  }
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < vocabulary.tokens.size(); ++i) {
    const TokenType type = vocabulary.types[i];
    pieces.push_back(
        {vocabulary.tokens[i], (*scores)[i],
         type == TokenType::normal || type == TokenType::user_defined || type == TokenType::unused});
  }
  return merges_of(pieces);
}

Model sentencepiece(const Metadata& metadata, const Vocabulary& vocabulary, const SpecialIds& ids) {
  Model model;
  const bool adds_space = metadata.boolean(kAddSpaceKey).value_or(true);
  const std::string to_mark = R"({"type": "Replace", "pattern": {"String": " "}, "content": "▁"})";
  const std::string from_mark = R"({"type": "Replace", "pattern": {"String": "▁"}, "content": " "})";
  const std::string bytes = R"({"type": "ByteFallback"}, {"type": "Fuse"})";
  if (adds_space) {
    model.normalizer =
        R"({"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, )" + to_mark + "]}";
    model.decoder = R"({"type": "Sequence", "decoders": [)" + from_mark + ", " + bytes +
                    R"(, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]})";
  } else {
    model.normalizer = to_mark;
    model.decoder = R"({"type": "Sequence", "decoders": [)" + from_mark + ", " + bytes + "]}";
  }
  if (ids.unknown) model.unknown = json_quoted(vocabulary.tokens[static_cast<std::size_t>(*ids.unknown)]);
  model.fuses_unknown = true;
  model.falls_back_to_bytes = true;
  model.merges = metadata.find(kMergesKey) != nullptr ? stored_merges(metadata)
                                                      : merges_from_scores(metadata, vocabulary);
  return model;
}

// A template that puts marks around a text; null if there are none.
std::string post_processor_json(const Vocabulary& vocabulary, const SpecialIds& ids, Marks marks) {
  if (!marks.bos && !marks.eos) return "null";
  std::string special;
  const auto item = [&](std::int64_t id, int text) {
    const std::string name = json_quoted(vocabulary.tokens[static_cast<std::size_t>(id)]);
    const std::string entry = name + R"(: {"id": )" + name + R"(, "ids": [)" + std::to_string(id) +
                              R"(], "tokens": [)" + name + "]}";
    if (special.find(entry) == std::string::npos) special += (special.empty() ? "" : ", ") + entry;
    return R"({"SpecialToken": {"id": )" + name + R"(, "type_id": )" + std::to_string(text) + "}}";
  };
  const auto with_marks = [&](const std::string& name, int text) {
    std::string items = marks.bos ? item(*ids.bos, text) + ", " : "";
    items += R"({"Sequence": {"id": ")" + name + R"(", "type_id": )" + std::to_string(text) + "}}";
    if (marks.eos) items += ", " + item(*ids.eos, text);
    return items;
  };
  const std::string first = with_marks("A", 0), second = with_marks("B", 1);
  return R"({"type": "TemplateProcessing", "single": [)" + first + R"(], "pair": [)" + first + ", " + second +
         R"(], "special_tokens": {)" + special + "}}";
}

std::string added_tokens_json(const Vocabulary& vocabulary) {
  std::string items;
  for (std::size_t i = 0; i < vocabulary.tokens.size(); ++i) {
    const TokenType type = vocabulary.types[i];
    if (type != TokenType::control && type != TokenType::unknown && type != TokenType::user_defined) continue;
    items += (items.empty() ? "\n    " : ",\n    ") + (R"({"id": )" + std::to_string(i)) +
             R"(, "content": )" + json_quoted(vocabulary.tokens[i]) +
             R"(, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": )" +
             said(type != TokenType::user_defined) + "}";
  }
  return "[" + items + "]";
}

std::string tokenizer_json(const Vocabulary& vocabulary, const Model& model,
                           const std::string& post_processor) {
  std::string out =
      "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n  \"added_tokens\": " +
      added_tokens_json(vocabulary) + ",\n  \"normalizer\": " + model.normalizer +
      ",\n  \"pre_tokenizer\": " + model.pre_tokenizer + ",\n  \"post_processor\": " + post_processor +
      ",\n  \"decoder\": " + model.decoder +
      ",\n  \"model\": {\n    \"type\": \"BPE\",\n    \"dropout\": null,\n    \"unk_token\": " +
      model.unknown +
      ",\n    \"continuing_subword_prefix\": null,\n    \"end_of_word_suffix\": null,\n"
      "    \"fuse_unk\": " +
      said(model.fuses_unknown) + ",\n    \"byte_fallback\": " + said(model.falls_back_to_bytes) +
      ",\n    \"ignore_merges\": " + said(model.ignores_merges) + ",\n    \"vocab\": {";
  const char* before = "\n      ";
  for (std::size_t i = 0; i < vocabulary.tokens.size(); ++i) {
    if (vocabulary.is_filler(i)) continue;
    out += before + json_quoted(vocabulary.tokens[i]) + ": " + std::to_string(i);
    before = ",\n      ";
  }
  out += "\n    },\n    \"merges\": [";
  before = "\n      [";
  for (const auto& [left, right] : model.merges) {
    out += before + json_quoted(left) + ", " + json_quoted(right) + "]";
    before = ",\n      [";
  }
  return out + "\n    ]\n  }\n}\n";
}

// One template, or several by name.
std::optional<Value> chat_template(const Metadata& metadata) {
  const auto main = metadata.text(kTemplateKey);
  const auto names = metadata.texts(kTemplateNamesKey);
  if (!names || names->empty()) {
    return main ? std::optional<Value>({std::string(*main), {}}) : std::nullopt;
  }
  List list;
  const auto add = [&](std::string_view name, std::string_view text) {
    Table item;
    item.set("name", {std::string(name), {}});
    item.set("template", {std::string(text), {}});
    list.push_back({std::move(item), {}});
  };
  if (main) add("default", *main);
  for (const std::string_view name : *names) {
    const std::string key = std::string(kTemplateKey) + "." + std::string(name);
    const auto text = metadata.text(key);
    if (!text) metadata.refuse(key, "is missing");
    add(name, *text);
  }
  return Value{std::move(list), {}};
}

std::string tokenizer_config_json(const Metadata& metadata, const Vocabulary& vocabulary,
                                  const SpecialIds& ids, Marks marks) {
  Table config;
  config.set("tokenizer_class", {std::string("PreTrainedTokenizerFast"), {}});
  const auto set_token = [&](const char* key, std::optional<std::int64_t> id) {
    if (id) config.set(key, {std::string(vocabulary.tokens[static_cast<std::size_t>(*id)]), {}});
  };
  set_token("bos_token", ids.bos);
  set_token("eos_token", ids.eos);
  set_token("unk_token", ids.unknown);
  set_token("pad_token", ids.pad);
  config.set("add_bos_token", {marks.bos, {}});
  config.set("add_eos_token", {marks.eos, {}});
  config.set("clean_up_tokenization_spaces", {false, {}});
  if (const auto length = metadata.integer("llama.context_length"))
    config.set("model_max_length", {*length, {}});
  if (auto text = chat_template(metadata)) config.set("chat_template", *std::move(text));
  return json_text(config);
}

Marks marks_of(const Metadata& metadata, const Vocabulary& vocabulary, const SpecialIds& ids) {
  const bool is_byte_level = vocabulary.model == kByteLevelModel;
  const bool usual = !is_byte_level || pre_tokenizer_of(metadata).adds_bos;
  const Marks marks{metadata.boolean(kAddBosKey).value_or(usual),
                    metadata.boolean(kAddEosKey).value_or(false)};
  if (marks.bos && !ids.bos) metadata.refuse(kBosKey, "is missing, and every text begins with that token");
  if (marks.eos && !ids.eos) metadata.refuse(kEosKey, "is missing, and every text ends with that token");
  return marks;
}

}  // namespace

std::vector<NamedFile> tokenizer_files(const Metadata& metadata) {
  const auto vocabulary = read_vocabulary(metadata);
  if (!vocabulary) return {};
  const bool is_byte_level = vocabulary->model == kByteLevelModel;
  if (!is_byte_level && vocabulary->model != kSentencePieceModel) {
    refuse_unknown(metadata, kModelKey, vocabulary->model);
  }
  const SpecialIds ids = special_ids(metadata, *vocabulary);
  const Model model = is_byte_level ? byte_level(metadata) : sentencepiece(metadata, *vocabulary, ids);
  const Marks marks = marks_of(metadata, *vocabulary, ids);
  Table generation;
  set_special_ids(generation, ids);
  return {
      {"tokenizer.json", tokenizer_json(*vocabulary, model, post_processor_json(*vocabulary, ids, marks))},
      {"tokenizer_config.json", tokenizer_config_json(metadata, *vocabulary, ids, marks)},
      {"generation_config.json", json_text(generation)}};
}

}  // namespace easylm::gguf
