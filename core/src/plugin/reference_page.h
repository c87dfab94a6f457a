// docs/reference.md: every key of every installed component, in Markdown.
#pragma once

#include <string>

#include "easylm/export.h"
#include "plugin/catalogue.h"

namespace easylm {

EASYLM_API std::string reference_page(const Catalogue& catalogue);

}  // namespace easylm
