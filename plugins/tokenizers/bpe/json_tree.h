// Building a small tree from JSON events.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/value.h"
#include "json_members.h"

namespace easylm::tokenizers::bpe {

// Takes the events of one value. Null members are left out, as parse_json() does.
class JsonTree {
 public:
  // A value of more parts than `most_parts` is refused: it would take a hundred times the bytes of its file.
  JsonTree(std::size_t most_parts, const std::string& where) : most_parts_(most_parts), where_(where) {}

  // Whether the last event completed the value.
  bool complete() const { return complete_; }
  // The value; none if it is null. Then the tree is empty again.
  std::optional<Value> take() {
    complete_ = false;
    parts_ = 0;
    return std::exchange(root_, std::nullopt);
  }

  void begin(Value container) {
    count();
    open_.push_back({std::move(container), std::move(key_)});
  }
  void end() {
    Value value = std::move(open_.back().value);
    key_ = std::move(open_.back().key);
    open_.pop_back();
    place(std::move(value));
  }
  void key(std::string_view text) { key_ = text; }
  void scalar(Value value) {
    count();
    place(std::move(value));
  }
  void null() {
    if (open_.empty()) {
      complete_ = true;
    } else if (std::holds_alternative<List>(open_.back().value.data)) {
      throw_corrupt(where_, "a list holds null");
    }
  }

 private:
  struct Open {
    Value value;
    std::string key;  // where it belongs in the one around it
  };

  void count() {
    if (++parts_ > most_parts_)
      throw_corrupt(where_, "a component has more than " + std::to_string(most_parts_) + " parts");
  }
  void place(Value value) {
    if (open_.empty()) {
      root_ = std::move(value);
      complete_ = true;
    } else if (auto* list = std::get_if<List>(&open_.back().value.data)) {
      list->push_back(std::move(value));
    } else {
      auto& table = std::get<Table>(open_.back().value.data);
      if (table.find(key_) != nullptr) throw_corrupt(where_, "'" + key_ + "' is there twice");
      table.settings.push_back({std::move(key_), std::move(value)});
    }
  }

  std::size_t most_parts_;
  const std::string& where_;
  std::size_t parts_ = 0;
  bool complete_ = false;
  std::vector<Open> open_;
  std::string key_;
  std::optional<Value> root_;
};

}  // namespace easylm::tokenizers::bpe
