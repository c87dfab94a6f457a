// The exam of easylm.dataset/1: rows, positions, passes and extensions.
#include "easylm/dataset.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "dataset_rows.h"
#include "easylm/error.h"
#include "neighbours.h"
#include "suites.h"

namespace easylm::exam {
namespace {

constexpr std::size_t kBatches = 12;

bool has_key(const Subject& subject, std::string_view key) {
  return std::ranges::any_of(subject.described.fields, [&](const Field& field) { return field.key == key; });
}

void expect_whole(const KeptBatch& batch, std::int64_t vocabulary, const std::string& where) {
  expect(batch.num_rows > 0 && batch.length > 0, where + " has no rows, or rows without length");
  const auto size = static_cast<std::size_t>(batch.num_rows * batch.length);
  expect(batch.inputs.size() == size && batch.targets.size() == size && batch.mask.size() == size,
         where + " has " + std::to_string(size) + " places, " + std::to_string(batch.inputs.size()) +
             " inputs, " + std::to_string(batch.targets.size()) + " targets and " +
             std::to_string(batch.mask.size()) + " of a mask");
  expect(batch.segments.empty() || batch.segments.size() == size,
         where + " has " + std::to_string(batch.segments.size()) + " segments for " + std::to_string(size) +
             " places");
  for (std::size_t i = 0; i < size; ++i) {
    for (const std::int32_t id : {batch.inputs[i], batch.targets[i]}) {
      expect(id >= 0 && id < vocabulary, where + " has the id " + std::to_string(id) +
                                             ", and the tokenizer " + std::to_string(vocabulary) +
                                             " of them");
    }
    expect(
        std::isfinite(batch.mask[i]) && batch.mask[i] >= 0,
        where + " has the loss weight " + std::to_string(batch.mask[i]) + ": one is finite and not negative");
  }
}

void rows_are_whole(const Subject& subject) {
  const std::int64_t vocabulary = tokenizer_for(subject)->vocabulary_size();
  for (const DatasetPass pass : {DatasetPass::endless, DatasetPass::once}) {
    const auto dataset = opened(subject, pass);
    const std::vector<KeptBatch> batches =
        pass == DatasetPass::once ? whole_pass(*dataset) : take(*dataset, kBatches);
    expect(!batches.empty(), "there is no batch");
    double trained = 0;
    for (std::size_t i = 0; i < batches.size(); ++i) {
      expect_whole(batches[i], vocabulary, "batch " + std::to_string(i));
      expect(dataset->tokens_per_batch() == batches[i].num_rows * batches[i].length,
             "tokens_per_batch() is " + std::to_string(dataset->tokens_per_batch()) + ", and batch " +
                 std::to_string(i) + " has " + std::to_string(batches[i].num_rows * batches[i].length));
      for (const float weight : batches[i].mask) trained += static_cast<double>(weight);
    }
    expect(trained > 0, "no target of " + std::to_string(batches.size()) + " batches has any loss weight");
  }
}

void is_deterministic(const Subject& subject) {
  for (const DatasetPass pass : {DatasetPass::endless, DatasetPass::once}) {
    const auto one = opened(subject, pass);
    const auto other = opened(subject, pass);
    for (std::size_t i = 0; i < 4 * kBatches; ++i) {
      expect(same_place(one->position(), other->position()), "two that were made alike stand at " +
                                                                 place_text(one->position()) + " and at " +
                                                                 place_text(other->position()));
      const std::vector<KeptBatch> mine = take(*one, 1);
      const std::vector<KeptBatch> theirs = take(*other, 1);
      const bool same = mine.size() == theirs.size() && (mine.empty() || mine[0].same_rows(theirs[0]));
      expect(same, "two that were made alike give another batch " + std::to_string(i));
      if (mine.empty()) break;
    }
  }
}

// The batches of a stream, and where each begins.
struct Stream {
  std::vector<KeptBatch> batches;
  std::vector<DatasetPosition> positions;  // one more than batches
};

Stream stream_of(const Subject& subject, std::size_t count) {
  const auto dataset = opened(subject, DatasetPass::endless);
  Stream stream;
  stream.positions.push_back(dataset->position());
  for (std::size_t i = 0; i < count; ++i) {
    for (KeptBatch& batch : take(*dataset, 1)) stream.batches.push_back(std::move(batch));
    expect(stream.batches.size() == i + 1, "an endless pass ended after " + std::to_string(i) + " batches");
    stream.positions.push_back(dataset->position());
    expect(same_place(stream.batches[i].first, stream.positions[i]),
           "position() was " + place_text(stream.positions[i]) +
               ", and the batch that came then says that it " + "began at " +
               place_text(stream.batches[i].first));
  }
  return stream;
}

void seek_is_exact(const Subject& subject) {
  const Stream stream = stream_of(subject, 2 * kBatches);
  const auto used = opened(subject, DatasetPass::endless);
  const auto follow = [&](Dataset& dataset, std::size_t at, const std::string& how) {
    note(how + " to " + place_text(stream.positions[at]));
    dataset.seek(saved(stream.positions[at]));
    expect(
        same_place(dataset.position(), stream.positions[at]),
        how + " to " + place_text(stream.positions[at]) + " it stands at " + place_text(dataset.position()));
    for (std::size_t i = at; i < std::min(at + 3, stream.batches.size()); ++i) {
      const std::vector<KeptBatch> batches = take(dataset, 1);
      expect(batches.size() == 1 && batches[0].same_rows(stream.batches[i]),
             how + " to " + place_text(stream.positions[at]) + ", batch " + std::to_string(i - at) +
                 " after it is another");
    }
  };
  for (const std::size_t at :
       {std::size_t{0}, std::size_t{1}, std::size_t{5}, 2 * kBatches - 1, std::size_t{3}}) {
    follow(*opened(subject, DatasetPass::endless), at, "when it is new and goes");
    follow(*used, at, "when it has read elsewhere and goes");
    follow(*used, at, "when it goes a second time");
  }
}

void positions_are_small(const Subject& subject) {
  constexpr std::size_t kMostBytes = 4096;
  for (const DatasetPosition& position : stream_of(subject, 2 * kBatches).positions) {
    const std::size_t bytes = position.where.size() + position.state.size();
    expect(bytes < kMostBytes,
           "a position takes " + std::to_string(bytes) + " bytes: " + shown(position.state));
  }
}

void refuses_strange_positions(const Subject& subject) {
  const auto dataset = opened(subject, DatasetPass::endless);
  take(*dataset, 3);
  const DatasetPosition before = dataset->position();
  std::vector<DatasetPosition> strange(5, saved(before));
  strange[0].batch = -1;
  strange[1].epoch = -1;
  strange[2].state = "no state of any dataset \xff";
  strange[3].state += "x";
  strange[4].batch = std::numeric_limits<std::int64_t>::min();
  for (const DatasetPosition& position : strange) {
    note(place_text(position));
    expect_refusal("seek() to " + place_text(position), {ErrorCode::corrupt},
                   [&] { dataset->seek(position); });
  }
  dataset->seek(saved(before));
  expect(same_place(dataset->position(), before), "after positions that it refused it stands elsewhere");
}

void a_pass_ends(const Subject& subject) {
  const auto dataset = opened(subject, DatasetPass::once);
  expect(!whole_pass(*dataset).empty(), "a `once` pass has no batch");
  TokenBatch batch;
  for (int i = 0; i < 3; ++i) expect(!dataset->next(batch), "a `once` pass that had ended goes on");
  expect(dataset->text_bytes() >= 0, "text_bytes() is " + std::to_string(dataset->text_bytes()));
  const auto other = opened(subject, DatasetPass::once, {1, 2});
  expect(other->text_bytes() == dataset->text_bytes(),
         "text_bytes(), of a whole pass, is " + std::to_string(dataset->text_bytes()) + " for one rank and " +
             std::to_string(other->text_bytes()) + " for one of two");
}

void fingerprint_says_what_it_is(const Subject& subject) {
  const std::string fingerprint = opened(subject, DatasetPass::endless)->fingerprint();
  expect(!fingerprint.empty(), "its fingerprint is empty");
  expect(opened(subject, DatasetPass::endless)->fingerprint() == fingerprint,
         "made and opened again, it has another fingerprint");
  const Value* length = subject.settings.find("sequence_length");
  if (length == nullptr || length->as<std::int64_t>() == nullptr) return;
  Table changed = subject.settings;
  changed.set("sequence_length", {*length->as<std::int64_t>() + 1, {}});
  const auto other = subject.host.make<Dataset>(changed);
  other->open({tokenizer_for(subject), DatasetPass::endless, 0, 1});
  expect(other->fingerprint() != fingerprint,
         "with another sequence_length it has the same fingerprint: a run would go on with other rows");
}

void refuses_missing_data(const Subject& subject) {
  if (!has_key(subject, "path")) throw NotApplicable("it has no key 'path'");
  std::filesystem::create_directory(subject.folder / "empty");
  for (const char* name : {"missing", "empty"}) {
    Table settings = subject.settings;
    settings.set("path", {(subject.folder / name).string(), {}});
    note("path = " + std::string(name));
    expect_refusal(
        "a path that is " + std::string(name),
        {ErrorCode::not_found, ErrorCode::invalid_config, ErrorCode::io, ErrorCode::corrupt}, [&] {
          subject.host.make<Dataset>(settings)->open({tokenizer_for(subject), DatasetPass::endless, 0, 1});
        });
  }
}

struct AllDocuments {
  std::vector<Document> documents;
  std::string fingerprint;
};

AllDocuments documents_of(const Subject& subject) {
  const auto dataset = subject.make<Dataset>();
  auto* reader = extension_of<DocumentReader>(*dataset);
  if (reader == nullptr) throw NotApplicable("it has no " + std::string(DocumentReader::kInterface));
  reader->open_documents(tokenizer_for(subject));
  AllDocuments all;
  Document document;
  while (all.documents.size() < 100'000 && reader->next_document(document)) all.documents.push_back(document);
  if (all.documents.size() < 100'000) {
    expect(!reader->next_document(document), "documents that had ended go on");
  }
  expect(reader->document_bytes() >= 0, "document_bytes() is " + std::to_string(reader->document_bytes()));
  all.fingerprint = reader->documents_fingerprint();
  return all;
}

void documents_are_whole(const Subject& subject) {
  const AllDocuments all = documents_of(subject);
  const std::int64_t vocabulary = tokenizer_for(subject)->vocabulary_size();
  expect(!all.documents.empty(), "it has no document");
  expect(!all.fingerprint.empty(), "documents_fingerprint() is empty");
  for (const Document& document : all.documents) {
    expect(document.tokens.size() == document.mask.size(),
           "a document has " + std::to_string(document.tokens.size()) + " tokens and " +
               std::to_string(document.mask.size()) + " loss weights");
    for (std::size_t i = 0; i < document.tokens.size(); ++i) {
      const TokenId id = document.tokens[i];
      expect(id >= 0 && id < vocabulary, "a document has the id " + std::to_string(id) +
                                             ", and the tokenizer " + std::to_string(vocabulary) +
                                             " of them");
      expect(std::isfinite(document.mask[i]) && document.mask[i] >= 0,
             "a document has a loss weight of " + std::to_string(document.mask[i]));
    }
  }
  const AllDocuments again = documents_of(subject);
  const bool same = std::ranges::equal(
      all.documents, again.documents,
      [](const Document& a, const Document& b) { return a.tokens == b.tokens && a.mask == b.mask; });
  expect(same && all.fingerprint == again.fingerprint, "read again, its documents are others");
}

void counts_add_up(const Subject& subject) {
  const auto dataset = opened(subject, DatasetPass::once);
  auto* counter = extension_of<DatasetCounter>(*dataset);
  if (counter == nullptr) throw NotApplicable("it has no " + std::string(DatasetCounter::kInterface));
  std::int64_t trained = 0;
  for (const KeptBatch& batch : whole_pass(*dataset)) {
    trained += std::ranges::count_if(batch.mask, [](float weight) { return weight > 0; });
  }
  const DatasetCounts counts = counter->counts();
  for (const std::int64_t count : {counts.documents, counts.tokens, counts.bad, counts.cut, counts.dropped,
                                   counts.places, counts.padding}) {
    expect(count >= 0, "a count is " + std::to_string(count));
  }
  std::int64_t documents = 0;
  std::int64_t tokens = 0;
  std::int64_t before = -1;
  for (const LengthCount& length : counts.lengths) {
    expect(length.length > before, "its lengths are not ascending");
    before = length.length;
    documents += length.documents;
    tokens += length.length * length.documents;
  }
  expect(documents == counts.documents && tokens == counts.tokens,
         "it counts " + std::to_string(counts.documents) + " documents of " + std::to_string(counts.tokens) +
             " tokens, and its lengths are of " + std::to_string(documents) + " and " +
             std::to_string(tokens));
  expect(counts.places > 0 && trained <= counts.places - counts.padding,
         "of " + std::to_string(counts.places) + " places " + std::to_string(counts.padding) +
             " are padding, and " + std::to_string(trained) + " targets have a loss weight");
}

void use(const Subject& subject) {
  const auto dataset = opened(subject, DatasetPass::endless);
  take(*dataset, 4);
  const DatasetPosition position = dataset->position();
  take(*dataset, 2);
  dataset->seek(saved(position));
  take(*dataset, 1);
  (void)dataset->fingerprint();
  (void)dataset->text_bytes();
}

constexpr std::array kTests{
    Test{"rows_are_whole", "a batch has ids of the tokenizer and loss weights for tokens_per_batch() places",
         rows_are_whole},
    Test{"is_deterministic", "the same settings and seed give the same batches", is_deterministic},
    Test{"seek_is_exact", "after seek() come the batches that came after that position()", seek_is_exact},
    Test{"positions_are_small", "a position is small: it is saved with every version", positions_are_small},
    Test{"refuses_strange_positions",
         "a position that can't be one of its own is refused with Error{corrupt}", refuses_strange_positions},
    Test{"a_pass_ends", "a `once` pass comes to its end, and stays there", a_pass_ends},
    Test{"ranks_share_the_stream", "rank r of w reads batches r, r + w, … of the stream that one alone reads",
         ranks_share_the_stream},
    Test{"ranks_share_a_pass", "in a `once` pass all ranks see every target once, in equally many batches",
         ranks_share_a_pass},
    Test{"resumes_on_other_ranks", "what follows a position does not depend on the number of ranks",
         resumes_on_other_ranks},
    Test{"fingerprint_says_what_it_is", "the fingerprint is one of content and settings",
         fingerprint_says_what_it_is},
    Test{"refuses_missing_data", "opening without data throws Error", refuses_missing_data},
    Test{"documents_are_whole", "documents are the same each time, with a loss weight for each token",
         documents_are_whole},
    Test{"counts_add_up", "what it counts agrees with what it gave", counts_add_up},
};

}  // namespace

Suite dataset_suite() { return {Dataset::kKind, Dataset::kInterface, kTests, use}; }

}  // namespace easylm::exam
