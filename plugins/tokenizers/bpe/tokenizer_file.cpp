// Reading tokenizer.json, event by event.
#include "tokenizer_file.h"

#include <limits>
#include <utility>

#include "easylm/json.h"
#include "easylm/json_events.h"
#include "json_members.h"
#include "json_tree.h"

namespace easylm::tokenizers::bpe {
namespace {

constexpr std::size_t kMostParts = 10'000;

// The texts of all merges, in one block: the vocabulary may come after them.
class MergeTexts {
 public:
  void add(std::string_view left, std::string_view right) {
    block_ += left;
    block_ += right;
    sizes_.push_back({static_cast<std::uint32_t>(left.size()), static_cast<std::uint32_t>(right.size())});
  }
  std::size_t size() const { return sizes_.size(); }
  template <typename Take>
  void for_each(const Take& take) const {
    std::size_t at = 0;
    const std::string_view block = block_;
    for (const auto& [left, right] : sizes_) {
      take(block.substr(at, left), block.substr(at + left, right));
      at += left + right;
    }
  }

 private:
  std::string block_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> sizes_;
};

AddedToken added_token(const Table& json, const std::string& where) {
  AddedToken token;
  const auto id = member<std::int64_t>(json, "id", where);
  if (id < 0 || id > std::numeric_limits<TokenId>::max())
    throw_corrupt(where, "an added token's id is out of range");
  token.id = static_cast<TokenId>(id);
  token.content = member<std::string>(json, "content", where);
  token.single_word = member<bool>(json, "single_word", where);
  token.lstrip = member<bool>(json, "lstrip", where);
  token.rstrip = member<bool>(json, "rstrip", where);
  token.normalized = member<bool>(json, "normalized", where);
  token.special = member<bool>(json, "special", where);
  return token;
}

// Where in the file the next event is.
enum class At { outside, root, tree, added_tokens, model, vocabulary, merges, merge_pair };

class Reader final : public JsonEvents {
 public:
  explicit Reader(const std::string& where) : where_(where), tree_(kMostParts, where) {}

  void begin_object() override {
    if (at_ == At::outside) {
      at_ = At::root;
    } else if (at_ == At::root && key_ == "model") {
      at_ = At::model;
    } else if (at_ == At::model && key_ == "vocab") {
      at_ = At::vocabulary;
    } else {
      enter_tree();
      tree_.begin({Table{}, {}});
    }
  }
  void end_object() override {
    if (at_ == At::tree) {
      tree_.end();
      leave_tree();
    } else {
      at_ = at_ == At::vocabulary ? At::model : at_ == At::model ? At::root : At::outside;
    }
  }
  void begin_array() override {
    if (at_ == At::root && key_ == "added_tokens") {
      at_ = At::added_tokens;
    } else if (at_ == At::model && key_ == "merges") {
      at_ = At::merges;
    } else if (at_ == At::merges) {
      at_ = At::merge_pair;
      pair_size_ = 0;
    } else {
      enter_tree();
      tree_.begin({List{}, {}});
    }
  }
  void end_array() override {
    if (at_ == At::tree) {
      tree_.end();
      leave_tree();
    } else if (at_ == At::merge_pair) {
      if (pair_size_ != 2) bad_merge();
      at_ = At::merges;
    } else {
      at_ = at_ == At::merges ? At::model : At::root;
    }
  }
  void key(std::string_view text) override {
    if (at_ == At::tree) {
      tree_.key(text);
      return;
    }
    if (at_ == At::root || at_ == At::model) {
      std::string name = (at_ == At::model ? "model." : "") + std::string(text);
      for (const std::string& other : keys_) {
        if (other == name) throw_corrupt(where_, "'" + name + "' is there twice");
      }
      if (keys_.size() > 64) throw_unsupported(where_, "the key '" + name + "'");
      keys_.push_back(std::move(name));
    }
    key_ = text;
  }
  void string(std::string_view text) override {
    if (at_ == At::merge_pair) {
      if (pair_size_ == 0) left_ = text;
      if (pair_size_ == 1) merges_.add(left_, text);
      if (++pair_size_ > 2) bad_merge();
    } else if (at_ == At::merges) {
      add_merge_line(text);
    } else {
      scalar({std::string(text), {}});
    }
  }
  void integer(std::int64_t x) override {
    if (at_ != At::vocabulary) {
      scalar({x, {}});
      return;
    }
    if (x < 0 || x > std::numeric_limits<TokenId>::max()) {
      throw_corrupt(where_, "the token '" + key_ + "' has the id " + std::to_string(x));
    }
    if (!vocabulary_.add(key_, static_cast<TokenId>(x))) {
      throw_corrupt(where_, "the token '" + key_ + "' is there twice");
    }
  }
  void real(double x) override { scalar({x, {}}); }
  void boolean(bool x) override { scalar({x, {}}); }
  void null() override {
    enter_tree();
    tree_.null();
    leave_tree();
  }

  TokenizerFile finish();

 private:
  [[noreturn]] void bad_merge() const { throw_corrupt(where_, "a merge is not two tokens"); }

  void add_merge_line(std::string_view line) {
    if (line.starts_with("#version")) return;
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos) bad_merge();
    merges_.add(line.substr(0, space), line.substr(space + 1));
  }

  void scalar(Value value) {
    enter_tree();
    tree_.scalar(std::move(value));
    leave_tree();
  }
  void enter_tree() {
    if (at_ == At::tree) return;
    if (at_ != At::root && at_ != At::model && at_ != At::added_tokens) {
      throw_corrupt(where_, "a value in the vocabulary, the merges or around them is of the wrong type");
    }
    around_tree_ = at_;
    at_ = At::tree;
  }
  void leave_tree() {
    if (!tree_.complete()) return;
    at_ = around_tree_;
    take(tree_.take());
  }

  void take(std::optional<Value> value);
  void take_root(const std::string& key, std::optional<Value> value);
  void take_component(std::optional<Table>& component, std::optional<Value> value);
  void take_model(const std::string& key, const std::optional<Value>& value);
  bool flag(const std::optional<Value>& value) const;

  const std::string& where_;
  At at_ = At::outside;
  At around_tree_ = At::outside;
  std::string key_, left_;
  std::vector<std::string> keys_;  // of the root and the model
  int pair_size_ = 0;
  JsonTree tree_;
  Vocabulary vocabulary_;
  MergeTexts merges_;
  ModelSettings settings_;
  TokenizerFile file_;
};

void Reader::take(std::optional<Value> value) {
  if (at_ == At::added_tokens) {
    if (!value) throw_corrupt(where_, "an added token is null");
    file_.added_tokens.push_back(added_token(table_of(*value, where_), where_));
  } else if (at_ == At::model) {
    take_model(key_, value);
  } else {
    take_root(key_, std::move(value));
  }
}

void Reader::take_component(std::optional<Table>& component, std::optional<Value> value) {
  if (value) component = table_of(*value, where_);
}

void Reader::take_root(const std::string& key, std::optional<Value> value) {
  if (key == "normalizer") return take_component(file_.normalizer, std::move(value));
  if (key == "pre_tokenizer") return take_component(file_.pre_tokenizer, std::move(value));
  if (key == "post_processor") return take_component(file_.post_processor, std::move(value));
  if (key == "decoder") return take_component(file_.decoder, std::move(value));
  if (key == "version") {
    const auto* version = value ? value->as<std::string>() : nullptr;
    if (version == nullptr || *version != "1.0") throw_unsupported(where_, "a version other than 1.0");
  } else if (key == "model") {
    throw_corrupt(where_, "'model' is no object");
  } else if (value && key != "added_tokens") {
    throw_unsupported(where_, "'" + key + "'");
  } else if (key != "truncation" && key != "padding" && key != "added_tokens") {
    throw_unsupported(where_, "the key '" + key + "'");
  } else if (value) {
    throw_corrupt(where_, "'added_tokens' is no list");
  }
}

bool Reader::flag(const std::optional<Value>& value) const {
  if (!value) return false;
  const bool* flag = value->as<bool>();
  if (flag == nullptr) throw_corrupt(where_, "a setting of the model is neither true nor false");
  return *flag;
}

void Reader::take_model(const std::string& key, const std::optional<Value>& value) {
  const auto* text = value ? value->as<std::string>() : nullptr;
  if (key == "type") {
    if (text == nullptr || *text != "BPE") {
      throw_unsupported(where_, "the model '" + (text == nullptr ? "" : *text) + "'");
    }
  } else if (key == "unk_token") {
    if (value && text == nullptr) throw_corrupt(where_, "unk_token is no text");
    if (text != nullptr) settings_.unk_token = *text;
  } else if (key == "continuing_subword_prefix" || key == "end_of_word_suffix") {
    if (value && (text == nullptr || !text->empty())) throw_unsupported(where_, "a " + key);
  } else if (key == "dropout") {
    const bool is_zero = value && ((value->as<double>() != nullptr && *value->as<double>() == 0) ||
                                   (value->as<std::int64_t>() != nullptr && *value->as<std::int64_t>() == 0));
    if (value && !is_zero)
      throw_unsupported(where_, "dropout, which makes the same text other ids each time,");
  } else if (key == "fuse_unk") {
    settings_.fuse_unk = flag(value);
  } else if (key == "byte_fallback") {
    settings_.byte_fallback = flag(value);
  } else if (key == "ignore_merges") {
    settings_.ignore_merges = flag(value);
  } else if (key == "vocab" || key == "merges") {
    throw_corrupt(where_, "the model's '" + key + "' is not that of a BPE model");
  } else {
    throw_unsupported(where_, "the model's key '" + key + "'");
  }
}

// Order matters, and where one text ends and the next begins.
class Hash {
 public:
  void add(std::string_view text) { add(hash_bytes(text)); }
  void add(std::uint64_t x) { state_ = (((state_ << 7U) | (state_ >> 57U)) ^ x) * 0x9E3779B97F4A7C15U; }
  std::uint64_t value() const { return state_ ^ (state_ >> 32U); }

 private:
  std::uint64_t state_ = 1;
};

std::uint64_t fingerprint_of(const TokenizerFile& file, const ModelSettings& settings,
                             const MergeTexts& merges) {
  Hash hash;
  const Vocabulary& vocabulary = file.model->vocabulary();
  for (TokenId id = 0; id < vocabulary.size(); ++id) hash.add(vocabulary.text(id));
  merges.for_each([&](std::string_view left, std::string_view right) {
    hash.add(left);
    hash.add(right);
  });
  hash.add(settings.unk_token.value_or(""));
  hash.add((settings.fuse_unk ? 1U : 0U) + (settings.byte_fallback ? 2U : 0U) +
           (settings.ignore_merges ? 4U : 0U));
  for (const AddedToken& token : file.added_tokens) {
    hash.add(token.content);
    hash.add((token.single_word ? 1U : 0U) + (token.lstrip ? 2U : 0U) + (token.rstrip ? 4U : 0U) +
             (token.normalized ? 8U : 0U) + (token.special ? 16U : 0U));
    hash.add(static_cast<std::uint64_t>(token.id));
  }
  for (const auto* component : {&file.normalizer, &file.pre_tokenizer}) {
    hash.add(*component ? json_text(**component) : std::string("null"));
  }
  return hash.value();
}

TokenizerFile Reader::finish() {
  if (vocabulary_.size() == 0) throw_corrupt(where_, "there is no model with a vocabulary");
  vocabulary_.index(where_);
  file_.model = std::make_unique<Model>(std::move(vocabulary_), settings_, where_);
  file_.model->reserve_merges(merges_.size());
  merges_.for_each(
      [&](std::string_view left, std::string_view right) { file_.model->add_merge(left, right); });
  file_.fingerprint = fingerprint_of(file_, settings_, merges_);
  return std::move(file_);
}

}  // namespace

TokenizerFile read_tokenizer_file(std::string_view json, const std::string& where) {
  Reader reader(where);
  read_json(json, where, reader);
  return reader.finish();
}

}  // namespace easylm::tokenizers::bpe
