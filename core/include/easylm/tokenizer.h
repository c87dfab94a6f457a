// Text to token ids and back.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/component.h"

namespace easylm {

using TokenId = std::int32_t;

struct SpecialTokens {
  std::optional<TokenId> bos, eos, pad;
  std::vector<TokenId> stop;  // every id that ends a generated text; contains eos
};

// A small file that belongs beside the weights, for example tokenizer.json.
struct NamedFile {
  std::string name;  // no directory part
  std::string bytes;
};

// Immutable once made. All methods are const and [any-thread].
class EASYLM_API Tokenizer : public Component {
 public:
  static constexpr std::string_view kKind = "tokenizer";
  static constexpr std::string_view kInterface = "easylm.tokenizer/1";
  ~Tokenizer() override;

  // Number of ids: all ids are in [0, vocabulary_size()).
  virtual std::int64_t vocabulary_size() const = 0;

  // Appends the ids of `text` to `ids`. Adds no special token and reads none in the text: any bytes are
  // allowed.
  virtual void encode(std::string_view text, std::vector<TokenId>& ids) const = 0;

  // The bytes that one id stands for (a special token: its name). Throws Error{not_found} for an unknown id.
  virtual std::string token_bytes(TokenId id) const = 0;

  // The text of a sequence; special tokens are left out. Throws Error{not_found} for an unknown id.
  virtual std::string decode(std::span<const TokenId> ids) const = 0;

  virtual const SpecialTokens& special() const = 0;

  // What transformers.AutoTokenizer needs to make the same tokenizer from a directory.
  virtual std::vector<NamedFile> files() const = 0;

  // Changes if and only if some text would get other ids.
  virtual std::string fingerprint() const = 0;
};

}  // namespace easylm
