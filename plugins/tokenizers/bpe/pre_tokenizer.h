// The pre-tokenizers of a tokenizer.json.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "easylm/value.h"
#include "pieces.h"
#include "word_scanner.h"

namespace easylm::tokenizers::bpe {

class PreTokenizer {
 public:
  PreTokenizer() = default;
  virtual ~PreTokenizer() = default;
  PreTokenizer(const PreTokenizer&) = delete;
  PreTokenizer& operator=(const PreTokenizer&) = delete;

  // Cuts and rewrites the pieces that are text. [any-thread]
  virtual void apply(Pieces& pieces) const = 0;

  // What it does, if it only cuts its text into words without a gap; else null.
  virtual const WordScanner* words() const { return nullptr; }

  // Whether it only writes each byte as a letter.
  virtual bool only_spells_bytes() const { return false; }

  // Whether it looks at the spans of a text, also where nobody wants offsets.
  virtual bool needs_spans() const { return false; }
};

// The steps of a pre-tokenizer from its JSON: those of a Sequence, and ByteLevel as two. Throws
// Error{unsupported} or Error{corrupt} that begins with `where`.
std::vector<std::unique_ptr<PreTokenizer>> make_pre_tokenizers(const Table& json, const std::string& where);

// The ▁ of Metaspace, as pre-tokenizer and decoder read it.
enum class PrependScheme { always, first, never };
struct MetaspaceSettings {
  std::string replacement;
  PrependScheme scheme = PrependScheme::always;
  bool split = true;
};
MetaspaceSettings metaspace_settings(const Table& json, const std::string& where);

}  // namespace easylm::tokenizers::bpe
