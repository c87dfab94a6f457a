// Everything wrong with a configuration, collected, so that one check reports it all.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/export.h"
#include "easylm/value.h"

namespace easylm {

enum class Severity { warning, error };

struct Diagnostic {
  std::string file;  // or what else the value came from: "--set", "environment"
  int line = 0;      // 1-based; 0 if unknown
  int column = 0;    // in characters, 1-based; 0 if unknown
  Severity severity = Severity::error;
  std::string code;  // stable, for scripts: "unknown_key"
  std::string message;
  std::string hint;  // what to do; may be empty

  bool operator==(const Diagnostic&) const = default;
};

class EASYLM_API Diagnostics {
 public:
  void add(Diagnostic diagnostic);
  void error(const Origin& at, std::string_view code, std::string message, std::string hint = {});
  void warning(const Origin& at, std::string_view code, std::string message, std::string hint = {});
  void append(const Diagnostics& others);

  bool has_errors() const { return num_errors() > 0; }
  std::size_t num_errors() const;
  bool empty() const { return items_.empty(); }

  // By file, line and column, each once.
  std::vector<Diagnostic> sorted() const;

  // `file:line:column: error: message`, and below it `  hint: …`; sorted; empty if there is nothing.
  std::string text() const;

 private:
  std::vector<Diagnostic> items_;
};

// One line of JSON: {"ok":bool,"diagnostics":[{"file","line","column","severity","code","message","hint"}]}.
EASYLM_API std::string to_json(const Diagnostics& diagnostics);

}  // namespace easylm
