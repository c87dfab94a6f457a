// tokenizer_probe TYPE PATH encode|encode_specials|files FILE: a tokenizer plugin for the live tests to talk
// to.
//
// encode reads FILE, texts each after its size in 32 bits, and prints one JSON object a text: ids, offsets,
// and the bytes of the decoded text in hexadecimal. files writes files() into the folder FILE and prints the
// rest.
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "easylm/tokenizer.h"
#include "support/plugin_host.h"

namespace easylm {
namespace {

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += "0123456789abcdef"[byte >> 4U];
    text += "0123456789abcdef"[byte & 15U];
  }
  return text;
}

std::string list(const std::vector<TokenId>& ids) {
  std::string text;
  for (const TokenId id : ids) text += (text.empty() ? "" : ",") + std::to_string(id);
  return "[" + text + "]";
}

std::string read_file(const char* path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void encode(const Tokenizer& tokenizer, const TextEncoder& encoder, const char* path,
            const EncodeOptions& options) {
  const std::string input = read_file(path);
  for (std::size_t at = 0; at + 4 <= input.size();) {
    std::uint32_t size = 0;
    std::memcpy(&size, input.data() + at, sizeof size);
    const std::string_view text = std::string_view(input).substr(at + 4, size);
    at += 4 + size;
    const Encoding encoding = encoder.encode_text(text, options);
    std::vector<TokenId> ids;
    tokenizer.encode(text, ids);
    std::string offsets;
    for (const TextRange& range : encoding.offsets) {
      offsets += (offsets.empty() ? "[" : ",[") + std::to_string(range.begin) + "," +
                 std::to_string(range.end) + "]";
    }
    std::cout << R"({"ids":)" << list(encoding.ids) << R"(,"plain":)" << list(ids) << R"(,"offsets":[)"
              << offsets << R"(],"decoded":")" << hex(tokenizer.decode(encoding.ids)) << "\"}\n";
  }
}

void write_files(const Tokenizer& tokenizer, const std::filesystem::path& folder) {
  for (const NamedFile& file : tokenizer.files())
    std::ofstream(folder / file.name, std::ios::binary) << file.bytes;
  const SpecialTokens& special = tokenizer.special();
  std::cout << R"({"size":)" << tokenizer.vocabulary_size() << R"(,"bos":)" << special.bos.value_or(-1)
            << R"(,"eos":)" << special.eos.value_or(-1) << R"(,"pad":)" << special.pad.value_or(-1)
            << R"(,"stop":)" << list(special.stop) << R"(,"fingerprint":")" << tokenizer.fingerprint()
            << R"(","bytes":[)";
  for (TokenId id = 0; id < tokenizer.vocabulary_size(); ++id) {
    std::cout << (id == 0 ? "\"" : ",\"") << hex(tokenizer.token_bytes(id)) << "\"";
  }
  std::cout << "]}\n";
}

int run(int argc, char** argv) {
  if (argc != 5) return 2;
  testing::PluginHost host;
  const std::string mode = argv[3];
  const auto tokenizer =
      host.make<Tokenizer>(testing::table_of(argv[1], {{"path", {std::string(argv[2]), {}}}}));
  if (mode == "files") {
    write_files(*tokenizer, argv[4]);
    return 0;
  }
  const auto special_text = mode == "encode" ? SpecialText::as_text : SpecialText::as_tokens;
  encode(*tokenizer, *extension_of<TextEncoder>(*tokenizer), argv[4], {special_text, SpecialMarks::none});
  return 0;
}

}  // namespace
}  // namespace easylm

int main(int argc, char** argv) {
  try {
    return easylm::run(argc, argv);
  } catch (const easylm::Error& e) {
    std::cerr << "error: " << e.message() << "\nhint: " << e.hint() << "\n";
    return 1;
  }
}
