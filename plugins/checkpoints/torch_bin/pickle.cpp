// Runs the operations of pickle's protocol 2 that torch.save writes, over values that can do nothing.
#include "pickle.h"

#include <bit>
#include <cstring>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "easylm/error.h"
#include "easylm/json.h"
#include "easylm/utf8.h"
#include "pickle_values.h"

namespace easylm::torch_bin {
namespace {

constexpr std::size_t kMostOperations = 4'000'000;
constexpr std::size_t kMostTensors = 200'000;

constexpr std::string_view kOrderedDict = "collections OrderedDict";
constexpr std::string_view kRebuildTensor = "torch._utils _rebuild_tensor_v2";
constexpr std::string_view kRebuildParameter = "torch._utils _rebuild_parameter";
constexpr std::string_view kSize = "torch Size";

// "os system" as Python writes it.
std::string dotted(std::string_view global) {
  std::string text(global);
  if (const std::size_t space = text.find(' '); space != std::string::npos) text[space] = '.';
  return text;
}

class Unpickler {
 public:
  Unpickler(std::span<const std::byte> bytes, std::string_view where) : bytes_(bytes), where_(where) {}

  std::vector<PickledTensor> read() {
    if (byte() != 0x80 || byte() != 2) cannot("its pickle is not of protocol 2");
    for (std::size_t operations = 0; step(byte()); ++operations) {
      if (operations >= kMostOperations) refuse("its pickle is longer than that of any model");
    }
    if (at_ != bytes_.size()) refuse("bytes follow its pickle");
    return named_tensors(pop());
  }

 private:
  [[noreturn]] void refuse(const std::string& reason) const {
    throw Error(ErrorCode::corrupt, std::string(where_) + ": " + reason,
                "the file is damaged, or was not written by torch.save: get it again");
  }
  [[noreturn]] void cannot(const std::string& reason) const {
    throw Error(
        ErrorCode::unsupported, std::string(where_) + ": " + reason,
        "only a dictionary of tensors is read: in Python, torch.save({name: tensor, …}) makes one, and "
        "safetensors are safer still");
  }

  std::span<const std::byte> take(std::size_t bytes) {
    if (bytes > bytes_.size() - at_) refuse("its pickle ends too early");
    const auto taken = bytes_.subspan(at_, bytes);
    at_ += bytes;
    return taken;
  }
  unsigned byte() { return std::to_integer<unsigned>(take(1).front()); }

  std::uint64_t number(std::size_t size) {
    std::uint64_t x = 0;
    std::memcpy(&x, take(size).data(), size);
    return x;
  }

  std::string_view text(std::size_t bytes) {
    const auto taken = take(bytes);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }

  void push(Object object) { stack_.push_back(object); }
  void push(ObjectKind kind, std::size_t index) { push({kind, static_cast<std::int64_t>(index)}); }

  // What lies below a mark belongs to what is made later.
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  Object pop() {
    if (stack_.size() <= floor()) refuse("its pickle takes more than it made");
    const Object object = stack_.back();
    stack_.pop_back();
    return object;
  }
  const Object& top() const {
    if (stack_.size() <= floor()) refuse("its pickle takes more than it made");
    return stack_.back();
  }
  std::vector<Object> pop_to_mark() {
    if (marks_.empty()) refuse("its pickle goes back to a mark that isn't there");
    const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    marks_.pop_back();
    std::vector<Object> objects(first, stack_.end());
    stack_.erase(first, stack_.end());
    return objects;
  }

  void push_sequence(ObjectKind kind, std::vector<Object> items) {
    objects_.sequences.push_back(std::move(items));
    push(kind, objects_.sequences.size() - 1);
  }
  void push_tuple(std::size_t count) {
    std::vector<Object> items(count);
    for (std::size_t i = count; i-- > 0;) items[i] = pop();
    push_sequence(ObjectKind::tuple, std::move(items));
  }
  void push_dictionary() {
    objects_.dictionaries.emplace_back();
    push(ObjectKind::dictionary, objects_.dictionaries.size() - 1);
  }

  const std::vector<Object>& items(const Object& object, ObjectKind kind, const char* what) const {
    if (object.kind != kind) refuse(std::string(what) + " is " + std::string(name_of(object.kind)));
    return objects_.sequences[static_cast<std::size_t>(object.integer)];
  }

  void append(const std::vector<Object>& objects) {
    if (top().kind != ObjectKind::list) refuse("its pickle appends to something that is no list");
    auto& list = objects_.sequences[static_cast<std::size_t>(top().integer)];
    list.insert(list.end(), objects.begin(), objects.end());
  }
  void set_items(const std::vector<Object>& objects) {
    if (top().kind != ObjectKind::dictionary)
      refuse("its pickle puts a key into something that is no dictionary");
    if (objects.size() % 2 != 0) refuse("its pickle has a key without a value");
    auto& dictionary = objects_.dictionaries[static_cast<std::size_t>(top().integer)];
    for (std::size_t i = 0; i < objects.size(); i += 2) dictionary.emplace_back(objects[i], objects[i + 1]);
  }

  void memoise(std::uint64_t index) { memo_[index] = top(); }
  void recall(std::uint64_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) refuse("its pickle recalls what it never made");
    push(found->second);
  }

  bool step(unsigned operation);
  bool step_value(unsigned operation);
  void push_global();
  void push_long();
  void push_storage();
  void reduce();
  void rebuild_tensor(const std::vector<Object>& arguments);
  std::vector<std::int64_t> sizes(const Object& object) const;
  std::vector<PickledTensor> named_tensors(const Object& root) const;

  std::span<const std::byte> bytes_;
  std::string_view where_;
  std::size_t at_ = 0;
  std::vector<Object> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, Object> memo_;
  Objects objects_;
};

// One operation; false at the end.
bool Unpickler::step(unsigned operation) {
  switch (operation) {
    case '.':  // STOP
      return false;
    case '(':  // MARK
      marks_.push_back(stack_.size());
      return true;
    case 't':  // TUPLE
      push_sequence(ObjectKind::tuple, pop_to_mark());
      return true;
    case 0x85:  // TUPLE1 to TUPLE3
    case 0x86:
    case 0x87:
      push_tuple(operation - 0x84);
      return true;
    case 'a':  // APPEND
      append({pop()});
      return true;
    case 'e':  // APPENDS
      append(pop_to_mark());
      return true;
    case 's': {  // SETITEM
      const Object value = pop(), key = pop();
      set_items({key, value});
      return true;
    }
    case 'u':  // SETITEMS
      set_items(pop_to_mark());
      return true;
    case 'q':  // BINPUT
      memoise(number(1));
      return true;
    case 'r':  // LONG_BINPUT
      memoise(number(4));
      return true;
    case 'h':  // BINGET
      recall(number(1));
      return true;
    case 'j':  // LONG_BINGET
      recall(number(4));
      return true;
    case 'c':  // GLOBAL
      push_global();
      return true;
    case 'Q':  // BINPERSID
      push_storage();
      return true;
    case 'R':  // REDUCE
      reduce();
      return true;
    case 'b':  // BUILD: attributes of the dictionary, such as the versions of its modules
      if (pop().kind != ObjectKind::dictionary || top().kind != ObjectKind::dictionary) {
        refuse("its pickle gives attributes to something that is no dictionary");
      }
      return true;
    default:
      return step_value(operation);
  }
}

// The operations that push a plain value.
bool Unpickler::step_value(unsigned operation) {
  switch (operation) {
    case 'N':  // NONE
      push({ObjectKind::none});
      return true;
    case 0x88:  // NEWTRUE, NEWFALSE
    case 0x89:
      push({ObjectKind::boolean, operation == 0x88 ? 1 : 0});
      return true;
    case 'K':  // BININT1
      push({ObjectKind::integer, static_cast<std::int64_t>(number(1))});
      return true;
    case 'M':  // BININT2
      push({ObjectKind::integer, static_cast<std::int64_t>(number(2))});
      return true;
    case 'J':  // BININT
      push({ObjectKind::integer, static_cast<std::int32_t>(number(4))});
      return true;
    case 0x8a:  // LONG1
      push_long();
      return true;
    case 'G':  // BINFLOAT
      take(8);
      push({ObjectKind::real});
      return true;
    case 'X':  // BINUNICODE
      push({ObjectKind::text, 0, text(number(4))});
      return true;
    case ')':  // EMPTY_TUPLE
      push_sequence(ObjectKind::tuple, {});
      return true;
    case ']':  // EMPTY_LIST
      push_sequence(ObjectKind::list, {});
      return true;
    case '}':  // EMPTY_DICT
      push_dictionary();
      return true;
    default:
      cannot("its pickle holds operation " + std::to_string(operation) + ", which torch.save doesn't write");
  }
}

void Unpickler::push_global() {
  const auto line = [&] {
    const auto rest = bytes_.subspan(at_);
    const void* end = rest.empty() ? nullptr : std::memchr(rest.data(), '\n', rest.size());
    if (end == nullptr) refuse("its pickle ends too early");
    const std::string_view name =
        text(static_cast<std::size_t>(static_cast<const std::byte*>(end) - rest.data()));
    take(1);
    return name;
  };
  const std::string_view module = line(), name = line();
  const std::string_view known[] = {kOrderedDict, kRebuildTensor, kRebuildParameter, kSize};
  const auto is = [&](std::string_view global) {
    return global.size() == module.size() + 1 + name.size() && global.starts_with(module) &&
           global[module.size()] == ' ' && global.ends_with(name);
  };
  for (const std::string_view global : known) {
    if (is(global)) return push({ObjectKind::global, 0, global});
  }
  for (const StorageType& type : storage_types()) {
    if (is(type.global)) return push({ObjectKind::global, 0, type.global});
  }
  constexpr std::size_t kShown = 200;
  const std::string asked = std::string(module.substr(0, kShown)) + " " + std::string(name.substr(0, kShown));
  cannot("its pickle asks for " + json_quoted(dotted(asked)) +
         ", which is no part of a dictionary of tensors");
}

void Unpickler::push_long() {
  const std::size_t size = byte();
  if (size > 8) refuse("its pickle holds a whole number of more than 64 bits");
  std::uint64_t x = size == 0 ? 0 : number(size);
  if (size > 0 && size < 8 && (x >> (8 * size - 1) & 1U) != 0) x |= ~std::uint64_t{0} << 8 * size;
  push({ObjectKind::integer, std::bit_cast<std::int64_t>(x)});
}

// ("storage", type, key, device, elements)
void Unpickler::push_storage() {
  const auto& parts = items(pop(), ObjectKind::tuple, "a storage");
  if (parts.size() != 5 || parts[0].kind != ObjectKind::text || parts[0].text != "storage" ||
      parts[1].kind != ObjectKind::global || !storage_type(parts[1].text) ||
      parts[2].kind != ObjectKind::text || parts[4].kind != ObjectKind::integer || parts[4].integer < 0) {
    refuse("its pickle refers to something that is no storage of a tensor");
  }
  objects_.storages.push_back({*storage_type(parts[1].text), parts[2].text, parts[4].integer});
  push(ObjectKind::storage, objects_.storages.size() - 1);
}

void Unpickler::reduce() {
  const Object arguments = pop(), global = pop();
  if (global.kind != ObjectKind::global) refuse("its pickle calls " + std::string(name_of(global.kind)));
  const auto& parts = items(arguments, ObjectKind::tuple, "what a call is given");
  if (global.text == kOrderedDict && parts.empty()) return push_dictionary();
  if (global.text == kRebuildTensor) return rebuild_tensor(parts);
  if (global.text == kSize && parts.size() == 1 && parts[0].kind == ObjectKind::tuple) return push(parts[0]);
  if (global.text == kRebuildParameter && parts.size() == 3 && parts[0].kind == ObjectKind::tensor) {
    return push(parts[0]);
  }
  refuse("its pickle calls " + dotted(global.text) + " with what it doesn't take");
}

std::vector<std::int64_t> Unpickler::sizes(const Object& object) const {
  constexpr std::size_t kMostDimensions = 64;
  std::vector<std::int64_t> sizes;
  const auto& parts = items(object, ObjectKind::tuple, "a shape");
  if (parts.size() > kMostDimensions) refuse("a tensor has more than 64 dimensions");
  for (const Object& part : parts) {
    if (part.kind != ObjectKind::integer) refuse("a shape holds " + std::string(name_of(part.kind)));
    sizes.push_back(part.integer);
  }
  return sizes;
}

// (storage, first element, shape, strides, requires_grad, hooks[, metadata])
void Unpickler::rebuild_tensor(const std::vector<Object>& arguments) {
  if ((arguments.size() != 6 && arguments.size() != 7) || arguments[0].kind != ObjectKind::storage ||
      arguments[1].kind != ObjectKind::integer) {
    refuse("its pickle makes a tensor of something else than a storage and a place in it");
  }
  if (objects_.tensors.size() >= kMostTensors) refuse("its pickle makes more tensors than any model has");
  const Storage& storage = objects_.storages[static_cast<std::size_t>(arguments[0].integer)];
  PickledTensor tensor{{}, storage.dtype, {}, storage.key, storage.elements};
  tensor.layout = {size_of(storage.dtype), sizes(arguments[2]), sizes(arguments[3]), arguments[1].integer};
  if (tensor.layout.shape.size() != tensor.layout.strides.size()) {
    refuse("a tensor has another number of strides than of dimensions");
  }
  objects_.tensors.push_back(std::move(tensor));
  push(ObjectKind::tensor, objects_.tensors.size() - 1);
}

std::vector<PickledTensor> Unpickler::named_tensors(const Object& root) const {
  if (root.kind == ObjectKind::tensor) cannot("it holds a single tensor without a name");
  if (root.kind != ObjectKind::dictionary) cannot("it holds " + std::string(name_of(root.kind)));
  std::vector<PickledTensor> tensors;
  std::unordered_set<std::string_view> names;
  for (const auto& [key, value] : objects_.dictionaries[static_cast<std::size_t>(root.integer)]) {
    if (key.kind != ObjectKind::text) cannot("a key of its dictionary is " + std::string(name_of(key.kind)));
    const std::string quoted = json_quoted(key.text);
    if (value.kind != ObjectKind::tensor)
      cannot(quoted + " is " + std::string(name_of(value.kind)) + ", not a tensor");
    if (key.text.empty() || !is_utf8(key.text)) refuse("a tensor has no name, or one that is no UTF-8");
    if (!names.insert(key.text).second) refuse("tensor " + quoted + " comes twice");
    tensors.push_back(objects_.tensors[static_cast<std::size_t>(value.integer)]);
    tensors.back().name = key.text;
  }
  return tensors;
}

}  // namespace

std::vector<PickledTensor> read_pickle(std::span<const std::byte> pickle, std::string_view where) {
  return Unpickler(pickle, where).read();
}

}  // namespace easylm::torch_bin
