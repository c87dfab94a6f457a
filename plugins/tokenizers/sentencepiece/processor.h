// The sentencepiece library behind a small door: no header of it, and no status without an error.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/tokenizer.h"
#include "model_file.h"

namespace easylm::tokenizers {

enum class DummyPrefix { as_the_model_says, never };

// Immutable; all methods are [any-thread].
class Processor {
 public:
  // REQUIRES: read_model_file(bytes) accepts them. Throws Error{corrupt} that begins with `where` if the
  // library refuses.
  Processor(std::string_view bytes, DummyPrefix prefix, std::string_view where);
  ~Processor();
  Processor(const Processor&) = delete;
  Processor& operator=(const Processor&) = delete;

  void encode(std::string_view text, std::vector<TokenId>& ids) const;  // appends

  // Appends ids and the bytes of `text` behind each, counted from `base`.
  void encode(std::string_view text, std::int64_t base, Encoding& encoding) const;

  std::string decode(const std::vector<TokenId>& ids) const;

  // Ids that the model itself names; -1 if it has none.
  TokenId bos() const;
  TokenId eos() const;
  TokenId pad() const;

 private:
  struct Library;
  std::unique_ptr<Library> library_;
};

}  // namespace easylm::tokenizers
