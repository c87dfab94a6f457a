// Feeds anything to the reader of tokenizer.json: it may refuse, and must not crash, hang or hold memory that
// is out of proportion. What it accepts must encode a text and decode it again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "bpe/bpe_tokenizer.h"
#include "easylm/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace easylm;
  constexpr const char* kText = "The dog's 12 d\xC3\xA9j\xC3\xA0 vu\n\n <s> \xE6\x97\xA5\xFF aaaa";
  try {
    std::string json(reinterpret_cast<const char*>(data), size);
    const tokenizers::bpe::BpeTokenizer tokenizer({{"tokenizer.json", std::move(json)}}, "file");
    const Encoding encoding = tokenizer.encode_text(kText, {SpecialText::as_tokens, SpecialMarks::added});
    if (encoding.ids.size() != encoding.offsets.size()) std::abort();
    for (const TokenId id : encoding.ids) {
      if (id < 0 || id >= tokenizer.vocabulary_size()) std::abort();
    }
    std::vector<TokenId> ids;
    tokenizer.encode(kText, ids);
    if (tokenizer.decode(ids).size() > std::size_t{1} << 24U) std::abort();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::internal) std::abort();
  }
  return 0;
}
