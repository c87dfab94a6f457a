// JSON for Hugging Face's tokenizers library, in its byte-level alphabet.
#include "huggingface_files.h"

namespace easylm::tokenizers {
namespace {

bool is_printable(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

// GPT-2's alphabet: a printable byte of Latin-1 stands for itself; the n-th other byte is the letter U+0100 +
// n.
std::string letter(int byte) {
  int code = byte;
  if (!is_printable(byte)) {
    code = 0x100;
    for (int other = 0; other < byte; ++other) code += is_printable(other) ? 0 : 1;
  }
  if (code < 0x80) return {static_cast<char>(code)};
  return {static_cast<char>(0xC0 | (code >> 6)), static_cast<char>(0x80 | (code & 0x3F))};
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string vocabulary() {
  std::string out;
  for (int byte = 0; byte < 256; ++byte) {
    out += (byte == 0 ? "" : ", ") + in_quotes(letter(byte)) + ": " + std::to_string(byte);
  }
  return "{" + out + "}";
}

std::string added_token(int id, std::string_view name) {
  return "\n    {\"id\": " + std::to_string(id) + ", \"content\": " + in_quotes(name) +
         ", \"single_word\": false, \"lstrip\": false, \"rstrip\": false, \"normalized\": false, "
         "\"special\": true}";
}

std::string special_names() {
  return "  \"bos_token\": " + in_quotes(kBosName) + ",\n  \"eos_token\": " + in_quotes(kEosName);
}

}  // namespace

std::string tokenizer_json(Specials specials) {
  std::string added;
  if (specials == Specials::bos_and_eos) {
    added = added_token(256, kBosName) + "," + added_token(257, kEosName) + "\n  ";
  }
  // trim_offsets and add_prefix_space have no effect on ids without a regex; the library wants them said.
  const std::string byte_level =
      R"({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false})";
  return "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n  \"added_tokens\": [" +
         added + "],\n  \"normalizer\": null,\n  \"pre_tokenizer\": " + byte_level +
         ",\n  \"post_processor\": null,\n  \"decoder\": " + byte_level +
         ",\n  \"model\": {\n    \"type\": \"BPE\",\n    \"dropout\": null,\n    \"unk_token\": null,\n"
         "    \"continuing_subword_prefix\": null,\n    \"end_of_word_suffix\": null,\n    \"fuse_unk\": "
         "false,\n"
         "    \"byte_fallback\": false,\n    \"ignore_merges\": false,\n    \"vocab\": " +
         vocabulary() + ",\n    \"merges\": []\n  }\n}\n";
}

std::string tokenizer_config_json(Specials specials) {
  std::string out =
      "{\n  \"tokenizer_class\": \"PreTrainedTokenizerFast\",\n  \"clean_up_tokenization_spaces\": false,\n"
      "  \"split_special_tokens\": true,\n  \"model_max_length\": 1000000000000000019884624838656";
  if (specials == Specials::bos_and_eos) out += ",\n" + special_names();
  return out + "\n}\n";
}

std::string special_tokens_map_json(Specials specials) {
  return specials == Specials::bos_and_eos ? "{\n" + special_names() + "\n}\n" : "{}\n";
}

}  // namespace easylm::tokenizers
