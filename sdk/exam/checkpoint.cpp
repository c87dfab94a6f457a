// The exam of easylm.checkpoint/1: what is written comes back.
#include "easylm/checkpoint_format.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>

#include "checkpoint_damage.h"
#include "checkpoint_files.h"
#include "easylm/error.h"
#include "neighbours.h"
#include "process_state.h"
#include "suites.h"

namespace easylm::exam {
namespace {

namespace fs = std::filesystem;

std::unique_ptr<TensorReader> opened_in(const CheckpointFormat& format, const fs::path& folder) {
  return format.open(path_to_open(format, folder));
}

void brings_tensors_back(const Subject& subject) {
  const auto format = subject.make<CheckpointFormat>();
  std::vector<Model> models = odd_models(subject);
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16})
    models.push_back(tiny_llama(subject, dtype));
  int taken = 0;
  for (const Model& model : models) {
    const fs::path folder = subject.folder / std::to_string(&model - models.data());
    if (!write_model(*format, folder, model)) continue;
    ++taken;
    note("reading " + model.what);
    expect_tensors(*opened_in(*format, folder), model, model.what);
  }
  if (taken == 0) throw NotApplicable("it writes nothing that the exam has");
}

void takes_slices_in_any_order(const Subject& subject) {
  const auto format = subject.make<CheckpointFormat>();
  const Model model = written_model(subject, *format, subject.folder / "whole");
  for (const std::int64_t most : {97, 4096}) {
    const fs::path folder = subject.folder / std::to_string(most);
    const auto writer = writer_of(*format, folder, model);
    expect(writer != nullptr, "it refuses " + model.what + " the second time");
    for (const Slice& slice : shuffled_slices(model, most, subject.random("exam.write_slices"))) {
      write_slice(*writer, model, slice);
    }
    writer->finish();
    expect_tensors(*opened_in(*format, folder), model,
                   model.what + ", written in slices of up to " + std::to_string(most) + " bytes");
  }
}

// Throws Finding if a slice of a reader's tensor isn't what `whole` has there.
void expect_slice(const TensorReader& reader, const std::vector<std::byte>& whole, const Slice& slice) {
  const std::string where = "bytes " + std::to_string(slice.begin) + " to " + std::to_string(slice.end) +
                            " of " + shown(reader.tensors()[slice.tensor].name);
  std::vector<std::byte> bytes(static_cast<std::size_t>(slice.end - slice.begin));
  reader.read(slice.tensor, slice.begin, bytes);
  expect(std::ranges::equal(bytes,
                            std::span(whole).subspan(static_cast<std::size_t>(slice.begin), bytes.size())),
         where + " are others when they are read alone");
}

// What a reader has, as a model of which slices can be made.
Model model_in(const TensorReader& reader) {
  Model model;
  for (std::size_t i = 0; i < reader.tensors().size(); ++i) model.bytes.push_back(read_all(reader, i));
  return model;
}

void reads_any_slice(const Subject& subject) {
  const auto format = subject.make<CheckpointFormat>();
  written_model(subject, *format, subject.folder);
  const auto reader = opened_in(*format, subject.folder);
  const Model whole = model_in(*reader);
  for (const std::int64_t most : {61, 5000}) {
    for (const Slice& slice : shuffled_slices(whole, most, subject.random("exam.read_slices"))) {
      expect_slice(*reader, whole.bytes[slice.tensor], slice);
    }
  }
}

void views_what_it_reads(const Subject& subject) {
  const auto format = subject.make<CheckpointFormat>();
  written_model(subject, *format, subject.folder);
  const auto reader = opened_in(*format, subject.folder);
  for (std::size_t i = 0; i < reader->tensors().size(); ++i) {
    const std::span<const std::byte> view = reader->view(i);
    expect(view.empty() || std::ranges::equal(view, read_all(*reader, i)),
           "view() of " + shown(reader->tensors()[i].name) + " has other bytes than read()");
  }
}

void serves_many_threads(const Subject& subject) {
  const auto format = subject.make<CheckpointFormat>();
  written_model(subject, *format, subject.folder);
  const auto reader = opened_in(*format, subject.folder);
  const Model whole = model_in(*reader);
  in_threads(4, [&](int thread) {
    for (int round = 0; round < 20; ++round) {
      const std::string purpose = "exam.thread" + std::to_string(thread) + "." + std::to_string(round);
      for (const Slice& slice : shuffled_slices(whole, 2000, subject.random(purpose))) {
        std::vector<std::byte> bytes(static_cast<std::size_t>(slice.end - slice.begin));
        reader->read(slice.tensor, slice.begin, bytes);
        expect(std::equal(bytes.begin(), bytes.end(), whole.bytes[slice.tensor].begin() + slice.begin),
               "a tensor has other bytes while other threads read");
      }
    }
  });
}

void misses_no_byte(const Subject& subject) {
  const auto format = subject.make<CheckpointFormat>();
  const Model model = written_model(subject, *format, subject.folder / "whole");
  std::vector<Slice> slices = shuffled_slices(model, 300, subject.random("exam.missing"));
  for (const std::string what : {"one slice", "all"}) {
    const auto writer = writer_of(*format, subject.folder / what, model);
    expect(writer != nullptr, "it refuses " + model.what + " the second time");
    for (const Slice& slice : std::span(slices).first(what == "all" ? 0 : slices.size() - 1)) {
      write_slice(*writer, model, slice);
    }
    expect_refusal("finish() while " + what + " of " + model.what + " was not written", {ErrorCode::internal},
                   [&] { writer->finish(); });
  }
}

void leaves_nothing_readable_unfinished(const Subject& subject) {
  const auto format = subject.make<CheckpointFormat>();
  const Model model = written_model(subject, *format, subject.folder / "whole");
  const fs::path folder = subject.folder / "unfinished";
  auto writer = writer_of(*format, folder, model);
  expect(writer != nullptr, "it refuses " + model.what + " the second time");
  for (std::size_t i = 0; i < model.bytes.size(); ++i) writer->write(i, 0, model.bytes[i]);
  writer.reset();
  std::vector<fs::path> paths{folder};
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder))
    paths.push_back(entry.path());
  for (const fs::path& path : paths) {
    try {
      note("opening " + path.filename().string());
      (void)format->open(path);
    } catch (const Error&) {
      continue;
    }
    throw Finding(path.filename().string() +
                  " can be opened, though finish() was never called: a run that was killed would leave it");
  }
}

bool same_value(const Table& a, const Table& b, const char* key) {
  const Value* mine = a.find(key);
  const Value* theirs = b.find(key);
  return mine != nullptr && theirs != nullptr && mine->data.index() == theirs->data.index() &&
         mine->as<std::int64_t>() != nullptr && *mine->as<std::int64_t>() == *theirs->as<std::int64_t>();
}

void expect_config(const TensorReader& reader, const Table& written) {
  const std::optional<Table> read = reader.model_config();
  if (!read) return;
  expect(read->type == written.type,
         "model_config() is of a " + shown(read->type) + ", and was written of a " + shown(written.type));
  for (const char* key : {"hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
                          "num_key_value_heads", "vocab_size"}) {
    expect(same_value(*read, written, key),
           "model_config() has another " + std::string(key) + " than was written");
  }
}

void expect_metadata(const TensorReader& reader, const WritePlan& plan) {
  const auto read = reader.metadata();
  for (const auto& [key, text] : plan.metadata) {
    const auto found = std::ranges::find(read, key, &std::pair<std::string, std::string>::first);
    if (found == read.end()) continue;
    expect(found->second == text,
           "metadata() has " + shown(found->second) + " for " + shown(key) + ", written as " + shown(text));
  }
}

void expect_files(const TensorReader& reader, const WritePlan& plan, const fs::path& folder) {
  const std::vector<NamedFile> inside = reader.tokenizer_files();
  for (const NamedFile& file : inside) {
    expect(!file.name.empty() && fs::path(file.name).filename() == file.name,
           "tokenizer_files() has one called " + shown(file.name));
  }
  for (const NamedFile& file : plan.files) {
    std::ifstream in(folder / file.name, std::ios::binary);
    if (in) {
      const std::string bytes(std::istreambuf_iterator<char>(in), {});
      expect(bytes == file.bytes, shown(file.name) + " was to be written as it is, and has other bytes");
      continue;
    }
    const bool is_held = std::ranges::any_of(inside, [&](const NamedFile& held) {
      return file.name.starts_with("tokenizer") && !held.bytes.empty();
    });
    const bool is_detail = file.name.starts_with("special_tokens") && !inside.empty();
    expect(is_held || is_detail, shown(file.name) + " was to be written, and is nowhere");
  }
}

void keeps_what_goes_with_them(const Subject& subject) {
  const auto format = subject.make<CheckpointFormat>();
  Model model = tiny_llama(subject, DType::f32);
  model.plan.metadata = {{"made_by", "the exam ☃"}, {"exam.empty", ""}};
  model.plan.files = tokenizer_for(subject)->files();
  model.plan.files.push_back({"notes.txt", std::string("as it is\0\n", 10)});
  fs::path folder = subject.folder / "all";
  if (!write_model(*format, folder, model)) {
    model.plan.files = {model.plan.files.back()};
    folder = subject.folder / "without_tokenizer";
    if (!write_model(*format, folder, model)) throw NotApplicable("it does not write LLaMAs");
  }
  const auto reader = opened_in(*format, folder);
  expect_tensors(*reader, model, "with files and metadata");
  expect_config(*reader, *model.plan.model_config);
  expect_metadata(*reader, model.plan);
  expect_files(*reader, model.plan, folder);
}

// The largest tensor of which most formats can hold a single one: an embedding that is the head, too.
Model large_model() {
  Model model{"a tensor of 256 MiB", {}, {}};
  model.plan.tensors = {{"model.embed_tokens.weight", DType::f32, {65'536, 1024}}};
  Table config;
  config.type = "llama";
  for (const auto& [key, number] : {std::pair("hidden_size", 1024),
                                    {"intermediate_size", 1024},
                                    {"num_hidden_layers", 1},
                                    {"num_attention_heads", 8},
                                    {"max_position_embeddings", 64},
                                    {"vocab_size", 65'536}}) {
    config.set(key, {std::int64_t{number}, {}});
  }
  config.set("rms_norm_eps", {1e-5, {}});
  config.set("tie_word_embeddings", {true, {}});
  model.plan.model_config = std::move(config);
  return model;
}

constexpr std::int64_t kPiece = 1 << 20;

// Fills `piece` with what the tensor has at `offset`; numbers that every type holds.
void fill(std::vector<float>& piece, std::int64_t offset) {
  const std::int64_t which = offset / kPiece;
  const auto base = static_cast<float>(which);
  for (std::size_t i = 0; i < piece.size(); ++i) piece[i] = base / 4 + static_cast<float>(i % 3);
}

class MemoryWatch {
 public:
  void expect_little(const std::string& doing) const {
    constexpr std::int64_t kMost = 96 << 20;
    const std::int64_t grown = own_resident_bytes() - before_;
    expect(grown < kMost, doing + " a tensor of 256 MiB by the mebibyte takes " +
                              std::to_string(grown >> 20) +
                              " MiB of memory so far: it should take what a slice takes");
  }

 private:
  std::int64_t before_ = own_resident_bytes();
};

void streams_large_tensors(const Subject& subject) {
  const auto format = subject.make<CheckpointFormat>();
  const Model model = large_model();
  std::vector<float> piece(kPiece / sizeof(float));
  const MemoryWatch memory;
  const auto writer = writer_of(*format, subject.folder, model);
  if (writer == nullptr) throw NotApplicable("it does not write an embedding alone");
  const std::int64_t bytes = model.plan.tensors[0].num_bytes();
  for (std::int64_t at = 0; at < bytes; at += kPiece) {
    fill(piece, at);
    writer->write(0, at, std::as_bytes(std::span(piece)));
    memory.expect_little("writing");
  }
  writer->finish();
  const auto reader = opened_in(*format, subject.folder);
  std::vector<float> read(piece.size());
  const bool same_type = reader->tensors()[0].dtype == DType::f32 && reader->tensors()[0].stored_type.empty();
  for (std::int64_t at = 0; same_type && at < bytes; at += kPiece) {
    reader->read(0, at, std::as_writable_bytes(std::span(read)));
    memory.expect_little("reading");
    fill(piece, at);
    expect(read == piece, "the tensor has other bytes from " + std::to_string(at) + " on");
  }
}

void use(const Subject& subject) {
  const auto format = subject.make<CheckpointFormat>();
  (void)format->probe(subject.folder);
  const Model model = tiny_llama(subject, DType::f32);
  const fs::path folder = subject.folder / "use";
  fs::remove_all(folder);
  if (!write_model(*format, folder, model)) return;
  const auto reader = opened_in(*format, folder);
  for (std::size_t i = 0; i < reader->tensors().size(); ++i) (void)read_all(*reader, i);
  (void)reader->model_config();
  (void)reader->tokenizer_files();
  (void)reader->metadata();
}

constexpr std::array kTests{
    Test{"brings_tensors_back", "tensors come back, sorted by name, with their shapes and numbers",
         brings_tensors_back},
    Test{"takes_slices_in_any_order", "write() takes slices of any size in any order",
         takes_slices_in_any_order},
    Test{"reads_any_slice", "read() gives any slice of a tensor", reads_any_slice},
    Test{"views_what_it_reads", "view() is empty, or has the bytes that read() gives", views_what_it_reads},
    Test{"serves_many_threads", "read() may be called from any thread", serves_many_threads},
    Test{"knows_its_own", "probe() knows the format's own files", knows_its_own},
    Test{"knows_no_others", "probe() of what is none of its files is 0, and never throws", knows_no_others},
    Test{"refuses_what_is_none", "open() refuses with Error what is no checkpoint", refuses_what_is_none},
    Test{"survives_truncation", "a file that was cut short is refused with Error, or has what it had",
         survives_truncation},
    Test{"survives_damage", "damaged bytes are refused with Error, or read as other numbers",
         survives_damage},
    Test{"leaves_nothing_readable_unfinished", "files that finish() never completed can't be opened",
         leaves_nothing_readable_unfinished},
    Test{"misses_no_byte", "finish() throws Error{internal} if a byte is missing", misses_no_byte},
    Test{"keeps_what_goes_with_them", "configuration, metadata and small files come back as they were",
         keeps_what_goes_with_them},
    Test{"streams_large_tensors", "a tensor that is written and read by slices needs memory for a slice",
         streams_large_tensors},
};

}  // namespace

Suite checkpoint_suite() { return {CheckpointFormat::kKind, CheckpointFormat::kInterface, kTests, use}; }

}  // namespace easylm::exam
