// The exam of each interface that speaks tensors.
#pragma once

#include "exam.h"

namespace easylm::exam {

Suite attention_suite();
Suite model_suite();
Suite optimizer_suite();

}  // namespace easylm::exam
