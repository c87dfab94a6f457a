// Feeds anything to the reader of SentencePiece models, and what it accepts to the library: both may refuse,
// and must not crash or hang.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "easylm/error.h"
#include "sentencepiece/model_file.h"
#include "sentencepiece/processor.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace easylm;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    const tokenizers::ModelFile model = tokenizers::read_model_file(bytes, "file");
    const tokenizers::Processor processor(bytes, tokenizers::DummyPrefix::never, "file");
    std::vector<TokenId> ids;
    processor.encode(" a\xC3\xA9 \xFF \xE4\xB8\x96 </s> ab  ", ids);
    for (const TokenId id : ids) {
      if (id < 0 || static_cast<std::size_t>(id) >= model.pieces.size()) std::abort();
    }
    processor.decode(ids);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::internal && error.message().find("not encoded") == std::string::npos)
      std::abort();
  }
  return 0;
}
