// Reads blocks of examples in one thread, tokenises them in others, hands them out in order.
#include "data/document_stream.h"

#include <algorithm>
#include <utility>

namespace easylm {
namespace {

constexpr std::size_t kBlockExamples = 64;
constexpr std::size_t kBlockBytes = std::size_t{1} << 18U;
constexpr std::int64_t kBadReported = 100;  // in full; further ones are only counted

}  // namespace

struct DocumentStream::Slot {
  RawExample raw;
  StreamPlace place, after;
  Document document;
  std::optional<Error> problem;
};

struct DocumentStream::Block {
  std::vector<Slot> slots;
  std::size_t used = 0;  // slots handed out
  bool done = false;
  std::exception_ptr failure;  // of the tokenizer itself
};

DocumentStream::DocumentStream(Host& host, ExampleSource& source, const ExampleEncoder& encoder,
                               StreamOptions options)
    : host_(host),
      source_(source),
      encoder_(encoder),
      options_(std::move(options)),
      place_{0, source.place()} {
  for (std::int64_t i = 0; i < options_.threads; ++i) workers_.emplace_back([this] { work(); });
}

DocumentStream::~DocumentStream() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_came_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void DocumentStream::seek(const StreamPlace& place) {
  source_.seek(place.example);
  {
    const std::lock_guard lock(mutex_);
    todo_.clear();  // what is being worked on is finished, and thrown away
  }
  blocks_.clear();
  place_ = place;
  reading_epoch_ = epoch_with_document_ = place.epoch;
  at_end_ = from_start_ = false;
}

bool DocumentStream::next(PlacedDocument& document) {
  while (Slot* slot = front_slot()) {
    if (slot->place.epoch > epoch_with_document_ + 1) fail_without_documents();
    place_ = slot->after;
    ++blocks_.front()->used;
    if (slot->problem) {
      note_bad(*slot);
      continue;
    }
    epoch_with_document_ = slot->place.epoch;
    document.place = slot->place;
    document.document = std::move(slot->document);
    const auto length = static_cast<std::int64_t>(document.document.tokens.size());
    ++counts_.documents;
    counts_.tokens += length;
    ++counts_.lengths[length];
    return true;
  }
  if (from_start_ && counts_.documents == 0) fail_without_documents();
  return false;
}

// The next slot to hand out, tokenised; null at the end of a `once` pass.
DocumentStream::Slot* DocumentStream::front_slot() {
  while (!blocks_.empty() && blocks_.front()->used == blocks_.front()->slots.size()) blocks_.pop_front();
  read_ahead();
  if (blocks_.empty()) return nullptr;
  Block& block = *blocks_.front();
  if (workers_.empty()) {
    if (!block.done) tokenise(block);
    block.done = true;
  } else {
    std::unique_lock lock(mutex_);
    block_done_.wait(lock, [&] { return block.done; });
  }
  if (block.failure) std::rethrow_exception(block.failure);
  return &block.slots[block.used];
}

void DocumentStream::read_ahead() {
  const std::size_t wanted = workers_.empty() ? 1 : 2 * workers_.size() + 1;
  while (!at_end_ && blocks_.size() < wanted) {
    auto block = std::make_shared<Block>();
    std::size_t bytes = 0;
    Slot slot;
    while (block->slots.size() < kBlockExamples && bytes < kBlockBytes && read_slot(slot)) {
      bytes += slot.raw.bytes.size();
      block->slots.push_back(std::exchange(slot, {}));
    }
    if (block->slots.empty()) return;
    blocks_.push_back(block);
    if (workers_.empty()) continue;
    {
      const std::lock_guard lock(mutex_);
      todo_.push_back(std::move(block));
    }
    work_came_.notify_one();
  }
}

bool DocumentStream::read_slot(Slot& slot) {
  for (int passes = 0; !source_.read(slot.raw); ++passes) {
    at_end_ = options_.pass == DatasetPass::once;
    if (at_end_) return false;
    if (passes == 2) fail_without_documents();
    source_.seek({});
    ++reading_epoch_;
  }
  slot.place = {reading_epoch_, slot.raw.place};
  slot.after = {reading_epoch_, source_.place()};
  return true;
}

void DocumentStream::work() {
  for (;;) {
    std::shared_ptr<Block> block;
    {
      std::unique_lock lock(mutex_);
      work_came_.wait(lock, [&] { return stopping_ || !todo_.empty(); });
      if (stopping_) return;
      block = std::move(todo_.front());
      todo_.pop_front();
    }
    try {
      tokenise(*block);
    } catch (...) {
      block->failure = std::current_exception();
    }
    {
      const std::lock_guard lock(mutex_);
      block->done = true;
    }
    block_done_.notify_all();
  }
}

void DocumentStream::tokenise(Block& block) const {
  Example example;
  for (Slot& slot : block.slots) {
    try {
      example.fields.clear();
      source_.decode(slot.raw, example);
      encoder_.encode(example, slot.document);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::corrupt) throw;
      slot.problem = error;
    }
    slot.raw.owner.reset();
  }
}

void DocumentStream::note_bad(const Slot& slot) {
  const std::string text = source_.where(slot.place.example) + ": " + slot.problem->message();
  if (options_.bad == BadExamples::fail) {
    throw Error(ErrorCode::corrupt, options_.who + ": " + text,
                "mend it, or set bad_examples = \"skip\" to leave such examples out");
  }
  ++counts_.bad;
  if (counts_.bad <= kBadReported) {
    host_.warn("dataset", "skipped a bad example", {{"example", std::string_view(text)}});
  }
  if (counts_.bad == kBadReported) {
    host_.warn("dataset", "further bad examples are skipped and only counted",
               {{"see", "easylm data stats"}});
  }
}

void DocumentStream::fail_without_documents() const {
  throw Error(ErrorCode::invalid_config,
              options_.who + ": there is no example to read" +
                  (counts_.bad > 0 ? ": all " + std::to_string(counts_.bad) + " that were met are bad" : ""),
              counts_.bad > 0 ? "the warnings above say why; check `fields`" : "check the dataset's `path`");
}

}  // namespace easylm
