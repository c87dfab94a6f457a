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
//
// One that is read from files has a key `path`: a folder, a file or a checkpoint that holds them. Made again
// with a `path` where files() were written, it is the same tokenizer; so a version of a model can be used
// without what it was trained with. The constructor throws Error{not_found} if its kind of files is not
// there.
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

// Where a token's text lies in what was encoded: bytes [begin, end). begin == end for a token without text.
struct TextRange {
  std::int64_t begin = 0, end = 0;
};

enum class SpecialText { as_text, as_tokens };  // "<|im_end|>" in a text: its letters, or its id
enum class SpecialMarks { none, added };  // what the tokenizer puts around a text, such as a begin token

struct EncodeOptions {
  SpecialText special_text = SpecialText::as_text;
  SpecialMarks marks = SpecialMarks::none;
};

struct Encoding {
  std::vector<TokenId> ids;
  std::vector<TextRange> offsets;  // as many as ids
};

// (extension of Tokenizer) Special tokens within a text, and offsets.
class EASYLM_API TextEncoder {
 public:
  static constexpr std::string_view kInterface = "easylm.tokenizer.encoder/1";
  virtual ~TextEncoder();

  // `text` may be any bytes; what is no UTF-8 is encoded as U+FFFD would be, and its offsets are those of the
  // bytes. With as_text and none, the ids are those of Tokenizer::encode. [any-thread]
  virtual Encoding encode_text(std::string_view text, const EncodeOptions& options) const = 0;
};

}  // namespace easylm
