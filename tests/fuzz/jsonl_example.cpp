// Feeds anything to the reader of JSON lines and the field language: the first line is `fields`, the second
// an example. They may refuse; what they accept has a mask for each token, and tokens of the vocabulary.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "easylm/error.h"
#include "easylm/example_encoder.h"
#include "jsonl/json_example.h"

namespace {

// A token a byte, which needs no host.
class Bytes final : public easylm::Tokenizer {
 public:
  Bytes() {
    special_.bos = 256;
    special_.eos = 257;
  }
  std::int64_t vocabulary_size() const override { return 258; }
  void encode(std::string_view text, std::vector<easylm::TokenId>& ids) const override {
    for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
  }
  std::string token_bytes(easylm::TokenId /*id*/) const override { return {}; }
  std::string decode(std::span<const easylm::TokenId> /*ids*/) const override { return {}; }
  const easylm::SpecialTokens& special() const override { return special_; }
  std::vector<easylm::NamedFile> files() const override { return {}; }
  std::string fingerprint() const override { return {}; }

 private:
  easylm::SpecialTokens special_;
};

void require(bool condition) {
  if (!condition) std::abort();
}

void try_list(const std::string& fields, bool from_example, std::string_view line) {
  using namespace easylm;
  try {
    EncoderOptions options;
    (from_example ? options.fields_from_example : options.fields) = fields;
    const ExampleEncoder encoder(options, std::make_shared<Bytes>(), "fuzz");
    Example example;
    datasets::read_json_example(line, encoder, example);
    Document document;
    encoder.encode(example, document);
    require(document.tokens.size() == document.mask.size());
    for (const TokenId id : document.tokens) require(id >= 0 && id < 258);
  } catch (const Error& error) {
    require(error.code() != ErrorCode::internal);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = text.find('\n');
  const std::string fields(text.substr(0, end));
  const std::string_view line = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  try_list(fields, false, line);
  try_list(fields, true, line);
  return 0;
}
