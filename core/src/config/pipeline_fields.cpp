// The host's own keys of a pipeline file, and the rules for their values.
#include "config/pipeline_fields.h"

#include <algorithm>
#include <cctype>
#include <utility>
#include <vector>

#include "config/pipeline_config.h"

namespace easylm {
namespace {

Field make_field(std::string key, FieldType type, Value default_value, std::string doc) {
  Field field;
  field.key = std::move(key);
  field.type = type;
  field.doc = std::move(doc);
  field.default_value = std::move(default_value);
  return field;
}

std::vector<Field> make_run_fields() {
  Field name = make_field("name", FieldType::string, {},
                          "names the run and its checkpoints; default: the file's name");
  name.default_value.reset();
  name.is_optional = true;
  Field seed =
      make_field("seed", FieldType::integer, {std::int64_t{0}, {}}, "where all random numbers begin");
  seed.minimum = 0;
  Field device = make_field("device", FieldType::string, {std::string("auto"), {}},
                            "auto, cpu, cuda, or cuda:N; auto takes a GPU if there is one");
  Field precision = make_field("precision", FieldType::string, {std::string("fp32"), {}},
                               "of the computation; weights are kept in fp32");
  precision.choices = {"fp32", "bf16"};
  Field threads =
      make_field("threads", FieldType::integer, {std::int64_t{0}, {}}, "of the CPU; 0: one a core");
  threads.minimum = 0;
  threads.maximum = 4096;
  Field patience = make_field("stop_timeout_seconds", FieldType::integer, {std::int64_t{300}, {}},
                              "how long a run that a signal told to stop may take to save; then it is ended");
  patience.unit = "seconds";
  patience.minimum = 1;
  patience.maximum = 86400;
  return {name, seed, device, precision, threads, patience};
}

std::vector<Field> make_policy_fields() {
  Field every = make_field("every_steps", FieldType::integer, {std::int64_t{0}, {}},
                           "a version after every so many updates; 0: only at the end");
  Field keep = make_field("keep_last", FieldType::integer, {std::int64_t{0}, {}},
                          "how many of a run's newest versions to keep; 0: all");
  Field milestone = make_field("milestone_every_steps", FieldType::integer, {std::int64_t{0}, {}},
                               "versions at multiples of so many updates are never removed; 0: none");
  Field best = make_field("keep_best", FieldType::integer, {std::int64_t{0}, {}},
                          "how many of a run's best versions to keep; the alias `best` follows the first");
  const Field metric = make_field("best_metric", FieldType::string, {std::string("validation_loss"), {}},
                                  "what makes a version the best");
  Field direction =
      make_field("best_is", FieldType::string, {std::string("lowest"), {}}, "which value of it is best");
  direction.choices = {"lowest", "highest"};
  every.minimum = keep.minimum = milestone.minimum = best.minimum = 0;
  every.unit = milestone.unit = "steps";
  keep.unit = best.unit = "versions";
  return {every, keep, milestone, best, metric, direction};
}

}  // namespace

bool is_usable_name(std::string_view name) {
  const auto allowed = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
  };
  return !name.empty() && name.size() <= 100 && std::isalnum(static_cast<unsigned char>(name[0])) != 0 &&
         std::all_of(name.begin(), name.end(), allowed);
}

bool is_device(std::string_view device) {
  if (device == "auto" || device == "cpu" || device == "cuda") return true;
  if (!device.starts_with("cuda:") || device.size() == 5 || device.size() > 8) return false;
  return std::all_of(device.begin() + 5, device.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

std::span<const Field> run_fields() {
  static const std::vector<Field> kFields = make_run_fields();
  return kFields;
}

std::span<const Field> checkpoint_policy_fields() {
  static const std::vector<Field> kFields = make_policy_fields();
  return kFields;
}

}  // namespace easylm
