// Checksums over the layout of the structs that cross the plugin border, worked out by the compiler: a plugin
// built with other headers, other packing or another standard library has other ones, and is refused unread.
// One sum is over the structs of API 1.0, which stay as they are until the next major version. Structs that
// come with a later minor have a sum of their own, which plugins of earlier minors needn't know. What no sum
// sees, such as a reordered virtual function or a struct of the tensor half, is written down in sdk/abi.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

#include "easylm/chart.h"
#include "easylm/checkpoint_format.h"
#include "easylm/checkpoints.h"
#include "easylm/dataset.h"
#include "easylm/element_update.h"
#include "easylm/registrar.h"
#include "easylm/stage.h"
#include "easylm/tokenizer.h"
#include "easylm/tracker.h"

namespace easylm {
namespace layout_detail {

// FNV-1a over 64-bit words.
class Checksum {
 public:
  constexpr Checksum& add(std::initializer_list<std::size_t> words) {
    for (const std::size_t word : words) value_ = (value_ ^ word) * 0x100000001b3ULL;
    return *this;
  }
  constexpr std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325ULL;
};

}  // namespace layout_detail

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winvalid-offsetof"  // both compilers define it for these plain aggregates
#define EASYLM_SIZE(T) sizeof(T), alignof(T)
#define EASYLM_AT(T, member) offsetof(T, member), sizeof(decltype(T::member))

namespace layout_detail {

constexpr void add_values_and_descriptions(Checksum& sum) {
  sum.add({EASYLM_SIZE(Origin), EASYLM_AT(Origin, source), EASYLM_AT(Origin, file), EASYLM_AT(Origin, line),
           EASYLM_AT(Origin, column)});
  sum.add({EASYLM_SIZE(Table), EASYLM_AT(Table, type), EASYLM_AT(Table, settings), EASYLM_AT(Table, origin)});
  sum.add({EASYLM_SIZE(Value), EASYLM_AT(Value, data), EASYLM_AT(Value, origin)});
  sum.add({EASYLM_SIZE(Setting), EASYLM_AT(Setting, key), EASYLM_AT(Setting, value)});
  sum.add({EASYLM_SIZE(Field), EASYLM_AT(Field, key), EASYLM_AT(Field, type), EASYLM_AT(Field, doc),
           EASYLM_AT(Field, unit), EASYLM_AT(Field, default_value), EASYLM_AT(Field, is_optional),
           EASYLM_AT(Field, must_exist), EASYLM_AT(Field, minimum), EASYLM_AT(Field, maximum),
           EASYLM_AT(Field, exclusive_minimum), EASYLM_AT(Field, choices), EASYLM_AT(Field, component_kind),
           EASYLM_AT(Field, fields)});
  sum.add({EASYLM_SIZE(Preset), EASYLM_AT(Preset, name), EASYLM_AT(Preset, settings)});
  sum.add({EASYLM_SIZE(Fact), EASYLM_AT(Fact, name), EASYLM_AT(Fact, expression)});
  sum.add({EASYLM_SIZE(TensorRule), EASYLM_AT(TensorRule, name), EASYLM_AT(TensorRule, shape),
           EASYLM_AT(TensorRule, count), EASYLM_AT(TensorRule, condition)});
  sum.add({EASYLM_SIZE(Constraint), EASYLM_AT(Constraint, expression), EASYLM_AT(Constraint, key),
           EASYLM_AT(Constraint, message), EASYLM_AT(Constraint, hint)});
  sum.add({EASYLM_SIZE(Port), EASYLM_AT(Port, name), EASYLM_AT(Port, required)});
  using Description = ComponentDescription;
  sum.add({EASYLM_SIZE(Description), EASYLM_AT(Description, kind), EASYLM_AT(Description, interface),
           EASYLM_AT(Description, name), EASYLM_AT(Description, doc), EASYLM_AT(Description, fields),
           EASYLM_AT(Description, presets), EASYLM_AT(Description, facts), EASYLM_AT(Description, tensors),
           EASYLM_AT(Description, constraints), EASYLM_AT(Description, needs),
           EASYLM_AT(Description, makes)});
  sum.add({EASYLM_SIZE(ComponentFactory), EASYLM_AT(ComponentFactory, description),
           EASYLM_AT(ComponentFactory, create), EASYLM_AT(ComponentFactory, echo)});
}

// Among them classes with inline members.
constexpr void add_services(Checksum& sum) {
  sum.add({EASYLM_SIZE(Component), EASYLM_SIZE(Host), EASYLM_SIZE(Error), EASYLM_SIZE(RandomStream),
           EASYLM_SIZE(StopToken)});
  sum.add({EASYLM_SIZE(LogPair), EASYLM_AT(LogPair, key), EASYLM_AT(LogPair, value)});
  sum.add({EASYLM_SIZE(Paths), EASYLM_AT(Paths, run), EASYLM_AT(Paths, cache)});
}

constexpr void add_data_and_text(Checksum& sum) {
  sum.add({EASYLM_SIZE(SpecialTokens), EASYLM_AT(SpecialTokens, bos), EASYLM_AT(SpecialTokens, eos),
           EASYLM_AT(SpecialTokens, pad), EASYLM_AT(SpecialTokens, stop)});
  sum.add({EASYLM_SIZE(TextRange), EASYLM_AT(TextRange, begin), EASYLM_AT(TextRange, end)});
  sum.add(
      {EASYLM_SIZE(EncodeOptions), EASYLM_AT(EncodeOptions, special_text), EASYLM_AT(EncodeOptions, marks)});
  sum.add({EASYLM_SIZE(Encoding), EASYLM_AT(Encoding, ids), EASYLM_AT(Encoding, offsets)});
  sum.add({EASYLM_SIZE(NamedFile), EASYLM_AT(NamedFile, name), EASYLM_AT(NamedFile, bytes)});
  sum.add({EASYLM_SIZE(DatasetPosition), EASYLM_AT(DatasetPosition, epoch), EASYLM_AT(DatasetPosition, batch),
           EASYLM_AT(DatasetPosition, where), EASYLM_AT(DatasetPosition, state)});
  sum.add({EASYLM_SIZE(TokenBatch), EASYLM_AT(TokenBatch, num_rows), EASYLM_AT(TokenBatch, length),
           EASYLM_AT(TokenBatch, inputs), EASYLM_AT(TokenBatch, targets), EASYLM_AT(TokenBatch, mask),
           EASYLM_AT(TokenBatch, segments), EASYLM_AT(TokenBatch, first)});
  sum.add({EASYLM_SIZE(DatasetOptions), EASYLM_AT(DatasetOptions, tokenizer), EASYLM_AT(DatasetOptions, pass),
           EASYLM_AT(DatasetOptions, rank), EASYLM_AT(DatasetOptions, world)});
  sum.add({EASYLM_SIZE(Document), EASYLM_AT(Document, tokens), EASYLM_AT(Document, mask)});
  sum.add({EASYLM_SIZE(DatasetCounts), EASYLM_AT(DatasetCounts, documents), EASYLM_AT(DatasetCounts, tokens),
           EASYLM_AT(DatasetCounts, bad), EASYLM_AT(DatasetCounts, cut), EASYLM_AT(DatasetCounts, dropped),
           EASYLM_AT(DatasetCounts, places), EASYLM_AT(DatasetCounts, padding),
           EASYLM_AT(DatasetCounts, lengths), EASYLM_SIZE(LengthCount), EASYLM_AT(LengthCount, length),
           EASYLM_AT(LengthCount, documents)});
}

constexpr void add_checkpoints(Checksum& sum) {
  sum.add({EASYLM_SIZE(TensorInfo), EASYLM_AT(TensorInfo, name), EASYLM_AT(TensorInfo, dtype),
           EASYLM_AT(TensorInfo, shape), EASYLM_AT(TensorInfo, stored_type),
           EASYLM_AT(TensorInfo, stored_bytes)});
  sum.add({EASYLM_SIZE(WritePlan), EASYLM_AT(WritePlan, stem), EASYLM_AT(WritePlan, tensors),
           EASYLM_AT(WritePlan, model_config), EASYLM_AT(WritePlan, files), EASYLM_AT(WritePlan, metadata)});
  sum.add({EASYLM_SIZE(SaveRequest), EASYLM_AT(SaveRequest, step), EASYLM_AT(SaveRequest, tokens),
           EASYLM_AT(SaveRequest, dataset_fingerprint), EASYLM_AT(SaveRequest, parent),
           EASYLM_AT(SaveRequest, metrics)});
  sum.add({EASYLM_SIZE(SavedVersion), EASYLM_AT(SavedVersion, uri), EASYLM_AT(SavedVersion, path)});
}

constexpr void add_stages_and_trackers(Checksum& sum) {
  sum.add({EASYLM_SIZE(Artifact), EASYLM_AT(Artifact, component), EASYLM_AT(Artifact, path),
           EASYLM_AT(Artifact, uri), EASYLM_AT(Artifact, config)});
  sum.add({EASYLM_SIZE(RunFacts), EASYLM_AT(RunFacts, name), EASYLM_AT(RunFacts, seed),
           EASYLM_AT(RunFacts, device), EASYLM_AT(RunFacts, precision), EASYLM_AT(RunFacts, threads)});
  sum.add({EASYLM_SIZE(Metric), EASYLM_AT(Metric, name), EASYLM_AT(Metric, value)});
  sum.add({EASYLM_SIZE(MetricRecord), EASYLM_AT(MetricRecord, stage), EASYLM_AT(MetricRecord, step),
           EASYLM_AT(MetricRecord, tokens), EASYLM_AT(MetricRecord, time), EASYLM_AT(MetricRecord, metrics)});
  sum.add({EASYLM_SIZE(TrackerOptions), EASYLM_AT(TrackerOptions, run_name),
           EASYLM_AT(TrackerOptions, folder), EASYLM_AT(TrackerOptions, resolved_config)});
}

constexpr void add_structs_of_1_1(Checksum& sum) {
  sum.add({EASYLM_SIZE(ElementUpdate), EASYLM_AT(ElementUpdate, gradient),
           EASYLM_AT(ElementUpdate, learning_rate), EASYLM_AT(ElementUpdate, step),
           EASYLM_AT(ElementUpdate, decay)});
}

constexpr void add_structs_of_1_2(Checksum& sum) {
  sum.add({EASYLM_SIZE(Series), EASYLM_AT(Series, label), EASYLM_AT(Series, points)});
  sum.add({EASYLM_SIZE(Chart), EASYLM_AT(Chart, title), EASYLM_AT(Chart, x_label), EASYLM_AT(Chart, series),
           EASYLM_AT(Chart, x_axis)});
}

}  // namespace layout_detail

#undef EASYLM_AT
#undef EASYLM_SIZE
#pragma GCC diagnostic pop

// Over the structs of API 1.0.
constexpr std::uint64_t layout_checksum() {
  layout_detail::Checksum sum;
  layout_detail::add_values_and_descriptions(sum);
  layout_detail::add_services(sum);
  layout_detail::add_data_and_text(sum);
  layout_detail::add_checkpoints(sum);
  layout_detail::add_stages_and_trackers(sum);
  return sum.value();
}

// Over those that came with API 1.1.
constexpr std::uint64_t layout_checksum_1_1() {
  layout_detail::Checksum sum;
  layout_detail::add_structs_of_1_1(sum);
  return sum.value();
}

// Over those that came with API 1.2.
constexpr std::uint64_t layout_checksum_1_2() {
  layout_detail::Checksum sum;
  layout_detail::add_structs_of_1_2(sum);
  return sum.value();
}

// Writes `sum` as 16 hexadecimal digits behind `key`, which is in `text`.
constexpr void write_checksum(std::span<char> text, std::string_view key, std::uint64_t sum) {
  const std::size_t begin = std::string_view(text.data(), text.size()).find(key) + key.size();
  for (std::size_t digit = begin + 16; digit-- > begin; sum >>= 4U)
    text[digit] = "0123456789abcdef"[sum & 15U];
}

// Writes the checksums over the zeros of a manifest's text.
constexpr void write_layout(std::span<char> text) {
  write_checksum(text, "\nlayout.2=", layout_checksum_1_2());
  write_checksum(text, "\nlayout.1=", layout_checksum_1_1());
  write_checksum(text, "\nlayout=", layout_checksum());
}

}  // namespace easylm
