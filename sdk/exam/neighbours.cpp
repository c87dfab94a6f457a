// Makes them from the pipeline, or from what every installation has.
#include "neighbours.h"

namespace easylm::exam {

std::shared_ptr<const Tokenizer> tokenizer_for(const Subject& subject) {
  if (subject.pipeline != nullptr && subject.pipeline->tokenizer) {
    return subject.host.make<Tokenizer>(*subject.pipeline->tokenizer);
  }
  Table bytes;
  bytes.type = "byte";
  return subject.host.make<Tokenizer>(bytes);
}

}  // namespace easylm::exam
