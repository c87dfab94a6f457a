// Reads members of the outermost object only, without building what is inside of them.
#include "json_example.h"

#include <algorithm>
#include <string>

#include "easylm/error.h"
#include "easylm/json_events.h"

namespace easylm::datasets {
namespace {

class Reader final : public JsonEvents {
 public:
  Reader(const ExampleEncoder& encoder, Example& example) : encoder_(encoder), example_(example) {}

  void begin_object() override {
    if (depth_ == 1) add("an object");
    ++depth_;
  }
  void end_object() override { --depth_; }
  void begin_array() override {
    add("a list");
    ++depth_;
  }
  void end_array() override { --depth_; }
  void key(std::string_view text) override {
    if (depth_ != 1) return;
    wanted_ = encoder_.reads(text);
    if (!wanted_) return;
    if (std::ranges::find(example_.fields, text, &ExampleField::name) != example_.fields.end()) {
      throw Error(ErrorCode::corrupt, "the field '" + std::string(text) + "' is there twice");
    }
    key_ = text;
  }
  void string(std::string_view text) override {
    add("a text");
    if (depth_ == 1 && wanted_) {
      example_.fields.back().text = text;
      example_.fields.back().other = {};
    }
  }
  void integer(std::int64_t /*x*/) override { add("a number"); }
  void real(double /*x*/) override { add("a number"); }
  void boolean(bool /*x*/) override { add("true or false"); }
  void null() override { add("null"); }

 private:
  void add(std::string_view what) {
    if (depth_ == 0) {
      throw Error(ErrorCode::corrupt, "the line is " + std::string(what) + ", not an object");
    }
    if (depth_ == 1 && wanted_) example_.fields.push_back({key_, {}, what});
  }

  const ExampleEncoder& encoder_;
  Example& example_;
  int depth_ = 0;
  bool wanted_ = false;  // the member of the outermost object that we are in
  std::string key_;
};

}  // namespace

void read_json_example(std::string_view line, const ExampleEncoder& encoder, Example& example) {
  Reader reader(encoder, example);
  read_json(line, "the line", reader);
}

}  // namespace easylm::datasets
