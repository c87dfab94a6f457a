// The exam of each interface that speaks no tensors.
#pragma once

#include "exam.h"

namespace easylm::exam {

Suite checkpoint_suite();
Suite dataset_suite();
Suite schedule_suite();
Suite stage_suite();
Suite tokenizer_suite();
Suite tracker_suite();

}  // namespace easylm::exam
