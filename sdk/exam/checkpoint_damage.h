// The tests of a checkpoint format with files that nobody vouches for.
#pragma once

#include "exam.h"

namespace easylm::exam {

void knows_its_own(const Subject& subject);
void knows_no_others(const Subject& subject);
void refuses_what_is_none(const Subject& subject);
void survives_truncation(const Subject& subject);
void survives_damage(const Subject& subject);

}  // namespace easylm::exam
