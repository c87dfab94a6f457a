// Writes JSON as Hugging Face's tokenizers library writes it.
#include "tokenizer_files.h"

#include <algorithm>

#include "easylm/json.h"

namespace easylm::stages {
namespace {

std::string id_of(const TrainedBpe& trained, const std::string& token) {
  return std::to_string(std::ranges::find(trained.tokens, token) - trained.tokens.begin());
}

std::string joined(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "\n      " : ",\n      ") + item;
  return out;
}

std::string added_tokens(const TrainedBpe& trained, const std::vector<std::string>& special) {
  std::vector<std::string> items;
  items.reserve(special.size());
  for (const std::string& token : special) {
    items.push_back(
        "{\"id\": " + id_of(trained, token) + ", \"content\": " + json_quoted(token) +
        R"(, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true})");
  }
  return joined(items);
}

std::string normalizer(const TokenizerStyle& style) {
  if (style.byte_level) return "null";
  return R"({"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, )"
         R"({"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]})";
}

// Where no merge crosses the borders of words, nothing need be cut before merging.
std::string pre_tokenizer(const TokenizerStyle& style) {
  if (!style.byte_level) return "null";
  return R"({"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": )" +
         json_quoted(style.pattern) + R"(}, "behavior": "Isolated", "invert": false}, )" +
         R"({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]})";
}

std::string decoder(const TokenizerStyle& style) {
  if (style.byte_level) {
    return R"({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true})";
  }
  return R"({"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, )"
         R"({"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]})";
}

std::string post_processor(const TokenizerStyle& style, const TrainedBpe& trained) {
  if (!style.adds_bos) return "null";
  const std::string bos = json_quoted(style.bos);
  const auto half = [&](const std::string& letter, const std::string& type) {
    return R"({"SpecialToken": {"id": )" + bos + R"(, "type_id": )" + type + R"(}}, {"Sequence": {"id": ")" +
           letter + R"(", "type_id": )" + type + "}}";
  };
  return R"({"type": "TemplateProcessing", "single": [)" + half("A", "0") + R"(], "pair": [)" +
         half("A", "0") + ", " + half("B", "1") + R"(], "special_tokens": {)" + bos + R"(: {"id": )" + bos +
         R"(, "ids": [)" + id_of(trained, style.bos) + R"(], "tokens": [)" + bos + "]}}}";
}

std::string model(const TokenizerStyle& style, const TrainedBpe& trained) {
  std::vector<std::string> vocabulary;
  for (std::size_t id = 0; id < trained.tokens.size(); ++id) {
    vocabulary.push_back(json_quoted(trained.tokens[id]) + ": " + std::to_string(id));
  }
  std::vector<std::string> merges;
  for (const auto& [left, right] : trained.merges) {
    merges.push_back("[" + json_quoted(left) + ", " + json_quoted(right) + "]");
  }
  const std::string falls_back = style.byte_level ? "false" : "true";
  return R"({"type": "BPE", "dropout": null, "unk_token": )" +
         std::string(style.byte_level ? "null" : "\"<unk>\"") +
         R"(, "continuing_subword_prefix": null, "end_of_word_suffix": null, "fuse_unk": )" + falls_back +
         R"(, "byte_fallback": )" + falls_back + ", \"ignore_merges\": false,\n    \"vocab\": {" +
         joined(vocabulary) + "},\n    \"merges\": [" + joined(merges) + "]}";
}

std::string names(const TokenizerStyle& style) {
  std::string out =
      "  \"bos_token\": " + json_quoted(style.bos) + ",\n  \"eos_token\": " + json_quoted(style.eos);
  if (!style.byte_level) out += ",\n  \"unk_token\": \"<unk>\"";
  return out;
}

}  // namespace

std::vector<NamedFile> tokenizer_files(const TokenizerStyle& style, const TrainedBpe& trained,
                                       const std::vector<std::string>& special) {
  const std::string tokenizer =
      "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n  \"added_tokens\": [" +
      added_tokens(trained, special) + "],\n  \"normalizer\": " + normalizer(style) +
      ",\n  \"pre_tokenizer\": " + pre_tokenizer(style) +
      ",\n  \"post_processor\": " + post_processor(style, trained) + ",\n  \"decoder\": " + decoder(style) +
      ",\n  \"model\": " + model(style, trained) + "\n}\n";
  const std::string config =
      "{\n  \"tokenizer_class\": \"PreTrainedTokenizerFast\",\n  \"clean_up_tokenization_spaces\": false,\n"
      "  \"model_max_length\": 1000000000000000019884624838656,\n" +
      names(style) + "\n}\n";
  return {{"tokenizer.json", tokenizer},
          {"tokenizer_config.json", config},
          {"special_tokens_map.json", "{\n" + names(style) + "\n}\n"}};
}

}  // namespace easylm::stages
