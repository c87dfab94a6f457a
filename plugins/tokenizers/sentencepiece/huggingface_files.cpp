// Writes a BPE model's pieces as a vocabulary and merges.
#include "huggingface_files.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "easylm/json.h"
#include "easylm/utf8.h"

namespace easylm::tokenizers {
namespace {

struct Merge {
  float score;
  std::size_t id;  // of the result
  std::string_view left, right;
};

bool is_exact(const ModelFile& model, const TokenizerSettings& settings) {
  // There, one space before the first part alone would be swallowed by a space that the text begins with.
  if (!settings.legacy.value_or(true) && model.add_dummy_prefix) return false;
  return model.kind == ModelKind::bpe && !model.has_charsmap && !model.remove_extra_whitespaces &&
         model.escape_whitespaces && !model.space_at_end &&
         std::ranges::none_of(model.pieces, [](const Piece& p) { return p.type == PieceType::unused; });
}

// Whether each piece, alone in a text, is encoded as itself: then the library may take it whole.
bool takes_pieces_whole(const ModelFile& model, const Processor& plain) {
  std::vector<TokenId> ids;
  for (std::size_t id = 0; id < model.pieces.size(); ++id) {
    if (model.pieces[id].type != PieceType::normal) continue;
    ids.clear();
    plain.encode(model.pieces[id].text, ids);
    if (ids != std::vector<TokenId>{static_cast<TokenId>(id)}) return false;
  }
  return true;
}

// The best score first; then as transformers itself orders what sentencepiece leaves open.
std::vector<Merge> merges_of(const ModelFile& model) {
  std::unordered_map<std::string_view, std::size_t> normal;
  for (std::size_t id = 0; id < model.pieces.size(); ++id) {
    if (model.pieces[id].type == PieceType::normal) normal.emplace(model.pieces[id].text, id);
  }
  std::vector<Merge> merges;
  for (const auto& [piece, id] : normal) {
    for (std::size_t cut = first_code_point(piece).size; cut < piece.size();
         cut += first_code_point(piece.substr(cut)).size) {
      const std::string_view left = piece.substr(0, cut);
      const std::string_view right = piece.substr(cut);
      if (normal.contains(left) && normal.contains(right)) {
        merges.push_back({model.pieces[id].score, id, left, right});
      }
    }
  }
  std::ranges::sort(merges, [](const Merge& a, const Merge& b) {
    if (a.score != b.score) return a.score > b.score;
    return std::tie(a.id, a.left, a.right) < std::tie(b.id, b.left, b.right);
  });
  return merges;
}

std::string flag(bool x) { return x ? "true" : "false"; }

std::string added_json(const AddedToken& token) {
  return "{\"id\": " + std::to_string(token.id) + ", \"content\": " + json_quoted(token.text) +
         ", \"single_word\": false, \"lstrip\": " + flag(token.strips_left) +
         ", \"rstrip\": " + flag(token.strips_right) +
         ", \"normalized\": false, \"special\": " + flag(token.special) + "}";
}

std::string joined(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "\n    " : ",\n    ") + item;
  return out;
}

// What sentencepiece always finds, as a regular expression: the longest first.
std::string user_defined_pattern(const ModelFile& model) {
  std::vector<std::string_view> texts;
  for (const Piece& piece : model.pieces) {
    if (piece.type == PieceType::user_defined) texts.push_back(piece.text);
  }
  std::ranges::stable_sort(texts, std::greater<>(), &std::string_view::size);
  std::string pattern;
  for (const std::string_view text : texts) {
    if (!pattern.empty()) pattern += '|';
    for (const char c : text) {
      const bool plain =
          (c & 0x80) != 0 || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
      if (!plain) pattern += '\\';
      pattern += c;
    }
  }
  return pattern;
}

std::string model_json(const ModelFile& model, bool ignores_merges) {
  std::string unknown;
  std::vector<std::string> vocabulary;
  for (std::size_t id = 0; id < model.pieces.size(); ++id) {
    const Piece& piece = model.pieces[id];
    if (piece.type == PieceType::unknown) unknown = piece.text;
    vocabulary.push_back(json_quoted(piece.text) + ": " + std::to_string(id));
  }
  std::vector<std::string> merges;
  for (const Merge& merge : merges_of(model)) {
    merges.push_back("[" + json_quoted(merge.left) + ", " + json_quoted(merge.right) + "]");
  }
  return "{\n    \"type\": \"BPE\", \"dropout\": null, \"unk_token\": " + json_quoted(unknown) +
         ", \"continuing_subword_prefix\": null, \"end_of_word_suffix\": null,\n    \"fuse_unk\": true, "
         "\"byte_fallback\": " +
         flag(model.byte_fallback) + ", \"ignore_merges\": " + flag(ignores_merges) + ",\n    \"vocab\": {" +
         joined(vocabulary) + "},\n    \"merges\": [" + joined(merges) + "]\n  }";
}

// sentencepiece puts a space before any text, Metaspace only before one that has none.
std::string normalizer_json(const HuggingFaceView& view) {
  std::string list = R"({"type": "Replace", "pattern": {"String": " "}, "content": "▁"})";
  if (view.model.add_dummy_prefix) {
    list += R"(, {"type": "Replace", "pattern": {"Regex": "\\A▁"}, "content": "▁▁"})";
  }
  return R"({"type": "Sequence", "normalizers": [)" + list + "]}";
}

std::string pre_tokenizer_json(const HuggingFaceView& view, const std::string& pattern) {
  std::vector<std::string> list;
  if (view.model.add_dummy_prefix) {
    list.emplace_back(
        R"({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": false})");
  }
  if (!pattern.empty()) {
    list.push_back(R"({"type": "Split", "pattern": {"Regex": )" + json_quoted(pattern) +
                   R"(}, "behavior": "Isolated", "invert": false})");
  }
  return list.empty() ? "null" : R"({"type": "Sequence", "pretokenizers": [)" + joined(list) + "]}";
}

std::string decoder_json(const ModelFile& model) {
  std::string list =
      R"({"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, )"
      R"({"type": "Fuse"})";
  if (model.add_dummy_prefix) list += R"(, {"type": "Strip", "content": " ", "start": 1, "stop": 0})";
  return R"({"type": "Sequence", "decoders": [)" + list + "]}";
}

std::string post_processor_json(const HuggingFaceView& view) {
  std::vector<std::string> single;
  std::vector<std::string> pair;
  std::vector<std::string> specials;
  const auto name = [&](TokenId id) {
    return json_quoted(view.model.pieces[static_cast<std::size_t>(id)].text);
  };
  const auto mark = [&](TokenId id, int sequence) {
    const auto added = view.added.find(id);
    const std::string text = added == view.added.end() ? name(id) : json_quoted(added->second.text);
    specials.push_back(text + R"(: {"id": )" + text + R"(, "ids": [)" + std::to_string(id) +
                       R"(], "tokens": [)" + text + "]}");
    return R"({"SpecialToken": {"id": )" + text + R"(, "type_id": )" + std::to_string(sequence) + "}}";
  };
  for (const int sequence : {0, 1}) {
    std::vector<std::string> items;
    if (view.before) items.push_back(mark(*view.before, sequence));
    items.push_back(std::string(R"({"Sequence": {"id": ")") + (sequence == 0 ? "A" : "B") +
                    R"(", "type_id": )" + std::to_string(sequence) + "}}");
    if (view.after) items.push_back(mark(*view.after, sequence));
    if (sequence == 0) single = items;
    pair.insert(pair.end(), items.begin(), items.end());
  }
  std::ranges::sort(specials);
  specials.erase(std::unique(specials.begin(), specials.end()), specials.end());
  return R"({"type": "TemplateProcessing", "single": [)" + joined(single) + R"(], "pair": [)" + joined(pair) +
         R"(], "special_tokens": {)" + joined(specials) + "}}";
}

}  // namespace

std::optional<std::string> tokenizer_json(const HuggingFaceView& view, const Processor& plain) {
  if (!is_exact(view.model, view.settings)) return std::nullopt;
  const std::string pattern = user_defined_pattern(view.model);
  if (!pattern.empty() && !takes_pieces_whole(view.model, plain)) return std::nullopt;
  std::vector<std::string> added;
  for (const auto& [id, token] : view.added) added.push_back(added_json(token));
  return "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n  \"added_tokens\": [" +
         joined(added) + "],\n  \"normalizer\": " + normalizer_json(view) +
         ",\n  \"pre_tokenizer\": " + pre_tokenizer_json(view, pattern) +
         ",\n  \"post_processor\": " + post_processor_json(view) +
         ",\n  \"decoder\": " + decoder_json(view.model) +
         ",\n  \"model\": " + model_json(view.model, !pattern.empty()) + "\n}\n";
}

std::string tokenizer_config_json(const SpecialTokens& special,
                                  const std::function<std::string(TokenId)>& name_of) {
  Table config;
  const auto set = [&](const char* key, const std::optional<TokenId>& id) {
    if (id) config.set(key, {name_of(*id), {}});
  };
  config.set("tokenizer_class", {std::string("TokenizersBackend"), {}});
  config.set("clean_up_tokenization_spaces", {false, {}});
  set("bos_token", special.bos);
  set("eos_token", special.eos);
  set("pad_token", special.pad);
  return json_text(config);
}

}  // namespace easylm::tokenizers
