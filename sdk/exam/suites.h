// The exam of each interface that speaks no tensors.
#pragma once

#include "exam.h"

namespace easylm::exam {

Suite schedule_suite();

}  // namespace easylm::exam
