// The post-processors of a tokenizer.json: marks around a text, and trimmed offsets.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/tokenizer.h"
#include "easylm/value.h"

namespace easylm::tokenizers::bpe {

class PostProcessor {
 public:
  PostProcessor() = default;
  // Throws Error{unsupported} or Error{corrupt} that begins with `where`, also for an id of `num_ids` or
  // above.
  PostProcessor(const Table& json, std::int64_t num_ids, const std::string& where);

  // What stands around a text, in order: the id of a mark, or the text itself (none).
  const std::vector<std::optional<TokenId>>& marks() const { return marks_; }

  // Leaves the white space at both ends of the i-th token out of its offsets in `text`, if the file wants
  // that.
  void trim(std::size_t i, std::string_view token, std::string_view text, TextRange& range) const;

 private:
  void read(const Table& json, std::int64_t num_ids, const std::string& where);
  void read_template(const Table& json, std::int64_t num_ids, const std::string& where);

  std::vector<std::optional<TokenId>> marks_ = {std::nullopt};
  bool has_template_ = false;
  struct Trim {
    bool add_prefix_space;
  };
  std::vector<Trim> trims_;
};

}  // namespace easylm::tokenizers::bpe
