// The key function of Descriptions.
#include "config/descriptions.h"

namespace easylm {

Descriptions::~Descriptions() = default;

}  // namespace easylm
