// Walks over records and maps, and stops at every array's header.
#include "tree.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "easylm/error.h"
#include "easylm/json.h"
#include "easylm/utf8.h"
#include "msgpack.h"

namespace easylm::stream {
namespace {

// What a file may make us keep besides its arrays.
constexpr std::size_t kMostLeaves = 200'000;
constexpr std::size_t kMostPathBytes = std::size_t{64} << 20U;
constexpr std::size_t kMostDepth = 32;
constexpr std::size_t kMostDimensions = 64;
constexpr std::string_view kChunked = "__msgpack_chunked_array__";

// flax's types of MessagePack extensions.
constexpr int kArray = 1;
constexpr int kComplex = 2;
constexpr int kScalar = 3;

struct TypeName {
  std::string_view name;
  DType dtype;
};
constexpr std::array<TypeName, 10> kTypes = {{{"float64", DType::f64},
                                              {"float32", DType::f32},
                                              {"float16", DType::f16},
                                              {"bfloat16", DType::bf16},
                                              {"int64", DType::i64},
                                              {"int32", DType::i32},
                                              {"int16", DType::i16},
                                              {"int8", DType::i8},
                                              {"uint8", DType::u8},
                                              {"bool", DType::boolean}}};

class TreeReader {
 public:
  TreeReader(std::span<const std::byte> file, std::string_view where)
      : file_(file), where_(where), reader_(file, 0, where) {}

  void read_records() {
    while (!reader_.at_end()) {
      if (reader_.next(TokenKind::array, "a record").count != 2) reader_.refuse("a record has not two items");
      read_key();
      const Token value = reader_.next(TokenKind::binary, "a record's value");
      MsgpackReader inner = inside(value.payload);
      read_value(inner, kMostDepth - 1);
      if (!inner.at_end()) inner.refuse("bytes follow the value of " + path_here());
    }
  }

  void read_map() {
    read_value(reader_, 0);
    if (!reader_.at_end()) reader_.refuse("bytes follow the map");
  }

  std::vector<Leaf> take() && { return std::move(leaves_); }

 private:
  std::string path_here() const { return json_quoted(path_text(path_)); }

  MsgpackReader inside(std::span<const std::byte> payload) const {
    return {payload, static_cast<std::size_t>(payload.data() - file_.data()), where_};
  }

  void read_key() {
    const std::uint32_t count = reader_.next(TokenKind::array, "a key").count;
    if (count == 0 || count > kMostDepth) reader_.refuse("a key has " + std::to_string(count) + " parts");
    path_.clear();
    for (std::uint32_t i = 0; i < count; ++i) {
      path_.emplace_back(reader_.next(TokenKind::string, "a part of a key").text());
    }
  }

  void read_value(MsgpackReader& reader, std::size_t depth) {
    const Token token = reader.next();
    if (token.kind == TokenKind::map && token.count > 0) return read_pairs(reader, token.count, depth);
    if (token.kind == TokenKind::array) reader.refuse(path_here() + " is a list, and none belongs here");
    Leaf leaf{path_};
    if (token.kind == TokenKind::extension && token.extension_type != kComplex) {
      read_array(token, leaf);
    } else {
      leaf.text = plain_text(token);
    }
    add(reader, std::move(leaf));
  }

  void read_pairs(MsgpackReader& reader, std::uint32_t count, std::size_t depth) {
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::string_view name = reader.next(TokenKind::string, "a name").text();
      if (i == 0 && name == kChunked) return read_chunks(reader, count);
      if (depth >= kMostDepth) reader.refuse(path_here() + " is nested deeper than 32 levels");
      path_.emplace_back(name);
      read_value(reader, depth + 1);
      path_.pop_back();
    }
  }

  // An array above a size is a map: "__msgpack_chunked_array__", its shape and its chunks, each under its
  // number.
  void read_chunks(MsgpackReader& reader, std::uint32_t count) {
    if (count != 3) reader.refuse("the chunked array " + path_here() + " has not three members");
    reader.next(TokenKind::boolean, "true");
    expect_name(reader, "shape");
    Leaf leaf{path_, true};
    const std::uint32_t dimensions = reader.next(TokenKind::map, "a shape").count;
    if (dimensions > kMostDimensions) reader.refuse(path_here() + " has more than 64 dimensions");
    for (std::uint32_t i = 0; i < dimensions; ++i) {
      expect_name(reader, std::to_string(i));
      leaf.shape.push_back(reader.next(TokenKind::integer, "a dimension").integer);
    }
    expect_name(reader, "chunks");
    const std::uint32_t chunks = reader.next(TokenKind::map, "chunks").count;
    for (std::uint32_t i = 0; i < chunks; ++i) {
      expect_name(reader, std::to_string(i));
      Leaf chunk{path_};
      read_array(reader.next(TokenKind::extension, "a chunk"), chunk);
      check_size(reader, chunk);
      if (i > 0 && chunk.type != leaf.type) reader.refuse("the chunks of " + path_here() + " differ in type");
      const std::span<const std::byte> bytes = chunk.data.parts.front();
      if (i > 0 && leaf.data.parts.back().size() != static_cast<std::size_t>(leaf.data.part_bytes)) {
        reader.refuse("a chunk of " + path_here() + " that is not the last is shorter than the first");
      }
      if (i == 0) leaf.data.part_bytes = chunk.data.part_bytes;
      if (bytes.empty() || static_cast<std::int64_t>(bytes.size()) > leaf.data.part_bytes) {
        reader.refuse("a chunk of " + path_here() + " is empty or larger than the first");
      }
      leaf.type = chunk.type;
      leaf.dtype = chunk.dtype;
      leaf.data.parts.push_back(bytes);
    }
    if (chunks == 0) reader.refuse("the chunked array " + path_here() + " has no chunks");
    add(reader, std::move(leaf));
  }

  static void expect_name(MsgpackReader& reader, const std::string& name) {
    if (reader.next(TokenKind::string, "a name").text() != name)
      reader.refuse("'" + name + "' should be here");
  }

  // flax's array: an extension that holds [shape, element type, bytes].
  void read_array(const Token& token, Leaf& leaf) const {
    MsgpackReader reader = inside(token.payload);
    if (token.extension_type != kArray && token.extension_type != kScalar) {
      reader.refuse(path_here() + " is an extension of type " + std::to_string(token.extension_type) +
                    ", and flax has none such");
    }
    if (reader.next(TokenKind::array, "an array's parts").count != 3) {
      reader.refuse(path_here() + " has not three parts");
    }
    const std::uint32_t dimensions = reader.next(TokenKind::array, "a shape").count;
    if (dimensions > kMostDimensions) reader.refuse(path_here() + " has more than 64 dimensions");
    leaf.is_array = true;
    for (std::uint32_t i = 0; i < dimensions; ++i) {
      leaf.shape.push_back(reader.next(TokenKind::integer, "a dimension").integer);
    }
    const std::string_view type = reader.next(TokenKind::string, "an element type").text();
    if (type.size() > 64) reader.refuse(path_here() + " has an element type of more than 64 letters");
    leaf.type = type;
    for (const TypeName& known : kTypes) {
      if (known.name == type) leaf.dtype = known.dtype;
    }
    leaf.data.parts = {reader.next(TokenKind::binary, "an array's bytes").payload};
    leaf.data.part_bytes = static_cast<std::int64_t>(leaf.data.parts.front().size());
    if (!reader.at_end()) reader.refuse("bytes follow the array " + path_here());
  }

  // That shape and bytes agree; of a type that we don't know only that the shape is one.
  void check_size(const MsgpackReader& reader, const Leaf& leaf) const {
    std::int64_t wanted = 0;
    try {
      wanted = TensorInfo{{}, leaf.dtype.value_or(DType::u8), leaf.shape}.num_bytes();
    } catch (const Error&) {
      reader.refuse(path_here() + " has a shape of more bytes than there can be");
    }
    if (!leaf.dtype) return;
    std::size_t bytes = 0;
    for (const auto& part : leaf.data.parts) bytes += part.size();
    if (bytes != static_cast<std::size_t>(wanted)) {
      reader.refuse(path_here() + " has " + std::to_string(bytes) + " bytes, but its shape takes " +
                    std::to_string(wanted));
    }
    if (leaf.data.part_bytes % size_of(*leaf.dtype) != 0)
      reader.refuse("an element of " + path_here() + " is cut");
  }

  static std::string plain_text(const Token& token) {
    switch (token.kind) {
      case TokenKind::boolean:
        return token.integer != 0 ? "true" : "false";
      case TokenKind::integer:
        return std::to_string(token.integer);
      case TokenKind::real:
        return std::to_string(token.real);
      default:
        return std::string(name_of(token.kind));
    }
  }

  void add(const MsgpackReader& reader, Leaf leaf) {
    if (leaf.is_array) check_size(reader, leaf);
    for (const std::string& part : leaf.path) path_bytes_ += part.size() + sizeof(std::string);
    if (leaves_.size() >= kMostLeaves || path_bytes_ > kMostPathBytes) {
      reader.refuse("there are more names than any model has");
    }
    if (!std::ranges::all_of(leaf.path, is_utf8)) reader.refuse("there is a name that is no UTF-8");
    if (leaf.path.empty()) reader.refuse("there is a value without a name");
    if (!paths_.insert(leaf.path).second) reader.refuse(path_here() + " comes twice");
    leaves_.push_back(std::move(leaf));
  }

  std::span<const std::byte> file_;
  std::string_view where_;
  MsgpackReader reader_;
  TreePath path_;
  std::size_t path_bytes_ = 0;
  std::set<TreePath> paths_;
  std::vector<Leaf> leaves_;
};

}  // namespace

std::string path_text(const TreePath& path) {
  std::string text;
  for (const std::string& part : path) text += (text.empty() ? "" : "/") + part;
  return text;
}

std::string_view numpy_name(DType dtype) {
  return std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeName& type) { return type.dtype == dtype; })
      ->name;
}

std::optional<Form> recognise(std::span<const std::byte> start) {
  try {
    MsgpackReader reader(start, 0, "");
    const Token first = reader.next();
    if (first.kind == TokenKind::map && first.count > 0) {
      reader.next(TokenKind::string, "a name");
      return Form::flax;
    }
    if (first.kind != TokenKind::array || first.count != 2) return std::nullopt;
    if (reader.next(TokenKind::array, "a key").count == 0) return std::nullopt;
    reader.next(TokenKind::string, "a part of a key");
    return Form::stream;
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::vector<Leaf> read_tree(std::span<const std::byte> file, std::string_view where) {
  const std::optional<Form> form = recognise(file);
  if (!form) {
    throw Error(ErrorCode::corrupt, std::string(where) + " does not begin as a file of EasyLM or flax does",
                "the file is damaged, was never finished, or is of another kind");
  }
  TreeReader reader(file, where);
  if (form == Form::stream) {
    reader.read_records();
  } else {
    reader.read_map();
  }
  return std::move(reader).take();
}

}  // namespace easylm::stream
