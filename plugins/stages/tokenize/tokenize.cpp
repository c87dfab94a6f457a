// The stage 'tokenize': the documents of a dataset, stored as tokens for any number of runs.
#include <memory>
#include <string>
#include <utility>

#include "easylm/dataset.h"
#include "easylm/error.h"
#include "easylm/sdk/plugin.h"
#include "easylm/stage.h"
#include "easylm/token_shards.h"

namespace easylm::stages {
namespace {

class Tokenize final : public Stage {
 public:
  struct Config {
    Table dataset;
    Path output;

    static void describe(Schema<Config>& s) {
      s.component("dataset", "dataset", &Config::dataset,
                  "the dataset whose documents are stored; what it says of rows plays no part")
          .required();
      s.field("output", &Config::output, "a folder for the shards; nothing may be there").required();
      s.needs("tokenizer");
    }
  };

  Tokenize(Host& host, Config config) : host_(host), config_(std::move(config)) {}

  void run(StageContext& context) override {
    const auto tokenizer = std::dynamic_pointer_cast<Tokenizer>(context.input("tokenizer").component);
    EASYLM_CHECK(tokenizer != nullptr, "the port 'tokenizer' holds a tokenizer");
    const auto dataset = host_.make<Dataset>(config_.dataset);
    auto* documents = extension_of<DocumentReader>(*dataset);
    if (documents == nullptr) {
      throw Error(ErrorCode::unsupported,
                  "the dataset '" + config_.dataset.type + "' does not hand out its documents",
                  "use text, jsonl or parquet");
    }
    documents->open_documents(tokenizer);
    TokenShardWriter writer(config_.output.text, tokenizer->vocabulary_size());
    store(context, *documents, writer);
    const TokenFacts facts = writer.finish({.target_bytes = documents->document_bytes(),
                                            .tokenizer = tokenizer->fingerprint(),
                                            .data = documents->documents_fingerprint()});
    context.progress(facts.documents, facts.documents);
    host_.info("tokenize", "stored",
               {{"documents", facts.documents},
                {"tokens", facts.tokens},
                {"bytes", facts.target_bytes},
                {"use", "type = \"tokens\", path = \"" + config_.output.text + "\""}});
  }

 private:
  void store(StageContext& context, DocumentReader& documents, TokenShardWriter& writer) const {
    std::int64_t count = 0;
    for (Document document; documents.next_document(document);) {
      writer.add(document);
      context.progress(++count, 0);
      if (!host_.stop().requested()) continue;
      throw Error(ErrorCode::interrupted, "tokenizing was stopped; nothing was written");
    }
  }

  Host& host_;
  Config config_;
};

}  // namespace
}  // namespace easylm::stages

EASYLM_PLUGIN("easylm-stage-tokenize", "0.1.0") {
  registrar.component<easylm::stages::Tokenize>("tokenize", "Stores the documents of a dataset as tokens.");
}
