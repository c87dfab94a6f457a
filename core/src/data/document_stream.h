// The documents of a source in their order, tokenised ahead by several threads.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "easylm/dataset.h"
#include "easylm/error.h"
#include "easylm/example.h"
#include "easylm/example_encoder.h"
#include "easylm/host.h"

namespace easylm {

struct StreamPlace {
  std::int64_t epoch = 0;
  ExamplePlace example;
  auto operator<=>(const StreamPlace&) const = default;
};

struct PlacedDocument {
  StreamPlace place;
  Document document;
};

enum class BadExamples { skip, fail };

struct StreamOptions {
  std::string who;  // "dataset jsonl"
  DatasetPass pass = DatasetPass::endless;
  BadExamples bad = BadExamples::skip;
  std::int64_t threads = 0;  // 0: the one that calls
};

// What was met so far. Documents are counted as they are handed out, so it doesn't depend on the threads.
struct StreamCounts {
  std::int64_t documents = 0, tokens = 0, bad = 0;
  std::map<std::int64_t, std::int64_t> lengths;  // tokens → documents
};

// Nothing that it does depends on the number of threads. Used by one thread at a time.
class EASYLM_API DocumentStream {
 public:
  // `host`, `source` and `encoder` outlive this.
  DocumentStream(Host& host, ExampleSource& source, const ExampleEncoder& encoder, StreamOptions options);
  ~DocumentStream();
  DocumentStream(const DocumentStream&) = delete;
  DocumentStream& operator=(const DocumentStream&) = delete;

  // The next document; false only at the end of a `once` pass. A bad example is reported, counted and left
  // out, or thrown as Error{corrupt}. Throws Error{invalid_config} if a whole pass had no document.
  bool next(PlacedDocument& document);

  // Right after the last document taken: where next() goes on.
  const StreamPlace& place() const { return place_; }

  void seek(const StreamPlace& place);

  std::string where(const StreamPlace& place) const { return source_.where(place.example); }
  const StreamCounts& counts() const { return counts_; }
  DatasetPass pass() const { return options_.pass; }

 private:
  struct Slot;
  struct Block;

  bool read_slot(Slot& slot);
  void read_ahead();
  void work();
  void tokenise(Block& block) const;
  Slot* front_slot();
  void note_bad(const Slot& slot);
  [[noreturn]] void fail_without_documents() const;

  Host& host_;
  ExampleSource& source_;
  const ExampleEncoder& encoder_;
  StreamOptions options_;
  StreamCounts counts_;
  StreamPlace place_;
  std::int64_t epoch_with_document_ = 0;  // the last one that had any, or where we began
  std::int64_t reading_epoch_ = 0;
  bool at_end_ = false;     // of reading a `once` pass
  bool from_start_ = true;  // nobody has moved us

  std::deque<std::shared_ptr<Block>> blocks_;  // in order; next() takes from the first
  std::mutex mutex_;                           // of what follows, and of Block::done
  std::condition_variable work_came_, block_done_;
  std::deque<std::shared_ptr<Block>> todo_;
  bool stopping_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace easylm
