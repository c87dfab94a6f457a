// tokenizer_server TYPE PATH: a tokenizer of this build for a live test or a benchmark, on stdin and stdout.
//
// A request is a letter, a size (u32) and as many bytes; an answer is a size and bytes. Numbers are
// little-endian, ids i32, offsets i64 pairs.
//   e TEXT   ids of Tokenizer::encode            i TEXT  ids and offsets, special tokens read, no marks
//   x TEXT   the same, special tokens as text    m TEXT  the same as i, with marks
//   d IDS    decode()                            b ID    token_bytes()
//   t TEXT   nanoseconds (i64) that encode takes, and the number of ids (i64)
//   s        vocabulary size, bos, eos, pad (-1 if none), stop ids
//   f FOLDER writes files() there                p       fingerprint()
#include <chrono>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "easylm/tokenizer.h"
#include "support/plugin_host.h"
#include "support/program.h"

namespace easylm {
namespace {

template <typename T>
void append(std::string& out, const std::vector<T>& items) {
  if (!items.empty()) out.append(reinterpret_cast<const char*>(items.data()), items.size() * sizeof(T));
}

template <typename T>
std::vector<T> items_of(const std::string& bytes) {
  std::vector<T> items(bytes.size() / sizeof(T));
  if (!items.empty()) std::memcpy(items.data(), bytes.data(), items.size() * sizeof(T));
  return items;
}

std::string encoding_of(Tokenizer& tokenizer, const std::string& text, const EncodeOptions& options) {
  const auto* encoder = extension_of<TextEncoder>(tokenizer);
  if (encoder == nullptr) throw Error(ErrorCode::unsupported, "the tokenizer has no TextEncoder");
  const Encoding encoding = encoder->encode_text(text, options);
  std::string out;
  append(out, encoding.ids);
  append(out, encoding.offsets);
  return out;
}

std::string times_of(const Tokenizer& tokenizer, const std::string& text) {
  std::vector<TokenId> ids;
  const auto started = std::chrono::steady_clock::now();
  tokenizer.encode(text, ids);
  const std::chrono::nanoseconds taken = std::chrono::steady_clock::now() - started;
  std::string out;
  append(out, std::vector<std::int64_t>{taken.count(), static_cast<std::int64_t>(ids.size())});
  return out;
}

void write_files(const Tokenizer& tokenizer, const std::filesystem::path& folder) {
  for (const NamedFile& file : tokenizer.files())
    std::ofstream(folder / file.name, std::ios::binary) << file.bytes;
}

std::string answer(Tokenizer& tokenizer, char request, const std::string& bytes) {
  std::string out;
  if (request == 'e') {
    std::vector<TokenId> ids;
    tokenizer.encode(bytes, ids);
    append(out, ids);
  } else if (request == 'i') {
    out = encoding_of(tokenizer, bytes, {SpecialText::as_tokens, SpecialMarks::none});
  } else if (request == 'x') {
    out = encoding_of(tokenizer, bytes, {SpecialText::as_text, SpecialMarks::none});
  } else if (request == 'm') {
    out = encoding_of(tokenizer, bytes, {SpecialText::as_tokens, SpecialMarks::added});
  } else if (request == 'd') {
    out = tokenizer.decode(items_of<TokenId>(bytes));
  } else if (request == 'b') {
    out = tokenizer.token_bytes(items_of<TokenId>(bytes).at(0));
  } else if (request == 't') {
    out = times_of(tokenizer, bytes);
  } else if (request == 'f') {
    write_files(tokenizer, bytes);
  } else if (request == 'p') {
    out = tokenizer.fingerprint();
  } else {
    const SpecialTokens& special = tokenizer.special();
    std::vector<TokenId> ids = {static_cast<TokenId>(tokenizer.vocabulary_size()), special.bos.value_or(-1),
                                special.eos.value_or(-1), special.pad.value_or(-1)};
    ids.insert(ids.end(), special.stop.begin(), special.stop.end());
    append(out, ids);
  }
  return out;
}

void serve(const std::string& type, const std::string& path) {
  testing::PluginHost host;
  const auto started = std::chrono::steady_clock::now();
  const auto tokenizer = host.make<Tokenizer>(
      testing::table_of(type, {{"path", {std::filesystem::absolute(path).string(), {}}}}));
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - started;
  std::cerr << "loaded in " << taken.count() << " s\n";
  char request = 0;
  std::uint32_t size = 0;
  while (std::cin.get(request) && std::cin.read(reinterpret_cast<char*>(&size), sizeof size)) {
    std::string bytes(size, '\0');
    std::cin.read(bytes.data(), size);
    const std::string out = answer(*tokenizer, request, bytes);
    size = static_cast<std::uint32_t>(out.size());
    std::cout.write(reinterpret_cast<const char*>(&size), sizeof size);
    std::cout.write(out.data(), static_cast<std::streamsize>(out.size())).flush();
  }
}

}  // namespace
}  // namespace easylm

int main(int argc, char** argv) {
  return easylm::testing::run_program(argc, argv, [](const std::vector<std::string>& words) {
    if (words.size() != 2) throw easylm::Error(easylm::ErrorCode::invalid_config, "TYPE and PATH are needed");
    easylm::serve(words[0], words[1]);
  });
}
