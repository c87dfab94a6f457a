// Which source each row comes from, and where all of them stand.
#include "mixture_dataset.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "easylm/error.h"
#include "easylm/json.h"

namespace easylm::datasets {
namespace {

constexpr std::string_view kPurpose = "dataset.mixture";

Error refusal(ErrorCode code, const std::string& message, std::string hint) {
  return {code, "dataset mixture: " + message, std::move(hint)};
}

Error no_position(const std::string& why) {
  return refusal(ErrorCode::corrupt, "the position is none of this mixture: " + why,
                 "resume with the dataset settings that the run began with");
}

template <typename T>
const T& member(const Table& table, const char* key) {
  const Value* value = table.find(key);
  const T* held = value == nullptr ? nullptr : value->as<T>();
  if (held == nullptr) throw no_position(std::string("a source has no ") + key);
  return *held;
}

}  // namespace

void MixtureDataset::Source::describe(Schema<Source>& s) {
  s.field("weight", &Source::weight, "how often a row comes from here, against the others' weights")
      .above(0)
      .at_most(1e9);
  s.component("dataset", "dataset", &Source::dataset, "where its rows come from");
}

void MixtureDataset::Config::describe(Schema<Config>& s) {
  s.tables("sources", &Config::sources, "the datasets that are mixed; their batches must have one shape");
}

MixtureDataset::MixtureDataset(Host& host, Config config) : host_(host), config_(std::move(config)) {
  if (!config_.sources.empty()) return;
  throw refusal(ErrorCode::invalid_config, "it has no sources",
                R"(add tables such as [dataset.train.sources.books] with dataset = { type = "text", … })");
}

void MixtureDataset::open(const DatasetOptions& options) {
  EASYLM_CHECK(options.world > 0 && options.rank >= 0 && options.rank < options.world, "no such rank");
  options_ = options;
  for (const auto& [name, source] : config_.sources) {
    auto dataset = host_.make<Dataset>(source.dataset);
    try {
      dataset->open({options.tokenizer, options.pass, 0, 1});
    } catch (const Error& error) {
      throw error.within("source '" + name + "'");
    }
    sources_.emplace_back(name, std::move(dataset));
  }
  learn_shapes();
}

// A dataset's shape is known by its first batch.
void MixtureDataset::learn_shapes() {
  for (RowSource& source : sources_) {
    if (!source.has_row()) throw refusal(ErrorCode::not_found, "'" + source.name() + "' has no rows", "");
    const TokenBatch& batch = source.batch();
    with_segments_ = with_segments_ || !batch.segments.empty();
    if (&source == sources_.data()) {
      num_rows_ = batch.num_rows;
      length_ = batch.length;
    } else if (batch.num_rows != num_rows_ || batch.length != length_) {
      const auto shape = [](std::int64_t rows, std::int64_t length) {
        return std::to_string(rows) + " rows of " + std::to_string(length);
      };
      throw refusal(ErrorCode::invalid_config,
                    "batches of '" + sources_.front().name() + "' have " + shape(num_rows_, length_) +
                        " tokens, those of '" + source.name() + "' " + shape(batch.num_rows, batch.length),
                    "give all sources the same batch_size and sequence_length");
    }
  }
}

bool MixtureDataset::next(TokenBatch& batch) {
  EASYLM_CHECK(!sources_.empty(), "dataset mixture was read before it was opened");
  DatasetPosition first;
  for (std::int64_t rank = 0; rank < options_.world; ++rank) {
    const bool is_mine = rank == options_.rank;
    if (is_mine) first = position_of(next_batch_ + rank);
    // Past the end, other ranks still have a batch: this one gets padding, so that all stay in step.
    if (!fill(is_mine ? mine_ : other_, next_batch_ + rank) && rank == 0) return false;
  }
  next_batch_ += options_.world;
  batch = {num_rows_, length_, mine_.inputs, mine_.targets, mine_.mask, mine_.segments, std::move(first)};
  return true;
}

// False, and nothing but padding, if there is no row left.
bool MixtureDataset::fill(Buffers& buffers, std::int64_t batch) {
  const auto size = static_cast<std::size_t>(tokens_per_batch());
  buffers.inputs.assign(size, 0);
  buffers.targets.assign(size, 0);
  buffers.mask.assign(size, 0.0F);
  buffers.segments.assign(with_segments_ ? size : 0, 0);
  for (std::int64_t row = 0; row < num_rows_; ++row) {
    RowSource* source = source_of(batch * num_rows_ + row);
    if (source == nullptr) return row > 0;
    copy_row(*source, row, buffers);
    source->take();
  }
  return true;
}

void MixtureDataset::copy_row(const RowSource& source, std::int64_t row, Buffers& buffers) const {
  const auto copy = [&](const auto& from, auto& into) {
    if (!from.empty()) {
      std::copy_n(from.begin() + source.row() * length_, length_, into.begin() + row * length_);
    }
  };
  const TokenBatch& batch = source.batch();
  copy(batch.inputs, buffers.inputs);
  copy(batch.targets, buffers.targets);
  copy(batch.mask, buffers.mask);
  copy(batch.segments, buffers.segments);
}

// Where row `row` of the whole pass comes from; null at the end. It has a row.
RowSource* MixtureDataset::source_of(std::int64_t row) {
  if (options_.pass == DatasetPass::once) {
    const auto found = std::ranges::find_if(sources_, [](RowSource& source) { return source.has_row(); });
    return found == sources_.end() ? nullptr : &*found;
  }
  double total = 0;
  for (const auto& [name, source] : config_.sources) total += source.weight;
  double left = host_.random(kPurpose, static_cast<std::uint64_t>(row)).uniform() * total;
  std::size_t chosen = 0;
  while (chosen + 1 < sources_.size() && left >= config_.sources[chosen].second.weight) {
    left -= config_.sources[chosen++].second.weight;
  }
  const bool has_row = sources_[chosen].has_row();
  EASYLM_CHECK(has_row, "an endless dataset came to an end");
  return &sources_[chosen];
}

MixtureDataset::Places MixtureDataset::places() const {
  Places places;
  for (const RowSource& source : sources_) places.push_back(source.place());
  return places;
}

DatasetPosition MixtureDataset::position_of(std::int64_t batch) const {
  const Places places = this->places();
  DatasetPosition position{places.front().batch.epoch, batch, {}, {}};
  List list;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const DatasetPosition& at = places[i].batch;
    position.epoch = std::min(position.epoch, at.epoch);
    position.where += (i == 0 ? "" : ", ") + sources_[i].name() + " at " + at.where;
    Table table;
    table.set("name", {sources_[i].name(), {}});
    table.set("epoch", {at.epoch, {}});
    table.set("batch", {at.batch, {}});
    table.set("rows_taken", {places[i].rows_taken, {}});
    table.set("state", {at.state, {}});
    list.push_back({std::move(table), {}});
  }
  Table state;
  state.set("sources", {std::move(list), {}});
  position.state = json_text(state);
  return position;
}

DatasetPosition MixtureDataset::position() const {
  EASYLM_CHECK(!sources_.empty(), "dataset mixture was asked for its position before it was opened");
  return position_of(next_batch_);
}

MixtureDataset::Places MixtureDataset::places_in(const DatasetPosition& position) const {
  const Table state = parse_json_object(position.state, "the position of a mixture");
  const List& list = member<List>(state, "sources");
  if (list.size() != sources_.size()) throw no_position("it has another number of sources");
  Places places;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Table* table = list[i].as<Table>();
    if (table == nullptr || member<std::string>(*table, "name") != sources_[i].name()) {
      throw no_position("it doesn't say where '" + sources_[i].name() + "' stands");
    }
    places.push_back({{member<std::int64_t>(*table, "epoch"), member<std::int64_t>(*table, "batch"), "",
                       member<std::string>(*table, "state")},
                      member<std::int64_t>(*table, "rows_taken")});
  }
  const auto by_epoch = [](const auto& a, const auto& b) { return a.batch.epoch < b.batch.epoch; };
  const std::int64_t epoch = std::ranges::min_element(places, by_epoch)->batch.epoch;
  const std::int64_t largest = std::numeric_limits<std::int64_t>::max() / num_rows_ - options_.world;
  if (position.batch < 0 || position.batch > largest || position.epoch != epoch) {
    throw no_position("its numbers contradict its state");
  }
  return places;
}

void MixtureDataset::move_to(const Places& places) {
  for (std::size_t i = 0; i < places.size(); ++i) sources_[i].seek(places[i]);
}

void MixtureDataset::seek(const DatasetPosition& position) {
  EASYLM_CHECK(!sources_.empty(), "dataset mixture was moved before it was opened");
  const Places wanted = places_in(position);
  const Places before = places();
  try {
    move_to(wanted);
  } catch (const Error&) {
    move_to(before);  // a refused position moves nothing
    throw;
  }
  next_batch_ = position.batch;
}

std::int64_t MixtureDataset::tokens_per_batch() const { return num_rows_ * length_; }

std::int64_t MixtureDataset::text_bytes() const {
  std::int64_t sum = 0;
  for (const RowSource& source : sources_) {
    const std::int64_t bytes = source.dataset().text_bytes();
    if (bytes == 0) return 0;
    sum += bytes;
  }
  return sum;
}

std::string MixtureDataset::fingerprint() const {
  std::string text = "mixture/1";
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    std::string weight = json_text(Value{config_.sources[i].second.weight, {}});
    weight.pop_back();  // its newline
    text += " " + json_quoted(sources_[i].name()) + " weight=" + weight + " (" +
            sources_[i].dataset().fingerprint() + ")";
  }
  return text;
}

void* MixtureDataset::extension(std::string_view id) {
  const bool all_count = std::ranges::all_of(sources_, [](const RowSource& source) {
    return extension_of<DatasetCounter>(source.dataset()) != nullptr;
  });
  return id == DatasetCounter::kInterface && all_count ? static_cast<DatasetCounter*>(this) : nullptr;
}

DatasetCounts MixtureDataset::counts() const {
  DatasetCounts sum;
  std::map<std::int64_t, std::int64_t> lengths;
  for (const RowSource& source : sources_) {
    const DatasetCounts counts = extension_of<DatasetCounter>(source.dataset())->counts();
    for (const auto member :
         {&DatasetCounts::documents, &DatasetCounts::tokens, &DatasetCounts::bad, &DatasetCounts::cut,
          &DatasetCounts::dropped, &DatasetCounts::places, &DatasetCounts::padding}) {
      sum.*member += counts.*member;
    }
    for (const LengthCount& entry : counts.lengths) lengths[entry.length] += entry.documents;
  }
  for (const auto& [length, documents] : lengths) sum.lengths.push_back({length, documents});
  return sum;
}

}  // namespace easylm::datasets
