// What a file of the Python EasyLM holds: the leaves of a tree of named arrays, in either of its two forms.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/checkpoint_format.h"
#include "easylm/strided.h"

namespace easylm::stream {

using TreePath = std::vector<std::string>;

std::string path_text(const TreePath& path);  // "transformer/wte/embedding"

// An array, or a plain value.
struct Leaf {
  TreePath path;
  bool is_array = false;
  std::string type;                 // an array's element type as numpy calls it: "bfloat16"
  std::optional<DType> dtype = {};  // the same, if it is one of ours
  std::vector<std::int64_t> shape = {};
  ElementParts data = {};
  std::string text = {};  // a plain value
};

// How the tree is laid out: one record a leaf, or one map for all.
enum class Form { stream, flax };

// The form that the first bytes show; none if they show neither.
std::optional<Form> recognise(std::span<const std::byte> start);

// Reads the headers in a whole file; the arrays' bytes stay where they are, untouched. `where` names the
// file. Throws Error{corrupt} that names place or leaf, also for a path that comes twice.
std::vector<Leaf> read_tree(std::span<const std::byte> file, std::string_view where);

// numpy's name of an element type.
std::string_view numpy_name(DType dtype);

}  // namespace easylm::stream
