// What making or applying a delta says of itself.
#include "checkpoint/delta.h"
#include "easylm/json.h"
#include "easylm/schema.h"
#include "registry/report.h"
#include "registry/table_text.h"

namespace easylm {

std::string delta_text(const DeltaReport& report) {
  std::string text = count_text(report.changed) + " tensors as differences, " + count_text(report.whole) +
                     " whole, " + count_text(report.same) + " as in the base\n";
  for (const std::string& name : report.only_in_base) text += "only in the base: " + name + "\n";
  const bool known = !report.target.empty();
  text += "base " + report.base.substr(0, 12) +
          (known ? ", target " + report.target.substr(0, 12) + "\n"
                 : "; the delta says neither its base nor its target, so neither was checked\n");
  if (known && !report.exact) text += "rounded: not the target to the last bit\n";
  return text + report.to.string() + ", " + bytes_text(report.bytes) + "\n";
}

std::string delta_json(const DeltaReport& report) {
  Table root;
  root.set("to", {report.to.string(), {}});
  root.set("same", {report.same, {}});
  root.set("changed", {report.changed, {}});
  root.set("whole", {report.whole, {}});
  root.set("only_in_base", schema_detail::to_value(report.only_in_base));
  root.set("bytes", {report.bytes, {}});
  root.set("base", {report.base, {}});
  root.set("target", {report.target, {}});
  root.set("exact", {report.exact, {}});
  return json_text(root);
}

}  // namespace easylm
