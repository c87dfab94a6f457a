// Takes tokenizer.json event by event, so that a vocabulary of a hundred thousand tokens makes no tree.
#include "tokenizer_json.h"

#include <variant>

#include "easylm/error.h"
#include "easylm/json.h"
#include "easylm/json_events.h"

namespace easylm::gguf {
namespace {

constexpr const char* kFile = "tokenizer.json";

[[noreturn]] void refuse(const std::string& reason) {
  throw Error(ErrorCode::corrupt, std::string(kFile) + ": " + reason, "the file is damaged: get it again");
}

class TokenizerEvents final : public JsonEvents {
 public:
  explicit TokenizerEvents(TokenizerJson& into) : into_(into) {}

  void begin_object() override {
    if (in_list_) refuse("its model's vocabulary or merges hold an object");
    if (stack_.empty() && !opened_) {
      opened_ = true;
    } else if (is_at("model", "vocab")) {
      in_list_ = true;
      list_depth_ = 0;
      takes_vocabulary_ = true;
      return;
    }
    stack_.push_back({Table(), {}});
  }
  void end_object() override {
    if (in_list_) {
      in_list_ = false;
      return;
    }
    close();
  }
  void begin_array() override {
    if (in_list_) {
      if (takes_vocabulary_ || list_depth_ > 0) refuse("its model's vocabulary or merges hold a list");
      ++list_depth_;
      pair_.clear();
    } else if (is_at("model", "merges")) {
      in_list_ = true;
      list_depth_ = 0;
      takes_vocabulary_ = false;
    } else {
      if (!opened_) refuse("is not a JSON object");
      stack_.push_back({List(), {}});
    }
  }
  void end_array() override {
    if (!in_list_) {
      close();
    } else if (list_depth_ == 0) {
      in_list_ = false;
    } else {
      --list_depth_;
      if (pair_.size() != 2) refuse("a merge is not of two tokens");
      into_.merges.emplace_back(std::move(pair_[0]), std::move(pair_[1]));
    }
  }
  void key(std::string_view text) override {
    if (in_list_) {
      token_ = text;
    } else {
      stack_.back().key = text;
    }
  }
  void string(std::string_view text) override {
    if (!in_list_) return add({std::string(text), {}});
    if (takes_vocabulary_) refuse("its model's vocabulary holds a text");
    if (list_depth_ > 0) {
      pair_.emplace_back(text);
      return;
    }
    const std::size_t space = text.find(' ', 1);
    if (space == std::string_view::npos) refuse("the merge " + json_quoted(text) + " is not of two tokens");
    into_.merges.emplace_back(text.substr(0, space), text.substr(space + 1));
  }
  void integer(std::int64_t x) override {
    if (!in_list_) return add({x, {}});
    if (!takes_vocabulary_) refuse("its model's merges hold a number");
    into_.vocabulary.emplace_back(token_, x);
  }
  void real(double x) override { add_plain({x, {}}); }
  void boolean(bool x) override { add_plain({x, {}}); }
  void null() override {
    if (in_list_) refuse("its model's vocabulary or merges hold null");
  }

 private:
  struct Open {
    std::variant<Table, List> value;
    std::string key;  // of the member that comes next
  };

  // Whether what begins now is this member of that member of the whole.
  bool is_at(std::string_view outer, std::string_view inner) const {
    return stack_.size() == 2 && stack_[0].key == outer && stack_[1].key == inner &&
           std::holds_alternative<Table>(stack_[1].value);
  }

  void add_plain(Value value) {
    if (in_list_) refuse("its model's vocabulary or merges hold something else");
    add(std::move(value));
  }

  void add(Value value) {
    if (stack_.empty()) refuse("is not a JSON object");
    Open& open = stack_.back();
    if (auto* list = std::get_if<List>(&open.value)) {
      list->push_back(std::move(value));
      return;
    }
    auto& table = std::get<Table>(open.value);
    if (table.find(open.key) != nullptr) refuse("has the key " + json_quoted(open.key) + " twice");
    table.settings.push_back({open.key, std::move(value)});
  }

  void close() {
    Open closed = std::move(stack_.back());
    stack_.pop_back();
    if (stack_.empty()) {
      into_.rest = std::get<Table>(std::move(closed.value));
    } else if (auto* list = std::get_if<List>(&closed.value)) {
      add({std::move(*list), {}});
    } else {
      add({std::get<Table>(std::move(closed.value)), {}});
    }
  }

  TokenizerJson& into_;
  std::vector<Open> stack_;
  bool opened_ = false;
  bool in_list_ = false, takes_vocabulary_ = false;
  int list_depth_ = 0;
  std::string token_;
  std::vector<std::string> pair_;
};

}  // namespace

TokenizerJson read_tokenizer_json(std::string_view text) {
  TokenizerJson json;
  TokenizerEvents events(json);
  read_json(text, kFile, events);
  const Value* model = json.rest.find("model");
  const auto* table = model == nullptr ? nullptr : model->as<Table>();
  if (table == nullptr) refuse("has no model");
  const Value* type = table->find("type");
  if (type != nullptr && (type->as<std::string>() == nullptr || *type->as<std::string>() != "BPE")) {
    throw Error(ErrorCode::unsupported,
                std::string(kFile) + ": its model is no BPE, the only kind that we write into GGUF",
                "choose another format");
  }
  return json;
}

}  // namespace easylm::gguf
