// Puts source, encoder, stream and packer together, and gives each rank its batches.
#include "easylm/example_dataset.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "data/document_stream.h"
#include "data/example_state.h"
#include "data/packing.h"
#include "easylm/error.h"
#include "easylm/json.h"

namespace easylm {
namespace {

template <typename T>
T choice(const std::string& name, std::initializer_list<std::pair<std::string_view, T>> choices) {
  for (const auto& [known, value] : choices) {
    if (known == name) return value;
  }
  throw Error(ErrorCode::internal, "'" + name + "' is not among the choices");
}

Packing packing_of(const ExampleDatasetConfig& config) {
  return choice<Packing>(
      config.packing,
      {{"concatenate", Packing::concatenate}, {"best_fit", Packing::best_fit}, {"none", Packing::none}});
}

std::string yes_or_no(bool on) { return on ? "yes" : "no"; }

}  // namespace

struct ExampleDataset::Engine {
  std::unique_ptr<ExampleEncoder> encoder;
  std::unique_ptr<ExampleSource> source;
  std::unique_ptr<DocumentStream> documents;
  std::unique_ptr<Packer> packer;
  BatchBuffers mine, other;  // this rank's batch, and those of the others
};

ExampleDataset::ExampleDataset(Host& host, std::string name, std::string extension,
                               ExampleDatasetConfig config)
    : host_(host), name_(std::move(name)), extension_(std::move(extension)), config_(std::move(config)) {
  if (config_.always_start_with_bos && config_.packing != "concatenate") {
    throw Error(ErrorCode::invalid_config,
                who() + ": always_start_with_bos goes with packing = \"concatenate\" only",
                "add_bos_token puts one before each document");
  }
}

ExampleDataset::~ExampleDataset() = default;

bool ExampleDataset::is_open() const { return engine_ != nullptr && engine_->packer != nullptr; }

void ExampleDataset::open(const DatasetOptions& options) {
  EASYLM_CHECK(options.tokenizer != nullptr, "a dataset was opened without a tokenizer");
  EASYLM_CHECK(options.world > 0 && options.rank >= 0 && options.rank < options.world, "no such rank");
  options_ = options;
  std::optional<TokenId> first_input;
  if (config_.always_start_with_bos) {
    first_input = options_.tokenizer->special().bos;
    if (!first_input) {
      throw Error(ErrorCode::invalid_config,
                  who() + ": always_start_with_bos is on, but the tokenizer has no begin token",
                  "take it out, or choose a tokenizer that has one");
    }
  }
  open_stream(options_.pass);
  engine_->packer = make_packer(
      {who(), config_.batch_size, config_.sequence_length, packing_of(config_), config_.packing_window,
       choice<LongDocuments>(
           config_.long_documents,
           {{"fail", LongDocuments::fail}, {"cut", LongDocuments::cut}, {"drop", LongDocuments::drop}}),
       choice<UntrainedRows>(config_.untrained_rows,
                             {{"fail", UntrainedRows::fail}, {"allow", UntrainedRows::allow}}),
       first_input},
      *engine_->documents);
}

void ExampleDataset::open_stream(DatasetPass pass) {
  DataFiles files = find_files();
  content_ = content_fingerprint(files.files);
  auto engine = std::make_unique<Engine>();
  engine->encoder = std::make_unique<ExampleEncoder>(config_, options_.tokenizer, who());
  engine->source = open_source(std::move(files.files), *engine->encoder);
  engine->documents = std::make_unique<DocumentStream>(
      host_, *engine->source, *engine->encoder,
      StreamOptions{who(), pass,
                    choice<BadExamples>(config_.bad_examples,
                                        {{"skip", BadExamples::skip}, {"fail", BadExamples::fail}}),
                    config_.tokenizer_threads});
  engine_ = std::move(engine);
}

void ExampleDataset::open_documents(std::shared_ptr<const Tokenizer> tokenizer) {
  options_.tokenizer = std::move(tokenizer);
  open_stream(DatasetPass::once);
}

bool ExampleDataset::next_document(Document& document) {
  EASYLM_CHECK(engine_ != nullptr, "a dataset was read before it was opened");
  PlacedDocument placed;
  if (!engine_->documents->next(placed)) return false;
  document = std::move(placed.document);
  return true;
}

DataFiles ExampleDataset::find_files() const {
  const std::string& path = config_.path.text;
  DataFiles files = find_data_files(path, extension_, who());
  if (files.files.empty()) {
    throw Error(ErrorCode::not_found, who() + ": there is no *" + extension_ + " file in " + path,
                "set `path` to such a file, or to a folder that has some");
  }
  if (files.num_other > 0) {
    host_.info("dataset", "files of another kind are not read",
               {{"path", path}, {"files", files.num_other}, {"wanted", extension_}});
  }
  return files;
}

bool ExampleDataset::next(TokenBatch& batch) {
  EASYLM_CHECK(is_open(), "a dataset was read before it was opened");
  Engine& engine = *engine_;
  DatasetPosition first;
  for (std::int64_t rank = 0; rank < options_.world; ++rank) {
    const bool is_mine = rank == options_.rank;
    if (is_mine) first = position_of(next_batch_ + rank);
    BatchBuffers& into = is_mine ? engine.mine : engine.other;
    if (engine.packer->next(into)) continue;
    if (rank == 0) return false;
    // Other ranks have a batch: this one gets padding, so that all stay in step.
    if (is_mine) {
      into.clear(static_cast<std::size_t>(tokens_per_batch()), packing_of(config_) == Packing::best_fit);
    }
  }
  next_batch_ += options_.world;
  const BatchBuffers& mine = engine.mine;
  batch = {config_.batch_size, config_.sequence_length, mine.inputs,     mine.targets,
           mine.mask,          mine.segments,           std::move(first)};
  return true;
}

DatasetPosition ExampleDataset::position_of(std::int64_t batch) const {
  const PackPlace place = engine_->packer->place();
  return {place.stream.epoch, batch, engine_->documents->where(place.stream),
          state_text(place, config_.tokens_count_at_start + batch * tokens_per_batch())};
}

DatasetPosition ExampleDataset::position() const {
  EASYLM_CHECK(is_open(), "a dataset was asked for its position before it was opened");
  return position_of(next_batch_);
}

void ExampleDataset::seek(const DatasetPosition& position) {
  EASYLM_CHECK(is_open(), "a dataset was moved before it was opened");
  const std::optional<ExampleState> state = parse_state(position.state);
  const std::int64_t largest =
      (std::numeric_limits<std::int64_t>::max() - config_.tokens_count_at_start) / tokens_per_batch() -
      options_.world;
  const bool is_ours = state && position.batch >= 0 && position.batch <= largest && position.epoch >= 0 &&
                       position.epoch <= kLargestCount &&
                       state->tokens == config_.tokens_count_at_start + position.batch * tokens_per_batch();
  if (!is_ours) {
    throw Error(ErrorCode::corrupt,
                who() + ": batch " + std::to_string(position.batch) + " at '" + position.state +
                    "' is no position in " + config_.path.text,
                "resume with the data and the dataset settings that the run began with");
  }
  PackPlace place = state->place;
  place.stream.epoch = position.epoch;
  const PackPlace before = engine_->packer->place();
  try {
    engine_->packer->seek(place);
  } catch (const Error&) {
    engine_->packer->seek(before);  // a refused position moves nothing
    throw;
  }
  next_batch_ = position.batch;
}

std::string ExampleDataset::documents_fingerprint() const {
  EASYLM_CHECK(engine_ != nullptr, "a dataset was asked for its fingerprint before it was opened");
  return name_ + "/1 content=" + content_ + " fields=" + json_quoted(config_.fields) +
         " fields_from_example=" + json_quoted(config_.fields_from_example) +
         " subfield_separator=" + json_quoted(config_.subfield_separator) +
         " prepend_text=" + json_quoted(config_.prepend_text) +
         " base64_token_dtype=" + config_.base64_token_dtype +
         " add_bos_token=" + yes_or_no(config_.add_bos_token) +
         " add_eos_token=" + yes_or_no(config_.add_eos_token);
}

std::string ExampleDataset::fingerprint() const {
  std::string text = documents_fingerprint() +
                     " always_start_with_bos=" + yes_or_no(config_.always_start_with_bos) +
                     " sequence_length=" + std::to_string(config_.sequence_length) +
                     " batch_size=" + std::to_string(config_.batch_size) + " packing=" + config_.packing;
  if (config_.packing == "best_fit") text += " packing_window=" + std::to_string(config_.packing_window);
  if (config_.packing != "concatenate") text += " long_documents=" + config_.long_documents;
  return text + " tokenizer=" + options_.tokenizer->fingerprint();
}

void* ExampleDataset::extension(std::string_view id) {
  if (id == DatasetCounter::kInterface) return static_cast<DatasetCounter*>(this);
  if (id == DocumentReader::kInterface) return static_cast<DocumentReader*>(this);
  return nullptr;
}

DatasetCounts ExampleDataset::counts() const {
  EASYLM_CHECK(is_open(), "a dataset was asked for its counts before it was opened");
  const StreamCounts& stream = engine_->documents->counts();
  const PackCounts packed = engine_->packer->counts();
  DatasetCounts counts{stream.documents, stream.tokens, stream.bad,     packed.cut,
                       packed.dropped,   packed.places, packed.padding, {}};
  for (const auto& [length, documents] : stream.lengths) counts.lengths.push_back({length, documents});
  return counts;
}

}  // namespace easylm
