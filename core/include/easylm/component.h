// The root of everything that a plugin can provide.
#pragma once

#include <string_view>

#include "easylm/export.h"

namespace easylm {

// A concrete piece found at run time. Each interface derives from it and states
//   static constexpr std::string_view kKind = "tokenizer";                  the word used in config files
//   static constexpr std::string_view kInterface = "easylm.tokenizer/1";    the versioned contract
class EASYLM_API Component {
 public:
  Component();
  virtual ~Component();
  Component(const Component&) = delete;
  Component& operator=(const Component&) = delete;

  // (optional) A further capability, by versioned id: a pointer to that interface inside this object, or
  // null. It lives as long as the component. Default: null. [any-thread]
  virtual void* extension(std::string_view id);
};

// `component` seen through the extension interface T, or null. T states kInterface.
template <typename T>
T* extension_of(Component& component) {
  return static_cast<T*>(component.extension(T::kInterface));
}

}  // namespace easylm
