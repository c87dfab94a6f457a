// Other components that one can't be examined without.
#pragma once

#include <memory>

#include "easylm/tokenizer.h"
#include "exam.h"

namespace easylm::exam {

// The tokenizer of --pipeline, or bytes.
std::shared_ptr<const Tokenizer> tokenizer_for(const Subject& subject);

}  // namespace easylm::exam
